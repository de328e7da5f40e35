"""The tables that exist today; `docs/migrations.md` says how to change them.

All of them were made, and are filled, by the event collector (`ownership.py`).

``shares``, ``mining_events`` and ``rate_limit_events`` have no key: two of their rows may agree in every column and are
two events all the same. The ORM would take rows with one identity for one object, so these are Core tables, read with
``select(shares.c.time, …)``; a column as invented identity would lose rows silently.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import sqlalchemy as sa
from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tbg.db.base import Base

_Id = Annotated[int, mapped_column(BigInteger, primary_key=True)]
_UserId = Annotated[int | None, mapped_column(BigInteger, ForeignKey("users.id"))]
_Bitcoin = Annotated[Decimal | None, mapped_column(Numeric(16, 8))]
_Float = Annotated[float | None, mapped_column(Double)]
_Source = Annotated[str | None, mapped_column(String(16), server_default="hosted")]
_Time = DateTime(timezone=True)


class User(Base):
    """Somebody who mines, known by the address that rewards go to."""

    __tablename__ = "users"

    id: Mapped[_Id]
    btc_address: Mapped[str] = mapped_column(String(62), unique=True)
    display_name: Mapped[str | None] = mapped_column(String(64))
    country_code: Mapped[str | None] = mapped_column(CHAR(2))
    created_at: Mapped[datetime | None] = mapped_column(_Time, server_default=sa.func.now())
    last_seen: Mapped[datetime | None] = mapped_column(_Time)
    is_verified: Mapped[bool | None] = mapped_column(server_default=sa.false())


class Worker(Base):
    """A machine that mines; its hash rates are averages over the time in their name."""

    __tablename__ = "workers"

    id: Mapped[_Id]
    user_id: Mapped[_UserId]
    worker_name: Mapped[str] = mapped_column(String(128))
    first_seen: Mapped[datetime | None] = mapped_column(_Time, server_default=sa.func.now())
    last_share: Mapped[datetime | None] = mapped_column(_Time)
    current_diff: Mapped[_Float]
    hashrate_1m: Mapped[_Float]
    hashrate_5m: Mapped[_Float]
    hashrate_1h: Mapped[_Float]
    hashrate_24h: Mapped[_Float]
    is_online: Mapped[bool | None] = mapped_column(server_default=sa.false())
    source: Mapped[_Source]

    __table_args__ = (
        Index("idx_workers_user_id", "user_id"),
        Index("idx_workers_online", "is_online", postgresql_where=sa.text("is_online = true")),
    )


class Block(Base):
    """A block that the pool found."""

    __tablename__ = "blocks"

    id: Mapped[_Id]
    block_height: Mapped[int] = mapped_column(Integer)
    block_hash: Mapped[str] = mapped_column(String(64), unique=True)
    prev_hash: Mapped[str | None] = mapped_column(String(64))
    user_id: Mapped[_UserId]
    worker_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("workers.id"))
    btc_address: Mapped[str | None] = mapped_column(String(62))
    reward_btc: Mapped[_Bitcoin]
    fees_btc: Mapped[_Bitcoin]
    difficulty: Mapped[_Float]
    confirmations: Mapped[int | None] = mapped_column(Integer, server_default=sa.text("0"))
    found_at: Mapped[datetime] = mapped_column(_Time, server_default=sa.func.now())
    confirmed: Mapped[bool | None] = mapped_column(server_default=sa.false())
    coinbase_sig: Mapped[str | None] = mapped_column(String(128))
    source: Mapped[_Source]

    __table_args__ = (
        Index("idx_blocks_height", block_height.desc()),
        Index("idx_blocks_user", "user_id"),
    )


class WeeklyBestDifficulty(Base):
    """The best share of an address in a week."""

    __tablename__ = "weekly_best_diff"

    id: Mapped[_Id]
    user_id: Mapped[_UserId]
    btc_address: Mapped[str] = mapped_column(String(62))
    week_start: Mapped[date] = mapped_column(Date)
    best_difficulty: Mapped[float] = mapped_column(Double)
    best_share_time: Mapped[datetime | None] = mapped_column(_Time)
    total_shares: Mapped[int | None] = mapped_column(BigInteger, server_default=sa.text("0"))

    __table_args__ = (
        UniqueConstraint("btc_address", "week_start"),
        Index("idx_weekly_best_user", "btc_address", week_start.desc()),
    )


class SchemaMigration(Base):
    """A line of the collector's own ledger of migrations; Alembic's is ``alembic_version``."""

    __tablename__ = "schema_migrations"

    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(255))
    applied_at: Mapped[datetime | None] = mapped_column(_Time, server_default=sa.func.now())
    checksum: Mapped[str | None] = mapped_column(String(64))


shares = Table(
    "shares",
    Base.metadata,
    Column("time", _Time, nullable=False),
    Column("btc_address", String(62), nullable=False),
    Column("worker_name", String(128), nullable=False, server_default=""),
    Column("difficulty", Double, nullable=False),
    Column("share_diff", Double, nullable=False),
    Column("is_valid", Boolean, nullable=False, server_default=sa.true()),
    Column("is_block", Boolean, server_default=sa.false()),
    Column("ip_address", INET),
    Column("nonce", String(16)),
    Column("nonce2", String(32)),
    Column("block_hash", String(64)),
    Column("source", String(16), server_default="hosted"),
)
"""Every share that a worker submitted: a hypertable on ``time``, kept for 90 days."""
Index("shares_time_idx", shares.c.time.desc())
Index("idx_shares_address", shares.c.btc_address, shares.c.time.desc())
Index("idx_shares_valid", shares.c.is_valid, shares.c.time.desc())

mining_events = Table(
    "mining_events",
    Base.metadata,
    Column("ts", _Time, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("source", String(16), server_default="hosted"),
    Column("payload", JSONB, nullable=False),
)
"""Every event of the pool as it came: a hypertable on ``ts``, kept for 30 days."""
Index("mining_events_ts_idx", mining_events.c.ts.desc())
Index("idx_events_type_ts", mining_events.c.event_type, mining_events.c.ts.desc())
Index("idx_events_user", mining_events.c.payload["user"].astext)

rate_limit_events = Table(
    "rate_limit_events",
    Base.metadata,
    Column("ts", _Time, nullable=False),
    Column("ip_address", INET, nullable=False),
    Column("event_type", String(32), nullable=False),
    Column("details", JSONB),
    Column("region", String(8), server_default="eu"),
)
"""Every time the pool turned a miner away (``connect_rejected``, ``submit_limited``, ``softban``): a hypertable on
``ts``, kept for 14 days."""
Index("rate_limit_events_ts_idx", rate_limit_events.c.ts.desc())
Index("idx_ratelimit_ip", rate_limit_events.c.ip_address, rate_limit_events.c.ts.desc())

_views = MetaData()  # of its own, so that Alembic does not take the views for tables

hourly_shares = Table(
    "hourly_shares",
    _views,
    Column("bucket", _Time),
    Column("btc_address", String(62)),
    Column("total_shares", BigInteger),
    Column("accepted_shares", BigInteger),
    Column("rejected_shares", BigInteger),
    Column("best_diff", Double),
    Column("avg_diff", Double),
)
"""Shares per address and hour: a continuous aggregate, so an hour or more behind ``shares``, but kept when those go.

Read-only: PostgreSQL refuses to write to it. On plain PostgreSQL it is an ordinary view of the shares that there are.
"""

daily_shares = Table(
    "daily_shares",
    _views,
    Column("bucket", _Time),
    Column("btc_address", String(62)),
    Column("total_shares", BigInteger),
    Column("accepted_shares", BigInteger),
    Column("best_diff", Double),
)
"""The same per day, in UTC."""
