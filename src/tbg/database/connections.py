"""Connections of a pool as they are taken from it: alive, and without a memory of types that have changed since."""

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

_IDLE_SINCE: Final = "tbg.idle_since"
_IS_STALE: Final = "tbg.is_stale"
_BUDGET_SECONDS: Final = 10.0

# What a statement can fail with that was prepared before a migration: invalid values (the driver's own included),
# a changed result, a forgotten statement, a type or operator that does not fit, a look-up of a type that is gone.
_STALE_CLASSES: Final = ("22", "0A", "26", "XX")
_STALE: Final = frozenset({"42704", "42804", "42846", "42883", "42P18"})


def check_connections(
    engine: AsyncEngine,
    *,
    idle_seconds: float,
    ping_seconds: float,
    most_renewals: int = 1,
    timed_out: Callable[[], None] = lambda: None,
) -> None:
    """Replace each connection that cannot be used any more before a session gets it.

    Args:
        engine: Whose connections.
        idle_seconds: How long a connection is believed to be alive without a ping.
        ping_seconds: How long the server may take to answer one.
        most_renewals: How many connections may be made anew within ten seconds because of what they remember.
        timed_out: Is called for each ping without an answer.
    """
    checks = _Checks(idle_seconds, ping_seconds, most_renewals, timed_out)
    event.listen(engine.sync_engine, "checkin", checks.checked_in)
    event.listen(engine.sync_engine, "checkout", checks.checked_out)
    event.listen(engine.sync_engine, "invalidate", _hang_up)
    event.listen(engine.sync_engine, "handle_error", checks.failed)


class _Checks:
    """Listeners for the events of one engine."""

    def __init__(
        self, idle_seconds: float, ping_seconds: float, most_renewals: int, timed_out: Callable[[], None]
    ) -> None:
        self._idle_seconds = idle_seconds
        self._ping_seconds = ping_seconds
        self._timed_out = timed_out
        self._renewals: deque[float] = deque(maxlen=most_renewals)

    def checked_in(self, _connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[_IDLE_SINCE] = monotonic()

    def checked_out(
        self,
        connection: Any,  # noqa: ANN401 - asyncpg's
        record: ConnectionPoolEntry,
        _proxy: PoolProxiedConnection,
    ) -> None:
        """Make SQLAlchemy replace what is lost: it takes these exceptions for that."""
        # That it is closed costs nothing to ask, and is known soon after the server has ended it.
        if connection.driver_connection.is_closed() or _IS_STALE in record.info:
            raise DisconnectionError
        idle_since = record.info.get(_IDLE_SINCE)  # a new one has not been idle yet
        if idle_since is not None and monotonic() - idle_since > self._idle_seconds:
            connection.run_async(self._ping)

    async def _ping(self, connection: asyncpg.Connection) -> None:
        """Ask in one round trip, which works behind PgBouncer, too: a statement without arguments is not prepared."""
        is_alive = False
        try:
            await connection.execute("SELECT 1", timeout=self._ping_seconds)
            is_alive = True
        except TimeoutError:
            self._timed_out()
            raise InvalidatePoolError from None
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            raise InvalidatePoolError from None
        finally:
            if not is_alive:
                connection.terminate()  # closing it in order would wait for the server once more

    def failed(self, context: ExceptionContext) -> None:
        """Note a connection whose prepared statements may be older than the types that they were prepared for.

        Most such errors have another reason, so there is a limit: a client may be able to provoke them.
        """
        if context.connection is None or context.is_disconnect or not _may_be_stale(context.original_exception):
            return
        now = monotonic()
        has_budget = len(self._renewals) < (self._renewals.maxlen or 0) or now - self._renewals[0] > _BUDGET_SECONDS
        if has_budget:
            self._renewals.append(now)
            context.connection.info[_IS_STALE] = True


def _may_be_stale(error: BaseException) -> bool:
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate is None:  # the driver's own, about arguments or rows that do not fit
        return isinstance(error.__cause__, asyncpg.InterfaceError | asyncpg.InternalClientError)
    return sqlstate in _STALE or sqlstate.startswith(_STALE_CLASSES)


def _hang_up(connection: Any, _record: ConnectionPoolEntry, error: BaseException | None) -> None:  # noqa: ANN401 - asyncpg's
    """Close a connection to a server that hangs without telling it: that would take two seconds."""
    if isinstance(error, TimeoutError):
        connection.driver_connection.terminate()
