"""A table or type that changes under open connections costs at most one failed request for each of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import attrs
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tbg.config import Settings
from tbg.database import Database

Migrate = Callable[[str], Awaitable[None]]

CONNECTIONS = 3
BEFORE = "DROP TABLE IF EXISTS changing; DROP TYPE IF EXISTS mood, temper CASCADE; CREATE TYPE mood AS ENUM ('good')"


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    changed = attrs.evolve(settings, database_pool_size=CONNECTIONS, database_max_overflow=0)
    database = Database.from_settings(changed)
    yield database
    await database.close()


@pytest.fixture
async def migrate(settings: Settings) -> AsyncIterator[Migrate]:
    """Execute statements on a connection of another process, as it were."""
    outsider = Database.from_settings(settings)

    async def execute(statements: str) -> None:
        async with outsider.transaction() as session:
            for statement in statements.split(";"):
                await session.execute(text(statement))

    yield execute
    await outsider.close()


async def on_each_connection(database: Database, statement: str, **values: object) -> list[object]:
    """Execute a statement in as many sessions at once as there are connections; return what each has raised, if any."""
    together = asyncio.Barrier(CONNECTIONS)

    async def execute() -> None:
        async with database.transaction() as session:
            await together.wait()
            result = await session.execute(text(statement), values)
            if result.returns_rows:  # type: ignore[attr-defined]  # of a cursor
                result.all()

    return await asyncio.gather(*(execute() for _ in range(CONNECTIONS)), return_exceptions=True)


INSERT = "INSERT INTO changing (value) VALUES (:value)"
SELECT = "SELECT * FROM changing"


@attrs.frozen
class Case:
    """A column's type, a value for it, how it changes, and a value that only fits then."""

    column: str
    first: object
    migration: str
    then: object
    statement: str = INSERT


TO = "ALTER TABLE changing ALTER value TYPE "
FIND = "SELECT 1 FROM changing WHERE value = :value"
OTHER_ENUM = f"CREATE TYPE temper AS ENUM ('good', 'hot'); {TO} temper USING value::text::temper; DROP TYPE mood"


@pytest.mark.parametrize(
    "case",
    [
        Case("int", 1, f"{TO} bigint", 2**40),
        Case("smallint", 1, f"{TO} int", 2**20),
        Case("int", 1, f"{TO} numeric", 1.5),
        Case("int", 1, f"{TO} text", "one"),
        Case("text", "1", f"{TO} int USING value::int", 2),
        Case("varchar(3)", "abc", f"{TO} varchar(9)", "abcdefghi"),
        Case("mood", "good", "ALTER TYPE mood ADD VALUE 'bad'", "bad"),
        Case("mood", "good", "ALTER TYPE mood RENAME VALUE 'good' TO 'fine'", "fine"),
        Case("mood", "good", "ALTER TYPE mood RENAME TO temper", "good"),
        Case("mood", "good", f"{TO} text", "whatever"),
        Case("mood", "good", OTHER_ENUM, "hot"),
        Case("int", 1, f"{TO} text", "a", FIND),
        Case("int", 1, f"{TO} bigint", 2**40, FIND),
        Case("int[]", [1], f"{TO} bigint[]", [2**40]),
        Case("int", 1, "DROP TABLE changing; CREATE TABLE changing (value bigint)", 2**40),
    ],
    ids=str,
)
async def test_values_of_a_column_that_changed(database: Database, migrate: Migrate, case: Case) -> None:
    await migrate(f"{BEFORE}; CREATE TABLE changing (value {case.column})")
    before = await on_each_connection(database, case.statement, value=case.first)
    await migrate(case.migration)
    await on_each_connection(database, case.statement, value=case.then)
    after = [await on_each_connection(database, case.statement, value=case.then) for _ in range(3)]

    assert before == [None] * CONNECTIONS
    assert after == [[None] * CONNECTIONS] * 3


@pytest.mark.parametrize(
    ("column", "statement", "migration"),
    [
        ("int", SELECT, "ALTER TABLE changing ALTER value TYPE bigint"),
        ("int", SELECT, "ALTER TABLE changing ALTER value TYPE text"),
        ("int", SELECT, "ALTER TABLE changing ADD more text"),
        ("int", SELECT, "ALTER TABLE changing ADD more text; ALTER TABLE changing DROP value"),
        ("int", "SELECT changing FROM changing", "ALTER TABLE changing ADD more text DEFAULT 'x'"),
        ("int", "SELECT changing FROM changing", "ALTER TABLE changing ALTER value TYPE text"),
        ("mood", SELECT, "ALTER TYPE mood RENAME TO temper"),
        ("mood", SELECT, "ALTER TYPE mood ADD VALUE 'bad'"),
        ("mood[]", SELECT, "ALTER TABLE changing ALTER value TYPE text[] USING value::text[]; DROP TYPE mood"),
    ],
)
async def test_rows_of_a_table_that_changed(
    database: Database, migrate: Migrate, column: str, statement: str, migration: str
) -> None:
    value = {"int": "1", "mood": "'good'", "mood[]": "ARRAY['good']::mood[]"}[column]
    await migrate(f"{BEFORE}; CREATE TABLE changing (value {column}); INSERT INTO changing VALUES ({value})")
    before = await on_each_connection(database, statement)
    await migrate(migration)
    await on_each_connection(database, statement)
    after = [await on_each_connection(database, statement) for _ in range(3)]

    assert before == [None] * CONNECTIONS
    assert after == [[None] * CONNECTIONS] * 3


async def pids(database: Database) -> set[object]:
    async def pid(together: asyncio.Barrier) -> object:
        async with database.read() as session:
            await together.wait()
            return await session.scalar(text("SELECT pg_backend_pid()"))

    together = asyncio.Barrier(CONNECTIONS)
    return set(await asyncio.gather(*(pid(together) for _ in range(CONNECTIONS))))


async def test_wrong_values_cost_few_connections(database: Database, migrate: Migrate) -> None:
    """A client may be able to send them, as often as it likes."""
    await migrate(f"{BEFORE}; CREATE TABLE changing (value int)")
    seen: set[object] = await pids(database)
    for _ in range(10):
        failed = await on_each_connection(database, INSERT, value=2**40)
        assert all(isinstance(each, DBAPIError) for each in failed)
        seen |= await pids(database)

    assert len(seen) == 2 * CONNECTIONS


async def test_other_errors_cost_none(database: Database, migrate: Migrate) -> None:
    await migrate(f"{BEFORE}; CREATE TABLE changing (value int UNIQUE); INSERT INTO changing VALUES (1)")
    before = await pids(database)
    failed = await on_each_connection(database, INSERT, value=1)

    assert all(isinstance(each, DBAPIError) for each in failed)
    assert await pids(database) == before
