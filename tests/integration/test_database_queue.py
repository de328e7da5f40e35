"""More sessions than connections: a few wait, the rest fail at once, and none of that is an outage."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from tbg.config import Settings
from tbg.database import Database
from tbg.errors import DatabaseUnavailableError
from tbg.logs import configure_logging
from tests.conftest import Logged
from tests.integration.conftest import Serve

MARGIN = 1.0  # for a machine that is busy with other tests
CONNECTIONS = 3


@asynccontextmanager
async def busy(
    settings: Settings, max_waiting: int, metrics: CollectorRegistry | None = None
) -> AsyncIterator[tuple[Database, asyncio.Event]]:
    """Yield a database whose every connection is in use until the event is set."""
    changed = attrs.evolve(settings, database_pool_size=2, database_max_overflow=1, database_max_waiting=max_waiting)
    database, release, together = Database.from_settings(changed, metrics), asyncio.Event(), asyncio.Barrier(4)

    async def hold() -> None:
        async with database.read():
            await together.wait()
            await release.wait()

    holders = [asyncio.create_task(hold()) for _ in range(CONNECTIONS)]
    await together.wait()
    try:
        yield database, release
    finally:
        release.set()
        await asyncio.gather(*holders)
        await database.close()


async def read(database: Database) -> object:
    async with database.read() as session:
        return await session.scalar(text("SELECT 1"))


async def refusals(database: Database, count: int) -> list[DatabaseUnavailableError]:
    outcomes = await asyncio.gather(*(read(database) for _ in range(count)), return_exceptions=True)
    return [each for each in outcomes if isinstance(each, DatabaseUnavailableError)]


@pytest.mark.parametrize("max_waiting", [0, 1, 5])
async def test_as_many_wait_as_may(settings: Settings, max_waiting: int) -> None:
    async with busy(settings, max_waiting) as (database, release):
        waiting = [asyncio.create_task(read(database)) for _ in range(max_waiting)]
        await asyncio.sleep(0.05)
        started = time.monotonic()
        refused = await refusals(database, 20)
        seconds = time.monotonic() - started
        release.set()
        answers = await asyncio.gather(*waiting)

    assert [(each.reason, each.cause) for each in refused] == [("too many sessions wait for a connection", "busy")] * 20
    assert seconds < MARGIN
    assert answers == [1] * max_waiting


async def test_a_place_is_free_again_whatever_becomes_of_its_session(settings: Settings) -> None:
    async with busy(settings, 1) as (database, release):
        for _ in range(5):
            waiting = asyncio.create_task(read(database))
            await asyncio.sleep(0.01)
            waiting.cancel()
            await asyncio.wait([waiting])
        waiting = asyncio.create_task(read(database))
        await asyncio.sleep(0.01)
        refused = await refusals(database, 1)
        release.set()
        answer = await waiting

    assert (len(refused), answer) == (1, 1)


async def test_it_is_counted_and_told_once(settings: Settings, logged: Logged) -> None:
    configure_logging(settings)
    metrics = CollectorRegistry()
    async with busy(settings, 0, metrics) as (database, _release):
        await refusals(database, 30)
        await refusals(database, 30)
        first = [line["event"] for line in logged()]
        async with asyncio.timeout(10):
            while not (later := logged()):  # noqa: ASYNC110 - a line that comes by itself
                await asyncio.sleep(0.05)
        await refusals(database, 1)
        again = [line["event"] for line in logged()]

    assert (first, again) == (["database.busy"], ["database.busy"])
    assert [(line["event"], line["refused"]) for line in later] == [("database.not_busy", 60)]
    assert metrics.get_sample_value("tbg_database_refused_total", {"cause": "busy"}) == 61
    assert metrics.get_sample_value("tbg_database_changes_total", {"state": "away"}) is None


async def test_busy_is_not_away(settings: Settings) -> None:
    async with busy(settings, 0) as (database, _release):
        await refusals(database, 5)
        await asyncio.sleep(0.05)  # a suspicion is looked into
        started = time.monotonic()
        for _ in range(5):
            await database.ping()
        seconds = time.monotonic() - started
        refused = await refusals(database, 1)

    assert seconds < MARGIN
    assert [each.cause for each in refused] == ["busy"]


async def test_ready_while_requests_are_refused(serve: Serve, settings: Settings) -> None:
    outsider = Database.from_settings(settings)
    single = {"database_pool_size": 1, "database_max_overflow": 0, "database_max_waiting": 0, "ready_cache_seconds": 0}
    async with serve(**single) as api:
        async with outsider.transaction() as session:
            await session.execute(text("LOCK TABLE notes"))
            waiting = asyncio.create_task(api.post("/probe/notes", json={"text": "x"}))
            await asyncio.sleep(0.1)
            started = time.monotonic()
            refused = [await api.get("/probe/notes") for _ in range(10)]
            seconds = time.monotonic() - started
            ready = [await api.get("/ready") for _ in range(3)]
        passed = await waiting
    await outsider.close()

    assert {(each.status_code, each.headers["retry-after"]) for each in refused} == {(503, "2")}
    assert seconds < MARGIN
    assert {each.status_code for each in ready} == {200}
    assert passed.status_code == 200


async def test_the_ping_has_one_connection_that_is_kept_and_made_anew(settings: Settings) -> None:
    database = Database.from_settings(settings)
    probes = text(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'tbg-api-probe' AND datname = current_database()"
    )
    end = text(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE application_name = 'tbg-api-probe' AND datname = current_database()"
    )

    async def pids() -> list[int]:
        async with database.read() as session:
            return list(await session.scalars(probes))

    seen = []
    for _ in range(3):
        await database.ping()
        seen.append(await pids())
    async with database.read() as session:
        await session.execute(end)
    await database.ping()
    renewed = await pids()
    await database.close()
    other = Database.from_settings(settings)
    async with other.read() as session:
        left = list(await session.scalars(probes))
    await other.close()

    assert len(seen[0]) == len(renewed) == 1
    assert seen[0] == seen[1] == seen[2] != renewed
    assert not set(left) & {*seen[0], *renewed}
