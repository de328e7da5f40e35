"""The tables of this feature, made by the tests themselves: migrations know only what production has."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from tbg.database import Database

metadata = sa.MetaData()

workers = sa.Table(
    "contract_workers",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("ipv4_address", sa.Text, nullable=False),
    sa.Column("hashrate", sa.Double, nullable=False),
    sa.Column("difficulty", sa.BigInteger, nullable=False),
    sa.Column("payout", JSONB, nullable=False),
    sa.Column("hardware_id", UUID),
    sa.Column("installed_at", sa.DateTime(timezone=True)),
    sa.Column("firmware", sa.Text),
    sa.Column("tags", ARRAY(sa.Text), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)

shares = sa.Table(
    "contract_shares",
    metadata,
    sa.Column("worker_id", UUID, sa.ForeignKey(workers.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("nonce", sa.Text, nullable=False),
    sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
)

_CREATION_LOCK = 8333


async def create_tables(database: Database) -> None:
    """Create the tables that are missing; several workers may do so at once."""
    async with database.transaction() as session:
        await session.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATION_LOCK)))
        connection = await session.connection()
        await connection.run_sync(metadata.create_all)


async def empty_tables(database: Database) -> None:
    """Forget every worker and every share."""
    async with database.transaction() as session:
        await session.execute(sa.delete(workers))
