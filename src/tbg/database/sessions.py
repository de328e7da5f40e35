"""Sessions that read or write, and what keeps them from waiting in vain."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import attrs
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from tbg.config import Settings
from tbg.database.availability import Availability
from tbg.database.connections import check_connections
from tbg.database.engine import create_engine
from tbg.database.outages import may_be_away, outage_of, reason_of
from tbg.database.probe import Probe
from tbg.database.queue import Queue
from tbg.database.refusals import Refusals
from tbg.errors import DatabaseUnavailableError

_IDLE_SECONDS: Final = 1.0  # a ping for every session would cost a fifth of it
_PING_SECONDS: Final = 1.0


@attrs.frozen
class Database:
    """The engine and its sessions. Nothing connects before the first use.

    Both kinds of sessions raise `DatabaseUnavailableError` when no connection can be had within the time-outs, when the
    connection is lost, and when a lock is not free in time. They raise it at once while the database is known to be
    away, and when too many others wait for a connection. Whatever else goes wrong is raised as it is.
    """

    engine: AsyncEngine
    session_factory: async_sessionmaker[AsyncSession]
    read_session_factory: async_sessionmaker[AsyncSession]
    _probe: Probe
    _availability: Availability
    _queue: Queue
    _refusals: Refusals

    @classmethod
    def from_settings(cls, settings: Settings, metrics: CollectorRegistry | None = None) -> "Database":
        """Prepare the pool, which both kinds of sessions share.

        Args:
            settings: Where the database is, and every bound.
            metrics: Where to count what is refused; by default nobody reads the counters.
        """
        metrics = metrics or CollectorRegistry()
        capacity = settings.database_pool_size + settings.database_max_overflow
        engine = create_engine(
            settings,
            application_name="tbg-api",
            statement_timeout_seconds=settings.database_statement_timeout_seconds,
            pool_size=settings.database_pool_size,
            max_overflow=settings.database_max_overflow,
            pool_timeout=settings.database_pool_timeout_seconds,
        )
        probe = Probe(settings)
        availability = Availability(
            probe.ask,
            metrics,
            is_away=lambda error: may_be_away(error, behind_pooler=settings.database_transaction_pooler),
        )
        check_connections(
            engine,
            idle_seconds=_IDLE_SECONDS,
            ping_seconds=_PING_SECONDS,
            most_renewals=capacity,
            timed_out=availability.suspect,
        )
        read_engine = engine.execution_options(postgresql_readonly=True)  # part of BEGIN, so no round trip
        sessions, read_sessions = (async_sessionmaker(each, expire_on_commit=False) for each in (engine, read_engine))
        queue = Queue(capacity + settings.database_max_waiting)
        return cls(engine, sessions, read_sessions, probe, availability, queue, Refusals(metrics))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Yield a session whose work is committed at the end of the block and rolled back by any exception."""
        async with self._begun(self.session_factory) as session:
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Yield a session in a transaction that PostgreSQL keeps from writing (SQLSTATE 25006)."""
        async with self._begun(self.read_session_factory) as session:
            yield session

    async def ping(self) -> None:
        """Ask the server for nothing, over a connection that no session uses; raise whatever keeps it from answering.

        A pool whose connections are all in use is no outage, so the pool is not asked.
        """
        answers = False
        try:
            await self._probe.ask()
            answers = True
        finally:
            if not answers:  # it may also have been given up
                self._availability.suspect()

    async def close(self) -> None:
        """Close every connection."""
        await self._availability.close()
        await self._probe.close()
        await self.engine.dispose()

    @asynccontextmanager
    async def _begun(self, factory: async_sessionmaker[AsyncSession]) -> AsyncIterator[AsyncSession]:
        with self._place():
            try:
                async with factory() as session, session.begin():
                    await self._connect(session)
                    yield session
            except DBAPIError as error:
                outage = outage_of(error)
                if outage is None:
                    raise
                raise self._noted(outage, error) from error

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Let a session in, if it can expect a connection."""
        try:
            self._availability.check()
            self._queue.enter()
        except DatabaseUnavailableError as outage:
            raise self._noted(outage) from None
        try:
            yield
        finally:
            self._queue.leave()

    async def _connect(self, session: AsyncSession) -> None:
        """Take a connection, unless the database turns out to be away in the meantime."""
        try:
            async with self._availability.unless_away():
                await session.connection()
        except DatabaseUnavailableError as away:
            raise self._noted(away) from None
        except (OSError, SQLAlchemyError) as error:
            outage = outage_of(error) or DatabaseUnavailableError(reason_of(error))
            raise self._noted(outage, error) from error

    def _noted(self, outage: DatabaseUnavailableError, error: Exception | None = None) -> DatabaseUnavailableError:
        """Count an outage, and have it looked into: a server that hangs keeps the pool busy, too."""
        self._refusals.note(outage)
        if outage.cause == "busy" or (error is not None and may_be_away(error)):
            self._availability.suspect()
        return outage
