"""Sessions behind the real PgBouncer in transaction mode, where each transaction may be on another connection."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import attrs
import pytest
import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from tbg.config import Settings
from tbg.database import Database, create_engine
from tbg.errors import DatabaseUnavailableError
from tests.integration.pgbouncer.server import SERVER_CONNECTIONS, WAIT_SECONDS, PgBouncer

LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
JIT_AS_FOUND = "SELECT setting = reset_val FROM pg_settings WHERE name = 'jit'"


@pytest.fixture
async def stranger(pgbouncer: PgBouncer) -> AsyncIterator[asyncpg.Connection]:
    """Another client of the same PgBouncer, which gets the connections that we have used."""
    url = pgbouncer.url.replace("+asyncpg", "")
    connection = await asyncpg.connect(url, statement_cache_size=0)
    yield connection
    await connection.close()


async def shown(database: Database) -> list[str | None]:
    async with database.read() as session:
        return [await session.scalar(text(f"SHOW {name}")) for name in ("application_name", *LIMITS)]


async def use_every_connection(database: Database) -> set[int]:
    """Do something in as many sessions at once as the pool has; return the servers' process ids."""

    async def work(number: int) -> int:
        async with database.transaction() as session:
            pid = await session.scalar(text("SELECT pg_backend_pid() FROM pg_sleep(0.02)"))
            value = {"number": number, "names": ["ä"]}
            echo = sa.select(sa.literal(value, JSONB), sa.literal([number, number], sa.ARRAY(sa.Integer)))
            assert (await session.execute(echo)).one() == (value, [number, number])
        assert pid is not None
        return int(pid)

    return set(await asyncio.gather(*(work(number) for number in range(20))))


async def test_every_transaction_is_bounded(database: Database) -> None:
    assert await asyncio.gather(*(shown(database) for _ in range(8))) == [["tbg-api", "20s", "5s", "1min"]] * 8


async def test_many_sessions_share_few_connections(database: Database) -> None:
    assert len(await use_every_connection(database)) == SERVER_CONNECTIONS


async def test_nothing_of_ours_stays_on_a_connection(database: Database, stranger: asyncpg.Connection) -> None:
    ours = await use_every_connection(database)
    async with database.read() as session:
        await session.execute(text("SELECT 1"))

    seen = set()
    for _ in range(50):  # one of the two at a time, whichever PgBouncer takes
        async with stranger.transaction():
            seen.add(await stranger.fetchval("SELECT pg_backend_pid()"))
            assert [await stranger.fetchval(f"SHOW {name}") for name in LIMITS] == ["0", "0", "0"]
            assert await stranger.fetchval("SHOW transaction_read_only") == "off"
            assert await stranger.fetchval(JIT_AS_FOUND)
            assert await stranger.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0
    assert seen
    assert seen <= ours


async def test_types_of_the_user_s_own_are_looked_up(database: Database) -> None:
    """Asyncpg asks the server for them, and switches JIT off and on again for that."""
    async with database.transaction() as session:
        await session.execute(text("DROP TYPE IF EXISTS mood CASCADE"))
        await session.execute(text("CREATE TYPE mood AS ENUM ('good', 'bad')"))
    async with database.read() as session:
        moods = await session.scalar(text("SELECT ARRAY['good', 'bad']::mood[]"))
        jit_as_found = await session.scalar(text(JIT_AS_FOUND))

    assert (moods, jit_as_found) == (["good", "bad"], True)


async def test_a_read_session_cannot_write_and_the_next_session_can(database: Database) -> None:
    async def write_in_a_read_session() -> None:
        async with database.read() as session:
            await session.execute(text("CREATE TABLE never (a int)"))

    for _ in range(3):
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await write_in_a_read_session()
        async with database.transaction() as session:
            await session.execute(text("CREATE TEMPORARY TABLE once (a int) ON COMMIT DROP"))


