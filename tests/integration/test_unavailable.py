"""Which errors say that the database cannot serve, and which do not."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import attrs
import pytest
import typed_settings as ts
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError

from tbg.config import Settings
from tbg.database import Database
from tbg.errors import DatabaseUnavailableError, DomainError
from tests.support.databases import Server, ask

# It depends on whether the server's last word or the end of the connection is seen first, or both before the next use.
LOST = {"AdminShutdownError 57P01", "ConnectionDoesNotExistError 08003", "InterfaceError"}
SLOW = 0.3
MARGIN = 1.0  # for a machine that is busy with other tests


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A database with a single connection, for which nobody waits long."""
    changed = attrs.evolve(
        settings,
        database_pool_size=1,
        database_max_overflow=0,
        database_pool_timeout_seconds=SLOW,
        database_idle_transaction_timeout_seconds=SLOW,
    )
    database = Database.from_settings(changed)
    yield database
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a QueuePool has it
    await database.close()


async def outage(block: Awaitable[object]) -> str:
    """Return the reason of the outage that ``block`` must end with."""
    with pytest.raises(DatabaseUnavailableError) as raised:
        await block
    assert str(raised.value) == "The database is unavailable"
    return raised.value.reason


async def run(database: Database, statement: str) -> object:
    async with database.transaction() as session:
        return await session.scalar(text(statement))


async def test_nobody_waits_for_a_connection_for_ever(database: Database) -> None:
    async with database.transaction():
        started = time.monotonic()
        reasons = [await outage(run(database, "SELECT 1")), await outage(read(database))]
        seconds = time.monotonic() - started

    assert reasons == ["no connection of the pool became free in time"] * 2
    assert 2 * SLOW <= seconds < 2 * SLOW + MARGIN
    assert await run(database, "SELECT 1") == 1


async def read(database: Database) -> object:
    async with database.read() as session:
        return await session.scalar(text("SELECT 1"))


async def test_a_connection_that_is_lost_in_the_middle(database: Database) -> None:
    reason = await outage(run(database, "SELECT pg_terminate_backend(pg_backend_pid())"))

    assert reason in LOST
    assert await run(database, "SELECT 1") == 1


async def test_a_connection_that_is_lost_before_the_commit(database: Database, settings: Settings) -> None:
    killer = Database.from_settings(settings)

    async def lose() -> None:
        async with database.transaction() as session:
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            await run(killer, f"SELECT pg_terminate_backend({pid}, 5000)")

    reason = await outage(lose())
    await killer.close()

    assert reason in LOST
    assert await run(database, "SELECT 1") == 1


async def test_a_connection_that_is_about_to_be_lost_is_not_used_again(database: Database) -> None:
    """The server's last word may be read before the end of the connection."""
    before = await run(database, "SELECT pg_backend_pid()")
    reason = await outage(run(database, "DO $$ BEGIN RAISE SQLSTATE '57P01'; END $$"))

    assert reason == "AdminShutdownError 57P01"
    assert await run(database, "SELECT pg_backend_pid()") != before


async def test_a_pause_that_is_too_long(database: Database) -> None:
    async def pause() -> None:
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
            await asyncio.sleep(SLOW + 0.3)
            await session.execute(text("SELECT 1"))

    assert await outage(pause()) in {*LOST, "IdleInTransactionSessionTimeoutError 25P03"}
    assert await run(database, "SELECT 1") == 1


async def test_a_lock_that_is_not_free_in_time(settings: Settings) -> None:
    database = Database.from_settings(attrs.evolve(settings, database_lock_timeout_seconds=SLOW))
    lock = "SELECT pg_advisory_xact_lock(8334)"
    async with database.transaction() as session:
        await session.execute(text(lock))
        reason = await outage(run(database, lock))
    await run(database, lock)
    await database.close()

    assert reason == "LockNotAvailableError 55P03"


@pytest.fixture
def crowd(server: Server) -> None:
    """A role that may not connect any more."""
    ask(server.url, "DROP ROLE IF EXISTS crowd", "CREATE ROLE crowd LOGIN PASSWORD 'crowd' CONNECTION LIMIT 0")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"port": 1}, "ConnectionRefusedError"),
        ({"host": "nowhere.invalid"}, "gaierror"),
        ({"password": "wrong"}, "InvalidPasswordError 28P01"),
        ({"database": "nothing"}, "InvalidCatalogNameError 3D000"),
        ({"username": "crowd", "password": "crowd"}, "TooManyConnectionsError 53300"),
    ],
)
async def test_a_connection_that_cannot_be_made(
    crowd: None, settings: Settings, changes: dict[str, Any], reason: str
) -> None:
    del crowd
    url = make_url(settings.database_url).set(**changes).render_as_string(hide_password=False)
    other = Database.from_settings(attrs.evolve(settings, database_url=ts.SecretStr(url)))

    assert await outage(read(other)) == reason


class NotTodayError(DomainError):
    """Something of a feature's own."""


@pytest.mark.parametrize(
    "error", [NotTodayError(), RuntimeError(), TimeoutError(), ConnectionRefusedError(), InvalidRequestError()]
)
async def test_an_error_of_the_block_s_own_is_none_of_the_database(database: Database, error: Exception) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
            raise error

    with pytest.raises(type(error)) as raised:
        await fail()
    assert raised.value is error


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        ("SELECT 1 / 0", "22012"),
        ("SELECT nothing", "42703"),
        ("DO $$ BEGIN RAISE unique_violation; END $$", "23505"),
        ("DO $$ BEGIN RAISE deadlock_detected; END $$", "40P01"),
        ("SELECT pg_cancel_backend(pg_backend_pid())", "57014"),
    ],
)
async def test_an_error_of_a_statement_is_raised_as_it_is(database: Database, statement: str, sqlstate: str) -> None:
    with pytest.raises(DBAPIError) as raised:
        await run(database, statement)

    assert getattr(raised.value.orig, "sqlstate", None) == sqlstate
    assert isinstance(raised.value, IntegrityError) == (sqlstate == "23505")


@pytest.mark.parametrize("where", ["waiting for a connection", "in a statement", "in the block"])
async def test_a_cancelled_request_is_cancelled_and_gives_its_connection_back(database: Database, where: str) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with database.transaction() as session:
            begun.set()
            await (session.execute(text("SELECT pg_sleep(20)")) if where == "in a statement" else asyncio.sleep(20))

    first = asyncio.create_task(work())
    await begun.wait()
    task = asyncio.create_task(work()) if where == "waiting for a connection" else first
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    first.cancel()
    await asyncio.wait([first])

    assert await run(database, "SELECT 1") == 1
