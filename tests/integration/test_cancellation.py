"""Requests whose clients leave at any moment: no connection is lost, nobody is left waiting, and counting goes on."""

import asyncio
import contextlib
import gc
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import attrs
import pytest
from sqlalchemy import text

from tbg.config import Settings
from tbg.database import Database
from tests.support.limiting import limiter_on, rule

ROUNDS = 250
LONGEST_SECONDS = 0.1
IN_TRANSACTION = (
    "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND application_name = 'tbg-api' "
    "AND pid <> pg_backend_pid() AND datname = current_database()"
)


@pytest.fixture(autouse=True)
def _no_complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Asyncio logs what nobody has waited for."""
    yield
    gc.collect()
    assert [
        record.getMessage() for record in caplog.records if record.name == "asyncio" and record.levelno >= logging.ERROR
    ] == []


async def cancelled_at_random(work: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> int:
    """Start work eight at a time and cancel each after a random time, mostly short; return how many were cancelled."""
    chance = random.Random(20261125)
    running = asyncio.Semaphore(8)

    async def once() -> bool:
        async with running:
            task = asyncio.ensure_future(work())
            await asyncio.wait([task], timeout=chance.random() ** 4 * LONGEST_SECONDS)
            task.cancel()
            await asyncio.wait([task], timeout=10)
            assert task.done(), "it waits for ever"
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
            return task.cancelled()

    return sum(await asyncio.gather(*(once() for _ in range(rounds))))


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """Fewer connections than are wanted at once, so that some wait."""
    changed = attrs.evolve(settings, database_pool_size=2, database_max_overflow=2, database_max_waiting=8)
    database = Database.from_settings(changed)
    async with database.transaction() as session:
        await session.execute(text("DROP TABLE IF EXISTS cancelled"))
        await session.execute(text("CREATE TABLE cancelled (value int)"))
    yield database
    await database.close()


def in_use(database: Database) -> int:
    return database.engine.pool.checkedout()  # type: ignore[attr-defined,no-any-return]  # a QueuePool has it


async def all_are_back(database: Database) -> None:
    """Return when no connection is in use; what is cancelled is closed in the background."""
    async with asyncio.timeout(10):
        while in_use(database):  # noqa: ASYNC110 - the pool's state
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["read", "transaction"])
async def test_no_connection_is_lost(database: Database, kind: str) -> None:
    async def work() -> None:
        async with getattr(database, kind)() as session:
            await session.execute(text("SELECT pg_sleep(0.002)"))
            await session.execute(text("SELECT 1"))

    cancelled = await cancelled_at_random(work)
    await all_are_back(database)

    assert cancelled > ROUNDS / 10
    await asyncio.gather(*(work() for _ in range(12)))
    async with database.read() as session:
        assert await session.scalar(text(IN_TRANSACTION)) == 0
    assert in_use(database) == 0


async def test_a_transaction_happens_whole_or_not_at_all(database: Database) -> None:
    async def work() -> None:
        async with database.transaction() as session:
            for _ in range(3):
                await session.execute(text("INSERT INTO cancelled VALUES (pg_backend_pid())"))

    cancelled = await cancelled_at_random(work)
    await all_are_back(database)

    async with database.read() as session:
        written = await session.scalar(text("SELECT count(*) FROM cancelled"))
        assert await session.scalar(text(IN_TRANSACTION)) == 0
    assert isinstance(written, int)
    assert written % 3 == 0
    assert written >= 3 * (ROUNDS - cancelled)


async def test_a_wave_of_cancellations_leaves_every_place_free(database: Database) -> None:
    """At once, wherever each is: waiting for a place, for a connection, in BEGIN, in a statement, in COMMIT."""

    async def work() -> None:
        async with database.transaction() as session:
            await session.execute(text("INSERT INTO cancelled VALUES (1)"))

    for turns in range(60):
        tasks = [asyncio.create_task(work()) for _ in range(12)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(each is None or isinstance(each, asyncio.CancelledError) for each in outcomes)
    await all_are_back(database)

    await asyncio.gather(*(work() for _ in range(12)))
    assert in_use(database) == 0


async def test_a_ping_can_be_given_up(database: Database) -> None:
    await cancelled_at_random(database.ping)
    await database.ping()

    async with database.read() as session:
        probes = await session.scalar(
            text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tbg-api-probe' AND state = 'active'")
        )
    assert probes == 0


async def test_the_limiter_counts_on(redis_url: str) -> None:
    generous = rule(1_000_000)
    async with limiter_on(redis_url) as limiter:
        for _ in range(50):
            tasks = [asyncio.create_task(limiter.check(generous)) for _ in range(10)]
            for _ in range(random.randrange(12)):
                await asyncio.sleep(0)
            for task in random.sample(tasks, 7):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                async with asyncio.timeout(5):
                    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            kept = [each for each in outcomes if not isinstance(each, BaseException)]
            assert len(kept) >= 3, "nobody else is harmed"
            assert {each.outcome for each in kept} == {"admitted"}

        await cancelled_at_random(lambda: limiter.check(generous))
        async with asyncio.timeout(5):
            last = await limiter.check(generous)
        await limiter.limiter.ping()
        assert limiter.counted("redis_changes", state="unavailable") == 0

    assert last.outcome == "admitted"
