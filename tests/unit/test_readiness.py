"""Readiness: one probe for many callers, an answer for a moment, and never longer than its time-out."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from tbg.config import Settings
from tbg.health.readiness import Readiness, Report
from tbg.logs import configure_logging
from tests.conftest import Logged


class Clock:
    """Monotonic seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Dependency:
    """Something to ping, which can be down, or hang."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.asked = 0
        self.release = asyncio.Event()
        self.release.set()

    async def ping(self) -> None:
        self.asked += 1
        await self.release.wait()
        if self.error is not None:
            raise self.error


def readiness(
    clock: Clock | None = None, timeout_seconds: float = 0.05, **pings: Callable[[], Awaitable[object]]
) -> Readiness:
    return Readiness(pings, timeout_seconds=timeout_seconds, cache_seconds=1, clock=clock or Clock())


async def test_all_well() -> None:
    ready = readiness(database=Dependency().ping, redis=Dependency().ping)

    assert await ready.report() == Report("ready", {"database": "ok", "redis": "ok"})


async def test_nothing_to_ask_is_ready() -> None:
    assert await readiness().report() == Report("ready", {})


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('10.1.2.3', 5432)"), "error: unavailable"),
        (RuntimeError("password=secret"), "error: unavailable"),
        (TimeoutError("10.1.2.3"), "error: timed out"),
    ],
)
async def test_a_failure_is_told_without_its_details(error: Exception, state: str) -> None:
    ready = readiness(database=Dependency(error).ping, redis=Dependency().ping)

    assert await ready.report() == Report("degraded", {"database": state, "redis": "ok"})


async def test_a_ping_that_cancels_itself_is_a_failure() -> None:
    """A driver does that when its connection is lost in the middle."""
    ready = readiness(database=Dependency(asyncio.CancelledError()).ping, redis=Dependency().ping)

    assert await ready.report() == Report("degraded", {"database": "error: unavailable", "redis": "ok"})


async def test_a_frozen_dependency_costs_the_time_out_and_not_more() -> None:
    frozen, other = Dependency(), Dependency()
    frozen.release.clear()
    started = time.monotonic()
    report = await readiness(database=frozen.ping, redis=other.ping).report()

    assert report == Report("degraded", {"database": "error: timed out", "redis": "ok"})
    assert 0.04 <= time.monotonic() - started < 0.5


async def test_all_are_asked_at_once() -> None:
    first, second = Dependency(), Dependency()
    first.release.clear()
    second.release.clear()
    report = asyncio.create_task(readiness(timeout_seconds=5, database=first.ping, redis=second.ping).report())
    await asyncio.sleep(0.01)
    asked = (first.asked, second.asked)
    first.release.set()
    second.release.set()

    assert asked == (1, 1)
    assert (await report).status == "ready"


async def test_simultaneous_callers_share_one_probe() -> None:
    database = Dependency()
    ready = readiness(database=database.ping)
    reports = await asyncio.gather(*(ready.report() for _ in range(100)))

    assert database.asked == 1
    assert {report.status for report in reports} == {"ready"}


async def test_a_caller_that_goes_away_does_not_take_the_probe_along() -> None:
    database = Dependency()
    database.release.clear()
    ready = readiness(timeout_seconds=5, database=database.ping)
    leaver, stayer = asyncio.create_task(ready.report()), asyncio.create_task(ready.report())
    await asyncio.sleep(0.01)
    leaver.cancel()
    await asyncio.sleep(0)
    database.release.set()

    assert (await stayer).status == "ready"
    assert database.asked == 1


async def test_an_answer_is_remembered_for_its_time() -> None:
    clock, database = Clock(), Dependency()
    ready = readiness(clock, database=database.ping)
    for moment in (0.0, 0.5, 0.99):
        clock.now = 100 + moment
        await ready.report()
    remembered = database.asked
    clock.now = 101
    await ready.report()

    assert (remembered, database.asked) == (1, 2)


async def test_it_recovers_by_itself() -> None:
    clock, database = Clock(), Dependency(OSError())
    ready = readiness(clock, database=database.ping)
    first = await ready.report()
    database.error = None
    clock.now += 2

    assert (first.status, (await ready.report()).status) == ("degraded", "ready")


async def test_a_ping_that_does_not_end_is_given_up() -> None:
    """Its cancellation is not waited for, and what it raises at last disturbs nobody."""
    unwilling = asyncio.Event()

    async def ping() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await unwilling.wait()
            raise RuntimeError("at last") from None

    ready = readiness(database=ping)
    report = await ready.report()
    left = len(ready._leftovers)
    unwilling.set()
    await asyncio.sleep(0.01)

    assert report.status == "degraded"
    assert (left, len(ready._leftovers)) == (1, 0)


async def test_only_changes_are_logged(logged: Logged) -> None:
    configure_logging(Settings())
    clock, database = Clock(), Dependency()
    ready = readiness(clock, database=database.ping)
    for error in (None, None, OSError("refused"), OSError("refused"), TimeoutError(), None):
        database.error = error
        clock.now += 2
        await ready.report()

    lines = logged("readiness.changed")
    assert [(line["status"], line["level"]) for line in lines] == [
        ("ready", "info"),
        ("degraded", "warning"),
        ("degraded", "warning"),
        ("ready", "info"),
    ]
    assert lines[1]["checks"] == {"database": "error: unavailable"}
    assert lines[1]["reasons"] == {"database": "OSError: refused"}
