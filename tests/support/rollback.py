"""A database on which everything that a test does is undone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from tbg.database import Database


class _ReadSession(Session):
    pass


@event.listens_for(_ReadSession, "after_begin")
def _forbid_writes(_session: Session, _transaction: object, connection: Connection) -> None:
    connection.execute(text("SET TRANSACTION READ ONLY"))  # holds until the savepoint's end


@asynccontextmanager
async def rolled_back(database: Database) -> AsyncIterator[Database]:
    """Yield ``database`` with sessions on one connection, whose transaction is rolled back at the end.

    A commit of theirs ends a savepoint, so that the next session sees it. One session at a time: it is one connection,
    apart from the pool, which a service under test closes when it stops.
    """
    engine = create_async_engine(database.engine.url, poolclass=NullPool)
    async with engine.connect() as connection, connection.begin() as transaction:
        yield attrs.evolve(
            database,
            session_factory=_sessions(connection, Session),
            read_session_factory=_sessions(connection, _ReadSession),
        )
        await transaction.rollback()


def _sessions(connection: AsyncConnection, kind: type[Session]) -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(
        connection, sync_session_class=kind, join_transaction_mode="create_savepoint", expire_on_commit=False
    )
