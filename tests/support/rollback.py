"""A database on which everything that a test does is undone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session

from tbg.database import Database


class _ReadSession(Session):
    pass


@event.listens_for(_ReadSession, "after_begin")
def _forbid_writes(_session: Session, _transaction: object, connection: Connection) -> None:
    connection.execute(text("SET TRANSACTION READ ONLY"))  # holds until the savepoint's end


@asynccontextmanager
async def rolled_back(database: Database) -> AsyncIterator[Database]:
    """Yield ``database`` with sessions on one connection, whose transaction is rolled back at the end.

    A commit of theirs ends a savepoint, so that the next session sees it. One session at a time: it is one connection.
    """
    async with database.engine.connect() as connection, connection.begin() as transaction:

        def sessions(kind: type[Session]) -> async_sessionmaker[AsyncSession]:
            return async_sessionmaker(
                connection,
                sync_session_class=kind,
                join_transaction_mode="create_savepoint",
                expire_on_commit=False,
            )

        yield attrs.evolve(database, session_factory=sessions(Session), read_session_factory=sessions(_ReadSession))
        await transaction.rollback()
