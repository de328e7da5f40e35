"""The service lives on whatever becomes of its standard output: nobody reads it, it is held, full, closed or locked."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import gunicorn
from tests.support.gunicorn import Gunicorn, stop_process, wait_until

GRACE_SECONDS = 5
HANG_SECONDS = 4  # a worker shows that it lives every two seconds

type Output = Callable[[], contextlib.AbstractContextManager[int]]


@contextlib.contextmanager
def full_pipe() -> Iterator[int]:
    """A pipe that nobody reads, and that has room for nothing."""
    reader, writer = os.pipe()
    fill(writer)
    yield writer
    os.close(writer)
    os.close(reader)


@contextlib.contextmanager
def pipe_that_fills() -> Iterator[int]:
    """A pipe that nobody reads, with room for a few lines and a half."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b"x" * 3000)
    yield writer
    os.close(writer)
    os.close(reader)


@contextlib.contextmanager
def pipe_without_reader() -> Iterator[int]:
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@contextlib.contextmanager
def held_terminal() -> Iterator[int]:
    """A terminal on which somebody has pressed Ctrl-S."""
    keyboard, terminal = os.openpty()
    os.write(keyboard, b"\x13")
    yield terminal
    os.close(terminal)
    os.close(keyboard)


@contextlib.contextmanager
def unread_terminal() -> Iterator[int]:
    """A terminal whose window hangs."""
    keyboard, terminal = os.openpty()
    fill(terminal)
    yield terminal
    os.close(terminal)
    os.close(keyboard)


@contextlib.contextmanager
def full_socket() -> Iterator[int]:
    """What systemd gives: a socket, whose reader has stopped."""
    reader, writer = socket.socketpair()
    with reader, writer:
        fill(writer.fileno())
        yield writer.fileno()


@contextlib.contextmanager
def full_disk() -> Iterator[int]:
    with open("/dev/full", "wb") as file:  # noqa: PTH123 - a device
        yield file.fileno()


@contextlib.contextmanager
def locked_null() -> Iterator[int]:
    with locked(Path(os.devnull)) as descriptor:
        yield descriptor


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """A file that another process keeps locked."""
    code = "import fcntl, sys; file = open(sys.argv[1], 'r+'); fcntl.lockf(file, 2); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with path.open("r+b") as file:
            yield file.fileno()
        other.communicate(b"\n")


def fill(descriptor: int) -> None:
    os.set_blocking(descriptor, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(descriptor, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(descriptor, b"x")
    os.set_blocking(descriptor, True)


OUTPUTS: list[Output] = [
    full_pipe,
    pipe_that_fills,
    pipe_without_reader,
    held_terminal,
    unread_terminal,
    full_socket,
    full_disk,
    locked_null,
]


@pytest.fixture(params=OUTPUTS, ids=lambda each: each.__name__)
def output(request: pytest.FixtureRequest) -> Iterator[int]:
    with request.param() as descriptor:
        yield descriptor


@pytest.fixture
def service(tmp_path: Path, postgres_url: str, redis_url: str, output: int) -> Iterator[Gunicorn]:
    """A gunicorn that writes to ``output``, and that soon gives up a worker that hangs."""
    server = gunicorn(tmp_path, postgres_url, redis_url, graceful_timeout_seconds=GRACE_SECONDS)
    server.options("--timeout", str(HANG_SECONDS))
    server.launch(stdout=output)
    try:
        with server.client() as client:
            wait_until(lambda: answers(client), 30, "an answer")
        wait_until(lambda: len(server.worker_pids()) == 2, 10, "two workers")
        yield server
    finally:
        server.kill()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").is_success
    except httpx.TransportError:
        return False


def replaced(server: Gunicorn, worker: int, seconds: float) -> None:
    """Return when ``worker`` is gone and there are two again."""
    wait_until(lambda: len(server.worker_pids() - {worker}) == 2, seconds, "a replacement")
    wait_until(lambda: worker not in server.worker_pids(), seconds, "its end")


def test_workers_are_replaced_and_signals_heeded(service: Gunicorn) -> None:
    """One run, because each takes seconds: a worker is killed, one hangs, SIGHUP, requests, SIGTERM."""
    killed, hung = sorted(service.worker_pids())
    os.kill(killed, signal.SIGKILL)
    replaced(service, killed, 5)

    stop_process(hung)
    replaced(service, hung, HANG_SECONDS + 5)

    before = service.worker_pids()
    os.kill(service.pid, signal.SIGHUP)
    wait_until(lambda: len(service.worker_pids()) == 2 and not service.worker_pids() & before, 15, "new workers")

    with service.client() as client:
        wait_until(lambda: answers(client), 10, "an answer")
        assert {client.get("/health").status_code for _ in range(500)} == {200}

    family = service.family()
    begun = time.monotonic()
    psutil.Process(service.pid).terminate()
    assert service.wait(GRACE_SECONDS + 5) == 0
    assert time.monotonic() - begun < GRACE_SECONDS
    assert not [process for process in family if process.is_running()]
    assert service.errors() == ""


def test_it_boots_without_a_standard_output(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    server = gunicorn(tmp_path, postgres_url, redis_url, workers=1)
    server._command = ["sh", "-c", 'exec "$@" >&-', "sh", *server._command]
    server.launch()
    with server.client() as client:
        wait_until(lambda: answers(client), 30, "an answer")
    server.stop()


def test_it_boots_into_a_file_that_somebody_has_locked(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    (tmp_path / "log").touch()
    server = gunicorn(tmp_path / "server", postgres_url, redis_url, workers=1)
    with locked(tmp_path / "log") as descriptor:
        server.launch(stdout=descriptor)
        with server.client() as client:
            wait_until(lambda: answers(client), 30, "an answer")
        server.stop()

    assert "Shutting down: Master" in (tmp_path / "log").read_text()
