"""PostgreSQL: one engine per worker, sessions that read or write, and a ping."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from math import ceil
from typing import Any, Final

import attrs
from sqlalchemy import Connection, event, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from tbg.config import Settings
from tbg.outages import connect, outages_told, watch

# A pooler in transaction mode gives every transaction another server connection, which knows no statement of ours. With
# asyncpg's cache off statements are unnamed: none is left behind, and each execution sends its text again. The server
# then cannot say that a table has changed since, so SQLAlchemy must not remember the types of the columns either.
_NO_PREPARED_STATEMENTS: Final = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}


def create_engine(
    settings: Settings,
    *,
    application_name: str,
    statement_timeout_seconds: float,
    server_settings: Mapping[str, str] | None = None,
    **pool: Any,  # noqa: ANN401 - create_async_engine's own
) -> AsyncEngine:
    """Prepare an engine whose every connection is named and has timeouts of its own, so that no caller can forget one.

    Args:
        settings: Where the database is, and the other timeouts.
        application_name: How ``pg_stat_activity`` shows its connections.
        statement_timeout_seconds: The longest statement; 0 sets no limit.
        server_settings: More of PostgreSQL's own parameters.
        pool: The pool's options, as ``create_async_engine`` takes them.
    """
    limits = {**_limits(settings, statement_timeout_seconds), **(server_settings or {})}
    name = {"application_name": application_name}
    pooled = settings.database_transaction_pooler
    engine = create_async_engine(
        settings.database_url,
        hide_parameters=True,  # an error's text ends in the log, and parameters are personal data
        connect_args={
            "timeout": settings.database_connect_timeout_seconds,
            # The server ends a long statement by itself; a server that hangs needs the client's own, later, limit.
            "command_timeout": statement_timeout_seconds + 1 if statement_timeout_seconds else None,
            # As start-up parameters they cost no round trip, but PgBouncer refuses all but the name.
            "server_settings": name if pooled else name | limits,
            **(_NO_PREPARED_STATEMENTS if pooled else {}),
        },
        **pool,
    )
    if pooled:
        _limit_every_transaction(engine, limits)
    watch(engine)
    return engine


def _limits(settings: Settings, statement_timeout_seconds: float) -> dict[str, str]:
    seconds = {
        "statement_timeout": statement_timeout_seconds,
        "lock_timeout": settings.database_lock_timeout_seconds,
        "idle_in_transaction_session_timeout": settings.database_idle_transaction_timeout_seconds,
    }
    # Never rounded down to 0, which is no limit.
    return {name: str(ceil(value * 1000)) for name, value in seconds.items()}


def _limit_every_transaction(engine: AsyncEngine, limits: Mapping[str, str]) -> None:
    """Set ``limits`` until the end of each transaction; what lasts longer would reach the pooler's other clients."""
    statement = select(*(func.set_config(name, value, True) for name, value in limits.items()))  # noqa: FBT003 - is_local

    def set_limits(connection: Connection) -> None:
        connection.execute(statement)

    event.listen(engine.sync_engine, "begin", set_limits)


@attrs.frozen
class Database:
    """The engine and its sessions. Nothing connects before the first use.

    Both kinds of sessions raise `DatabaseUnavailableError` when no connection can be had within the time-outs, when the
    connection is lost, and when a lock is not free in time. Whatever else goes wrong is raised as it is.
    """

    engine: AsyncEngine
    session_factory: async_sessionmaker[AsyncSession]
    read_session_factory: async_sessionmaker[AsyncSession]

    @classmethod
    def from_settings(cls, settings: Settings) -> "Database":
        """Prepare the pool, which both kinds of sessions share."""
        engine = create_engine(
            settings,
            application_name="tbg-api",
            statement_timeout_seconds=settings.database_statement_timeout_seconds,
            pool_size=settings.database_pool_size,
            max_overflow=settings.database_max_overflow,
            pool_timeout=settings.database_pool_timeout_seconds,
            pool_pre_ping=True,
        )
        read_engine = engine.execution_options(postgresql_readonly=True)  # part of BEGIN, so no round trip
        factories = [async_sessionmaker(each, expire_on_commit=False) for each in (engine, read_engine)]
        return cls(engine, *factories)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Yield a session whose work is committed at the end of the block and rolled back by any exception."""
        async with _begun(self.session_factory) as session:
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Yield a session in a transaction that PostgreSQL keeps from writing (SQLSTATE 25006)."""
        async with _begun(self.read_session_factory) as session:
            yield session

    async def ping(self) -> None:
        """Ask the server for nothing; raises whatever keeps it from answering."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


@asynccontextmanager
async def _begun(factory: async_sessionmaker[AsyncSession]) -> AsyncIterator[AsyncSession]:
    with outages_told():
        async with factory() as session, session.begin():
            await connect(session)
            yield session
