"""PostgreSQL: one engine per worker, transactions, and a ping."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from tbg.config import Settings


@attrs.frozen
class Database:
    """The engine and its sessions. Nothing connects before the first use."""

    engine: AsyncEngine
    session_factory: async_sessionmaker[AsyncSession]

    @classmethod
    def from_settings(cls, settings: Settings) -> "Database":
        """Prepare the pool; every connection is named and has timeouts of its own, so that no caller can forget one."""
        engine = create_async_engine(
            settings.database_url,
            pool_size=settings.database_pool_size,
            max_overflow=settings.database_max_overflow,
            pool_timeout=settings.database_pool_timeout_seconds,
            pool_pre_ping=True,
            hide_parameters=True,  # an error's text ends in the log, and parameters are personal data
            connect_args={
                "timeout": settings.database_connect_timeout_seconds,
                # The server ends a long statement by itself; a server that hangs needs the client's own, later, limit.
                "command_timeout": settings.database_statement_timeout_seconds + 1,
                "server_settings": {
                    "application_name": "tbg-api",
                    "statement_timeout": str(round(settings.database_statement_timeout_seconds * 1000)),
                },
            },
        )
        return cls(engine, async_sessionmaker(engine, expire_on_commit=False))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Yield a session whose work is committed at the end of the block and rolled back by any exception."""
        async with self.session_factory() as session, session.begin():
            yield session

    async def ping(self) -> None:
        """Ask the server for nothing; raises whatever keeps it from answering."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
