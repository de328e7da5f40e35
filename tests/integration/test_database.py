"""Transactions on real PostgreSQL: a block is committed whole, or not at all."""

import asyncio
from collections.abc import AsyncIterator

import attrs
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tbg.config import Settings
from tbg.database import Database
from tbg.infrastructure import Infrastructure


@pytest.fixture
async def infrastructure(settings: Settings) -> AsyncIterator[Infrastructure]:
    """With transactions that are really committed: they are what is tested here."""
    infrastructure = Infrastructure.from_settings(settings)
    yield infrastructure
    await infrastructure.close()


@pytest.fixture
async def table(infrastructure: Infrastructure) -> str:
    async with infrastructure.database.transaction() as session:
        await session.execute(text("DROP TABLE IF EXISTS things"))
        await session.execute(text("CREATE TABLE things (name text UNIQUE)"))
    return "things"


async def names(infrastructure: Infrastructure) -> list[str]:
    async with infrastructure.database.transaction() as session:
        return list(await session.scalars(text("SELECT name FROM things ORDER BY name")))


@pytest.mark.usefixtures("table")
async def test_a_block_is_committed_at_its_end(infrastructure: Infrastructure) -> None:
    async with infrastructure.database.transaction() as session:
        await session.execute(text("INSERT INTO things VALUES ('a'), ('b')"))
        unseen = await names(infrastructure)

    assert unseen == []
    assert await names(infrastructure) == ["a", "b"]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, asyncio.CancelledError])
async def test_any_exception_rolls_the_block_back(infrastructure: Infrastructure, error: type[BaseException]) -> None:
    async def fail() -> None:
        async with infrastructure.database.transaction() as session:
            await session.execute(text("INSERT INTO things VALUES ('a')"))
            raise error

    with pytest.raises(error):
        await fail()

    assert await names(infrastructure) == []


@pytest.mark.usefixtures("table")
async def test_an_error_of_the_database_rolls_the_block_back(infrastructure: Infrastructure) -> None:
    async def insert_twice() -> None:
        async with infrastructure.database.transaction() as session:
            await session.execute(text("INSERT INTO things VALUES ('a')"))
            await session.execute(text("INSERT INTO things VALUES ('a')"))

    with pytest.raises(DBAPIError):
        await insert_twice()

    assert await names(infrastructure) == []


@pytest.mark.usefixtures("table")
async def test_a_cancelled_request_leaves_nothing(infrastructure: Infrastructure) -> None:
    inserted = asyncio.Event()

    async def insert_and_wait() -> None:
        async with infrastructure.database.transaction() as session:
            await session.execute(text("INSERT INTO things VALUES ('a')"))
            inserted.set()
            await session.execute(text("SELECT pg_sleep(30)"))

    task = asyncio.create_task(insert_and_wait())
    await inserted.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await names(infrastructure) == []
    await infrastructure.database.ping()


async def test_every_connection_is_named_and_bounded(infrastructure: Infrastructure) -> None:
    names = ("application_name", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    async with infrastructure.database.transaction() as session:
        shown = [await session.scalar(text(f"SHOW {name}")) for name in names]

    assert shown == ["tbg-api", "30s", "5s", "1min"]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("statement", ["INSERT INTO things VALUES ('a')", "CREATE TABLE never (a int)"])
async def test_a_read_session_cannot_write_and_the_next_one_on_its_connection_can(
    settings: Settings, statement: str
) -> None:
    database = Database.from_settings(attrs.evolve(settings, database_pool_size=1, database_max_overflow=0))

    async def write_in_a_read_session() -> None:
        async with database.read() as session:
            await session.execute(text(statement))

    with pytest.raises(DBAPIError, match="read-only transaction"):
        await write_in_a_read_session()
    async with database.read() as session:
        first = await session.scalar(text("SELECT pg_backend_pid()"))
    async with database.transaction() as session:
        await session.execute(text("INSERT INTO things VALUES ('b')"))
        second = await session.scalar(text("SELECT pg_backend_pid()"))
    async with database.read() as session:
        found = list(await session.scalars(text("SELECT name FROM things")))
    await database.close()

    assert (found, first) == (["b"], second)


@pytest.mark.parametrize("kind", ["read", "transaction"])
async def test_a_lost_connection_is_replaced(infrastructure: Infrastructure, kind: str) -> None:
    killer = Database.from_settings(infrastructure.settings)
    begin = getattr(infrastructure.database, kind)
    for _ in range(5):
        async with begin() as session:
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
        async with killer.transaction() as session:
            assert await session.scalar(text(f"SELECT pg_terminate_backend({pid}, 5000)"))
        async with begin() as session:
            assert await session.scalar(text("SELECT pg_backend_pid()")) != pid
    await killer.close()


@pytest.mark.parametrize(("fail", "status"), [("bug", 500), ("domain", 409)])
async def test_a_failing_request_writes_nothing(api: httpx.AsyncClient, fail: str, status: int) -> None:
    before = (await api.get("/probe/notes")).json()["answer"]
    failed = await api.post("/probe/notes", json={"text": "x", "fail": fail})
    after_failure = (await api.get("/probe/notes")).json()["answer"]
    passed = await api.post("/probe/notes", json={"text": "x"})
    after = (await api.get("/probe/notes")).json()["answer"]

    assert (failed.status_code, passed.status_code) == (status, 200)
    assert (after_failure, after) == (before, before + 1)
