"""What the models say, beyond what `alembic check` compares."""

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from tbg.db.models import SchemaMigration, daily_shares, hourly_shares, mining_events, rate_limit_events, shares
from tbg.db.ownership import COLLECTOR_TABLES
from tbg.infrastructure import Infrastructure
from tests.support.databases import ask


@pytest.mark.parametrize("view", [hourly_shares, daily_shares], ids=lambda view: view.name)
def test_the_aggregates_have_the_columns_of_the_database(at_head: str, view: sa.Table) -> None:
    """Alembic does not look at views."""

    async def columns() -> list[tuple[str, str]]:
        engine = create_async_engine(at_head)
        async with engine.connect() as connection:
            found = await connection.run_sync(lambda sync: sa.inspect(sync).get_columns(view.name))
        await engine.dispose()
        return [(column["name"], column["type"].compile(engine.dialect)) for column in found]

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy has no type here
    assert asyncio.run(columns()) == [(column.name, column.type.compile(dialect)) for column in view.columns]


@pytest.mark.parametrize("view", [hourly_shares, daily_shares], ids=lambda view: view.name)
async def test_the_aggregates_are_read_only(infrastructure: Infrastructure, view: sa.Table) -> None:
    with pytest.raises(DBAPIError):
        async with infrastructure.database.transaction() as session:
            await session.execute(sa.insert(view).values(btc_address="bc1q"))


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (shares, {"btc_address": "bc1q", "difficulty": 1.0, "share_diff": 2.0}),
        (mining_events, {"event_type": "share", "payload": {"user": "bc1q"}}),
        (rate_limit_events, {"event_type": "softban", "ip_address": "192.0.2.1"}),
    ],
    ids=lambda value: value.name if isinstance(value, sa.Table) else "",
)
async def test_two_equal_events_are_two_rows(
    infrastructure: Infrastructure, table: sa.Table, row: dict[str, object]
) -> None:
    time = table.columns[0]
    async with infrastructure.database.transaction() as session:
        values = {**row, time.name: await session.scalar(sa.select(sa.func.now()))}
        await session.execute(sa.insert(table), [values, values])

    async with infrastructure.database.read() as session:
        rows = (await session.execute(sa.select(table))).all()
    assert len(rows) == 2
    assert rows[0] == rows[1]


async def test_the_collectors_ledger_has_its_line(infrastructure: Infrastructure) -> None:
    async with infrastructure.database.read() as session:
        line = await session.get_one(SchemaMigration, 1)

    assert line.name == "initial_schema"


def test_the_collector_owns_all_that_the_baseline_makes(at_head: str) -> None:
    rows = ask(at_head, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")

    assert {row["relname"] for row in rows} == COLLECTOR_TABLES | {"alembic_version"}
