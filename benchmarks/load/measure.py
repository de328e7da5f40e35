"""Measure: round after round, every target is started anew, asked, and stopped.

Only the target that is asked runs, so the others cost nothing; and as each round has a process of its own, the medians
do not hang on one process's luck.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final

import attrs
import redis

from benchmarks.load import wrk
from benchmarks.load.cores import Cores
from benchmarks.load.processes import ROOT, ColdStart, Memory, Running, TargetError
from benchmarks.load.targets import Case, Target
from tbg.dev.postgres import EmbeddedPostgres
from tbg.dev.server import EmbeddedServer
from tbg.dev.valkey import EmbeddedValkey

_WARM_UP_SECONDS: Final = 1
_NEGLIGIBLE_PART: Final = 0.01
_FREE: Final = ("/health", "/ready")
_RECOVERY_SECONDS: Final = 10
_WINDOW_SECONDS: Final = 50  # a little less than a window of the rate limits
_PASSED_ON: Final = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR")


class BusyError(RuntimeError):
    """Another benchmark is running, and two would measure each other."""


@attrs.frozen
class Sample:
    """One round of one case.

    Attributes:
        outcome: What the clients have seen.
        cpu_us: CPU time of a request, in microseconds.
        troubles: Lines of the target's log that are warnings or worse.
        uncounted: Requests that the rate limit has not counted, as far as its headers tell.
    """

    outcome: wrk.Outcome
    cpu_us: float
    troubles: int
    uncounted: int

    @property
    def is_valid(self) -> bool:
        """Tell whether the target has done all its work."""
        return self.uncounted <= self.outcome.requests * _NEGLIGIBLE_PART

    @property
    def rps(self) -> float:
        """Requests a second."""
        return self.outcome.requests / self.outcome.seconds


@attrs.define
class Result:
    """All rounds of one target."""

    target: Target
    samples: dict[Case, list[Sample]] = attrs.field(factory=dict)
    starts: list[ColdStart] = attrs.field(factory=list)
    memory: list[Memory] = attrs.field(factory=list)
    failure: str = ""

    @property
    def errors(self) -> int:
        """Return how often anything went wrong in any round, the start included."""
        wrong = sum(sample.outcome.errors for samples in self.samples.values() for sample in samples)
        return wrong + bool(self.failure)


@attrs.frozen
class Plan:
    """How to measure."""

    rounds: int
    seconds: int
    cases: Callable[[Target], Sequence[Case]]


def measure(targets: Sequence[Target], plan: Plan, cores: Cores, say: Callable[[str], None]) -> list[Result]:
    """Return what each target did, in the order of ``targets``."""
    results = [Result(target) for target in targets]
    cores.take_load()
    with _alone() as directory, _servers(directory) as (environment, valkey):
        for number in range(plan.rounds):
            for result in results:
                say(f"round {number + 1} of {plan.rounds}: {result.target.name}")
                if not result.failure:
                    _one_round(result, plan, _Place(environment, cores, valkey.url))
    return results


@attrs.frozen
class _Place:
    """Where targets run."""

    environment: Mapping[str, str]
    cores: Cores
    valkey_url: str


def _one_round(result: Result, plan: Plan, place: _Place) -> None:
    directory = ROOT / ".bench" / "logs"
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with Running(result.target, place.environment, place.cores, directory) as running:
            result.starts.append(running.wait_ready())
            for case in plan.cases(result.target):
                result.samples.setdefault(case, []).append(_sample(running, case, plan.seconds, place.valkey_url))
            result.memory.append(running.memory())
    except (TargetError, wrk.WrkError) as error:
        result.failure = str(error)


def _sample(running: Running, case: Case, seconds: int, valkey_url: str) -> Sample:
    """Warm up, begin a new window of the rate limit, and measure."""
    wrk.ask(case, running.port, _WARM_UP_SECONDS)
    running.settle()
    running.troubles()
    _forget_everything(valkey_url)
    allowed = _remaining(running, case)
    before = running.cpu_seconds()
    outcome = wrk.ask(case, running.port, seconds)
    used = running.cpu_seconds() - before
    if outcome.requests == 0:
        raise TargetError(f"{running.target.name} answered nothing to {case.path} within {seconds} s")
    left = _remaining(running, case) if seconds < _WINDOW_SECONDS else None
    counted = outcome.requests if left is None or allowed is None else allowed - left - 1
    uncounted = max(0, outcome.requests - counted)
    return Sample(outcome, used * 1e6 / outcome.requests, running.troubles(), uncounted)


def _remaining(running: Running, case: Case) -> int | None:
    """Return what is left of the rate limit for this program; None if the target or the case does not tell.

    A target that has lost Redis under load announces nothing until it has found it again, so this waits.
    """
    left = running.remaining()
    is_counted = case.url not in _FREE and case.kind != "clients" and case.status != HTTPStatus.TOO_MANY_REQUESTS
    if not running.target.announces_limit or not is_counted:
        return None
    deadline = time.monotonic() + _RECOVERY_SECONDS
    while left is None and time.monotonic() < deadline:
        time.sleep(0.1)
        left = running.remaining()
    if left is None:
        raise TargetError(f"{running.target.name} has stopped counting requests")
    return left


@contextmanager
def _alone() -> Iterator[Path]:
    """Yield a directory that no other measurement uses.

    Raises:
        BusyError: Another one is under way in this checkout, and would disturb this one.
    """
    with (ROOT / ".bench" / "lock").open("w") as lock, tempfile.TemporaryDirectory() as directory:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("another benchmark is running in this checkout: wait for its end") from None
        yield Path(directory)


@contextmanager
def _servers(directory: Path) -> Iterator[tuple[Mapping[str, str], EmbeddedValkey]]:
    """Run Valkey and PostgreSQL for the block, and yield the environment that leads to them, and Valkey."""
    valkey = EmbeddedValkey(directory / "valkey")
    postgres = EmbeddedPostgres(directory / "postgres")
    with ExitStack() as stack:
        for server in (valkey, postgres):
            stack.enter_context(_discarded(server))
        environment = {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
            "TBG_REDIS_URL": valkey.url,
            "TBG_DATABASE_URL": postgres.url,
            "TBG_RATE_LIMIT_REQUESTS": "1000000",
        }
        yield environment, valkey


def _forget_everything(url: str) -> None:
    """Empty Valkey: what has been counted before must not count now."""
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        client.flushall()


@contextmanager
def _discarded(server: EmbeddedServer) -> Iterator[None]:
    try:
        with server:
            yield
    finally:
        server.discard()