async def test_a_table_that_changes_is_read_right_at_once(database: Database, stranger: asyncpg.Connection) -> None:
    """A cached statement would be prepared anew by the server, but read with the types of before."""

    async def value() -> object:
        async with database.read() as session:
            return await session.scalar(text("SELECT value FROM changing"))

    await stranger.execute("DROP TABLE IF EXISTS changing; CREATE TABLE changing AS SELECT 1 AS value")
    before = await value()
    await stranger.execute("ALTER TABLE changing ALTER value TYPE text")

    assert (before, await value()) == (1, "1")


async def test_rows_are_streamed(database: Database) -> None:
    async with database.read() as session:
        rows = await session.stream(text("SELECT * FROM generate_series(1, 1000)"))
        numbers = [row[0] async for row in rows]

    assert numbers == list(range(1, 1001))


async def test_a_slow_statement_is_ended(settings: Settings) -> None:
    database = Database.from_settings(attrs.evolve(settings, database_statement_timeout_seconds=0.2))

    async def sleep() -> None:
        async with database.read() as session:
            await session.execute(text("SELECT pg_sleep(20)"))

    with pytest.raises(DBAPIError, match="statement timeout"):
        await sleep()
    assert (await shown(database))[1] == "200ms"
    await database.close()


async def test_a_cancelled_statement_ends_on_the_server(database: Database, stranger: asyncpg.Connection) -> None:
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(19)%' AND pid <> pg_backend_pid()"

    async def sleep() -> None:
        async with database.read() as session:
            await session.execute(text("SELECT pg_sleep(19)"))

    async def becomes(count: int) -> None:
        async with asyncio.timeout(5):
            while await stranger.fetchval(f"{running} AND state = 'active'") != count:  # noqa: ASYNC110 - a server's state
                await asyncio.sleep(0.02)

    task = asyncio.create_task(sleep())
    await becomes(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await becomes(0)

    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a QueuePool has it
    assert len(await use_every_connection(database)) == SERVER_CONNECTIONS


async def kill_backends(database: Database, postgres_url: str) -> None:
    """End PgBouncer's connections to the server behind its back."""
    pids = await use_every_connection(database)
    server = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
    for pid in pids:
        assert await server.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
    await server.close()


async def test_lost_connections_cost_the_next_request_nothing(database: Database, postgres_url: str) -> None:
    for _ in range(3):
        await kill_backends(database, postgres_url)
        assert (await shown(database))[0] == "tbg-api"


async def test_a_connection_lost_in_the_middle_is_an_outage(database: Database) -> None:
    async def end_myself() -> None:
        async with database.transaction() as session:
            await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(DatabaseUnavailableError):
        await end_myself()
    assert (await shown(database))[0] == "tbg-api"


async def test_more_parameters_hold_in_every_transaction(settings: Settings) -> None:
    engine = create_engine(
        settings,
        application_name="tbg-migrate",
        statement_timeout_seconds=0,
        server_settings={"client_connection_check_interval": "1000"},
        poolclass=sa.NullPool,
    )
    async with engine.connect() as connection:
        interval = await connection.scalar(text("SHOW client_connection_check_interval"))
        timeout = await connection.scalar(text("SHOW statement_timeout"))

    assert (interval, timeout) == ("1s", "0")


async def test_nobody_waits_for_ever_for_one_of_the_few_connections(database: Database) -> None:
    async def hold() -> None:
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
            held.release()
            await asyncio.sleep(60)

    held = asyncio.Semaphore(0)
    holders = [asyncio.create_task(hold()) for _ in range(SERVER_CONNECTIONS)]
    for _ in holders:
        await held.acquire()
    with pytest.raises(DatabaseUnavailableError) as raised:
        async with asyncio.timeout(WAIT_SECONDS + 3):
            await shown(database)
    for holder in holders:
        holder.cancel()
    await asyncio.wait(holders)

    # PgBouncer says why and hangs up; it depends on which of the two is seen first.
    assert raised.value.reason in {"ProtocolViolationError 08P01", "ConnectionDoesNotExistError 08003"}
    assert (await shown(database))[0] == "tbg-api"
