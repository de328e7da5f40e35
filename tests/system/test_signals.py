"""Signals to the master: the earliest ones, and SIGUSR2, however the service was started."""

import contextlib
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

from tbg.dev.ports import free_port
from tests.support.environments import ROOT, full_environment, tbg_command
from tests.support.gunicorn import Gunicorn, wait_until

SCRIPTS = Path(sys.executable).parent
CONFIGURATION = ("-c", "gunicorn.conf.py")
COMMANDS = {
    "tbg serve": tbg_command("serve"),
    "the installed tbg serve": [str(SCRIPTS / "tbg"), "serve"],
    "gunicorn": [str(SCRIPTS / "gunicorn"), *CONFIGURATION],
    "python -m gunicorn": [sys.executable, "-m", "gunicorn", *CONFIGURATION],
}
STOP_SECONDS = 2.0

Start = Callable[..., Gunicorn]


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest) -> list[str]:
    return COMMANDS[request.param]


@pytest.fixture
def start(tmp_path: Path, postgres_url: str, redis_url: str) -> Iterator[Start]:
    """Prepare a gunicorn of one worker, by one of the commands."""
    started: list[Gunicorn] = []

    def prepare(command: list[str], **variables: str) -> Gunicorn:
        environment = full_environment(
            port=free_port(), database_url=postgres_url, redis_url=redis_url, graceful_timeout_seconds=5
        )
        server = Gunicorn(
            tmp_path, {**environment, "WEB_CONCURRENCY": "1", "TBG_DRAIN_SECONDS": "0", **variables}, command=command
        )
        started.append(server)
        return server

    yield prepare
    for each in started:
        each.kill()


class TestEarly:
    """A stop in the first second: as first process of a container Python heeds no signal without a handler."""

    @pytest.mark.parametrize("milliseconds", [0, 20, 50, 100, 200, 300, 400, 500, 600, 700, 800, 1000, 1500])
    def test_it_ends_at_once(self, start: Start, milliseconds: int) -> None:
        server = start(tbg_command("serve"))
        server.launch()
        time.sleep(milliseconds / 1000)
        family = server.family()
        begun = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)

        assert server.wait(10) in {0, -signal.SIGTERM}  # -SIGTERM: Python itself has not started
        assert time.monotonic() - begun < STOP_SECONDS
        assert not [process for process in family if process.is_running()]
        assert "Traceback" not in server.output()

    @pytest.mark.parametrize(
        ("command", "status"), [(tbg_command("serve"), 0), ([str(SCRIPTS / "tbg"), "migrate"], 143)], ids=str
    )
    def test_python_has_a_handler_before_it_imports_much(self, tmp_path: Path, command: list[str], status: int) -> None:
        """The database does not answer; that `migrate` did not finish must show."""
        with silent_server() as port:
            url = f"postgresql+asyncpg://tbg:x@127.0.0.1:{port}/none"
            environment = full_environment(port=free_port(), database_url=url)
            with (tmp_path / "out").open("wb") as out:
                process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
            try:
                wait_until(lambda: handles(process.pid, signal.SIGTERM), 10, "a handler")
                loaded = {Path(each.path).name for each in psutil.Process(process.pid).memory_maps()}
                process.send_signal(signal.SIGTERM)
                assert process.wait(STOP_SECONDS) == status
            finally:
                process.kill()
                process.wait()

        assert not [name for name in loaded if "sqlalchemy" in name or "uvloop" in name], "it came late"


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """A port at which connections are taken and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def handles(pid: int, number: signal.Signals) -> bool:
    """Tell whether the process has a handler for the signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
    return bool(int(caught, 16) >> (number - 1) & 1)


class TestAnotherMaster:
    """SIGUSR2: a new master beside the old one, on the same sockets."""

    @pytest.fixture
    def old(self, start: Start, command: list[str]) -> Gunicorn:
        server = start(command)
        server.start()
        return server

    def test_it_serves_when_the_old_one_has_ended(self, old: Gunicorn) -> None:
        new = another(old)
        try:
            with old.client() as client:
                os.kill(old.pid, signal.SIGTERM)
                assert old.wait(10) == 0
                assert {client.get("/health").status_code for _ in range(50)} == {200}
                wait_until(lambda: old.log("Master has been promoted."), 5, "its promotion")
                promoted = another_of(new.pid, old)
                assert client.get("/ready").status_code == 200
                promoted.terminate()
                promoted.wait(10)
                new.terminate()
                new.wait(10)
            with pytest.raises(httpx.TransportError), old.client() as client:
                client.get("/health")
        finally:
            for process in (*children(new), new):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

        assert old.errors() == ""

    def test_it_is_ended_and_the_old_one_goes_on(self, old: Gunicorn) -> None:
        new = another(old)
        new.terminate()
        wait_until(lambda: not new.is_running() or new.status() == psutil.STATUS_ZOMBIE, 10, "its end")

        with old.client() as client:
            assert {client.get("/health").status_code for _ in range(50)} == {200}
        old.stop()


def another(server: Gunicorn) -> psutil.Process:
    """Ask for another master, and return it when it has a worker that serves."""
    return another_of(server.pid, server)


def another_of(pid: int, server: Gunicorn) -> psutil.Process:
    workers = {worker.pid for worker in psutil.Process(pid).children()}
    started = len(server.log("Application startup complete."))
    os.kill(pid, signal.SIGUSR2)
    server.wait_for_log("Application startup complete.", started + 1, 20)
    (new,) = [child for child in psutil.Process(pid).children() if child.pid not in workers]
    return new


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def test_a_master_that_cannot_start_leaves_the_old_one(start: Start, tmp_path: Path) -> None:
    contract = tmp_path / "openapi.yaml"
    contract.write_text((ROOT / "openapi.yaml").read_text())
    server = start(tbg_command("serve"), TBG_CONTRACT_PATH=str(contract))
    server.start()
    contract.write_text("openapi: [")
    os.kill(server.pid, signal.SIGUSR2)
    wait_until(lambda: "openapi.yaml cannot be used" in server.errors(), 10, "a refusal")

    with server.client() as client:
        assert client.get("/health").status_code == 200
