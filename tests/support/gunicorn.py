"""The service as production runs it: gunicorn with `gunicorn.conf.py`, in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from tests.support.environments import ROOT
from tests.support.texts import json_lines

BOOT_SECONDS = 60.0
STOP_SECONDS = 20.0
_POLL_SECONDS = 0.02


class GunicornError(AssertionError):
    """It did not come up, or did not end as it should; the message shows its output."""


def wait_until(condition: Any, seconds: float = 10.0, what: str = "it") -> None:  # noqa: ANN401 - anything truthy
    """Return as soon as ``condition()`` is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(_POLL_SECONDS)


class Gunicorn:
    """One gunicorn: master, workers and what they print.

    Args:
        directory: Where its output goes, one file per stream.
        environment: Its whole environment, `TBG_PORT` included; see `full_environment`.
        app: Another application factory, as ``"module:create_app()"``; None is the service's own.
        command: Another way to start it, such as `tbg serve`.
    """

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        app: str | None = None,
        *,
        command: Sequence[str] = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._stdout = directory / "stdout"
        self._stderr = directory / "stderr"
        self._environment = dict(environment)
        self._command = [*command, *([app] if app else [])]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    def options(self, *options: str) -> None:
        """Start it with more of gunicorn's own options."""
        self._command += options

    def launch(self, stdout: int | None = None) -> None:
        """Start it without waiting for it; ``stdout`` takes the place of the file that `text` reads."""
        with self._stdout.open("wb") as file, self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file if stdout is None else stdout,
                stderr=stderr,
            )

    def start(self) -> None:
        """Start it and return when every worker serves.

        Raises:
            GunicornError: It ended instead, or took too long.
        """
        self.launch()
        deadline = time.monotonic() + BOOT_SECONDS
        while not self._serves():
            if self._running().poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise GunicornError(f"gunicorn did not come up:\n{self.output()}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Ask it to end; it must do so in time, with status 0, and without a word on standard error."""
        family = self.family()
        self._running().send_signal(signal.SIGTERM)
        try:
            status = self._running().wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            status = None
        leftovers = [process for process in family if process.is_running()]
        self.kill()
        if status != 0 or leftovers or self.errors():
            raise GunicornError(f"ended with {status}, left {leftovers}:\n{self.output()}")

    def wait(self, seconds: float = BOOT_SECONDS) -> int:
        """Return the exit status of one that is to end by itself."""
        try:
            return self._running().wait(seconds)
        finally:
            self.kill()

    def kill(self) -> None:
        """End whatever is left of it, by process id."""
        for process in self.family():
            process.kill()
        if self._process is not None:
            self._process.wait(STOP_SECONDS)

    @property
    def pid(self) -> int:
        """The master's process id."""
        return self._running().pid

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._environment["TBG_PORT"])

    @property
    def url(self) -> str:
        """Its address for HTTP; on a Unix socket, what `client` calls it."""
        host = self._environment["TBG_HOST"]
        if host.startswith("unix:"):
            return "http://unix"
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def worker_pids(self) -> set[int]:
        """Return the process ids of the workers that run now."""
        try:
            return {worker.pid for worker in psutil.Process(self.pid).children()}
        except psutil.NoSuchProcess:
            return set()

    def family(self) -> list[psutil.Process]:
        """Return master and workers, as far as they run."""
        try:
            master = psutil.Process(self.pid)
            return [*master.children(recursive=True), master]
        except (psutil.NoSuchProcess, AssertionError):
            return []

    def client(self, **options: Any) -> httpx.Client:  # noqa: ANN401 - httpx's own options
        """Return an HTTP client of this service that heeds no proxy."""
        kind, _, path = self._environment["TBG_HOST"].partition(":")
        transport = httpx.HTTPTransport(uds=path if kind == "unix" else None)
        return httpx.Client(base_url=self.url, transport=transport, trust_env=False, timeout=30.0, **options)

    @property
    def log_file(self) -> Path:
        """Where its standard output goes."""
        return self._stdout

    def text(self) -> str:
        """Return its standard output so far; workers write it a moment later."""
        time.sleep(0.05)
        return self._stdout.read_text()

    def errors(self) -> str:
        """Return its standard error so far."""
        return self._stderr.read_text()

    def output(self) -> str:
        """Return everything it printed, for people."""
        return f"{self.text()}\n--- standard error\n{self.errors()}"

    def log(self, event: str | None = None) -> list[dict[str, Any]]:
        """Return its log lines so far, each of which must be JSON; only those of ``event`` if it is given."""
        complete = self.text().rpartition("\n")[0]
        return [line for line in json_lines(complete) if event is None or line["event"] == event]

    def wait_for_log(self, event: str, count: int = 1, seconds: float = 10.0) -> list[dict[str, Any]]:
        """Return the lines of ``event`` as soon as there are ``count``."""
        wait_until(lambda: len(self.log(event)) >= count, seconds, f"{count} lines of {event}")
        return self.log(event)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def _serves(self) -> bool:
        wanted = int(self._environment["WEB_CONCURRENCY"])
        if self.text().count("Application startup complete") < wanted:
            return False
        try:
            with self.client() as client:
                return client.get("/health").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def stop_process(pid: int) -> None:
    """Freeze one process that a test has started."""
    os.kill(pid, signal.SIGSTOP)


def continue_process(pid: int) -> None:
    """Let a frozen process go on."""
    os.kill(pid, signal.SIGCONT)
