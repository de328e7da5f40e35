"""One running target: its start, what its processes cost, and its end."""

import contextlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import attrs
import psutil

from benchmarks.load.cores import Cores
from benchmarks.load.slow import SlowReader
from benchmarks.load.targets import Target

ROOT: Final = Path(__file__).parents[2]
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.005
_SETTLE_SECONDS: Final = 20.0
_QUIET_SECONDS: Final = 0.1
_IDLE_PART: Final = 0.15  # the system counts in hundredths of a second
_TROUBLE: Final = re.compile(rb'"level": ?"(?:warning|error|critical)"')
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class TargetError(RuntimeError):
    """A target did not start; the message has what it said."""


@attrs.frozen
class ColdStart:
    """What it takes until the first answer.

    Attributes:
        seconds: By the clock.
        cpu_seconds: Of all its processes.
    """

    seconds: float
    cpu_seconds: float


@attrs.frozen
class Memory:
    """Resident megabytes.

    Attributes:
        rss: Of the mean worker, with everything that it shares.
        pss: Of the mean worker, its part of what is shared; None where the system does not tell.
        tree_pss: Of all processes together.
    """

    rss: float
    pss: float | None
    tree_pss: float | None


class Running:
    """A started target. Its output goes to ``directory``, or through a pipe that is read slowly.

    Args:
        target: What to start.
        environment: Its whole environment, without the port.
        cores: Where it runs.
        directory: Where its output goes.
    """

    def __init__(self, target: Target, environment: Mapping[str, str], cores: Cores, directory: Path) -> None:
        self.target = target
        self.port = _free_port()
        self._environment = {**environment, **target.environment, "TBG_PORT": str(self.port)}
        self._cores = cores
        self._log_path = directory / f"{target.name.replace(' ', '-')}.log"
        self._log_read = 0
        self._reader: SlowReader | None = None

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        with self._log_path.open("wb") as log, self._cores.serving(self.target.workers):
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                [word.format(port=self.port) for word in self.target.command],
                cwd=ROOT,
                env={**self._environment, "WEB_CONCURRENCY": str(self.target.workers)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self.target.log_bytes_per_second else log,
                stderr=subprocess.STDOUT,
            )
        if self._process.stdout is not None:
            self._reader = SlowReader(self._process.stdout)
        return self

    def __exit__(self, *_: object) -> None:
        family = self._family()
        if self._reader is not None:
            self._reader.hurry()
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()

    def wait_ready(self) -> ColdStart:
        """Return what the start has cost as soon as it answers.

        Raises:
            TargetError: It ended instead, or took too long.
        """
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > self._started + _START_SECONDS:
                raise TargetError(f"{self.target.name} did not start:\n{self._tail()}")
            time.sleep(_POLL_SECONDS)
        start = ColdStart(time.monotonic() - self._started, self.cpu_seconds())
        if self._reader is not None:
            self._reader.slow_down(self.target.log_bytes_per_second)
        return start

    def cpu_seconds(self) -> float:
        """Return what all processes of the target have used, user and system, those that have ended included."""
        return sum(sum(process.cpu_times()[:4]) for process in self._family())

    def settle(self) -> None:
        """Return when it has nothing to do any more: it may go on with requests whose clients have left."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        before = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(_QUIET_SECONDS)
            now = self.cpu_seconds()
            if now - before <= _IDLE_PART * _QUIET_SECONDS:
                return
            before = now

    def memory(self) -> Memory:
        """Return what is resident now."""
        family = self._family()
        workers = family[1:] or family
        pss = [_pss(process) for process in family]
        of_workers = pss[1:] or pss
        told = all(value is not None for value in pss)
        return Memory(
            sum(process.memory_info().rss for process in workers) / len(workers) / 1e6,
            sum(value or 0 for value in of_workers) / len(workers) / 1e6 if told else None,
            sum(value or 0 for value in pss) / 1e6 if told else None,
        )

    def remaining(self) -> int | None:
        """Return what is left of the rate limit, as an answer to /version announces it; None if none does."""
        with contextlib.suppress(OSError), _opener.open(f"http://127.0.0.1:{self.port}/version", timeout=10) as answer:
            left = answer.headers["X-RateLimit-Remaining"]
            return None if left is None else int(left)
        return None

    def troubles(self) -> int:
        """Return how many lines of its log, since the last call, are no everyday ones."""
        with self._log_path.open("rb") as log:
            log.seek(self._log_read)
            found = sum(_TROUBLE.search(line) is not None for line in log)
            self._log_read = log.tell()
        return found

    def _family(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self._process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _answers(self) -> bool:
        try:
            with _opener.open(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                return bool(answer.status == 200)  # noqa: PLR2004 - HTTP
        except urllib.error.HTTPError:
            return False
        except OSError:
            return False

    def _tail(self) -> str:
        said = self._reader.seen if self._reader else self._log_path.read_bytes()
        return bytes(said[-4000:]).decode(errors="replace").replace(str(ROOT), ".")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _pss(process: psutil.Process) -> int | None:
    try:
        return int(process.memory_full_info().pss)
    except (AttributeError, psutil.AccessDenied, OSError):
        return None
