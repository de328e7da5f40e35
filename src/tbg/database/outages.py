"""Which errors say that the database cannot serve now, rather than that a statement is wrong."""

from typing import Final

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine

from tbg.errors import DatabaseUnavailableError

# https://www.postgresql.org/docs/16/errcodes-appendix.html
_GOING: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03"})  # shut down, crashed, starting, idle too long
_LOCK_TIMEOUT: Final = "55P03"
_CONNECTION: Final = "08"  # also everything that PgBouncer itself has to say
_RESOURCES: Final = "53"  # too many connections, out of memory, disk full


class PoolerError(ConnectionError):
    """A pooler in transaction mode refused what a server would take; the message says what to set."""


def outage_of(error: Exception) -> DatabaseUnavailableError | None:
    """Return the outage that an error of the driver's or the pool's stands for; None if it is something else.

    A statement that is too slow (57014) is none: it would be as slow the next time.
    """
    if isinstance(error, PoolTimeoutError):
        return DatabaseUnavailableError("no connection of the pool became free in time", "busy")
    if isinstance(error, DBAPIError) and _is_outage(error):
        return DatabaseUnavailableError(reason_of(error))
    return None


def may_be_away(error: Exception, *, behind_pooler: bool = False) -> bool:
    """Tell whether the server may answer nobody; it does answer if it has refused this one for a reason of its own.

    A pooler lets a ping wait like everybody else: there, silence may mean that it is busy.
    """
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, TimeoutError):
        return not behind_pooler
    if sqlstate := _sqlstate(error):
        return sqlstate in _GOING or sqlstate.startswith(_CONNECTION)
    return isinstance(cause, OSError) or isinstance(error, InterfaceError)


def reason_of(error: Exception) -> str:
    """Return an error's class and SQLSTATE for the log: no address and no value."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, PoolerError):
        return str(cause)
    # Of the driver's errors SQLAlchemy makes its own, which are less precise; the system's it leaves as they are.
    driver = cause if isinstance(cause, OSError) else cause.__cause__ or cause
    return f"{type(driver).__name__} {_sqlstate(error)}".rstrip()


def translate_driver_errors(engine: AsyncEngine) -> None:
    """Let SQLAlchemy take for lost what it would not, and name the setting that a pooler needs."""
    event.listen(engine.sync_engine, "handle_error", _translate)


def _translate(context: ExceptionContext) -> Exception | None:
    error = context.original_exception
    if context.statement is None and "unsupported startup parameter" in str(error):
        hint = PoolerError("PgBouncer refuses start-up parameters: set TBG_DATABASE_TRANSACTION_POOLER=true")
        return OperationalError(None, None, hint)
    if isinstance(error, OSError):
        # asyncpg lets these through, of a server that hangs for one. Wrapped, they differ from the block's own.
        context.is_disconnect = context.invalidate_pool_on_disconnect = True
        return OperationalError(None, None, error, connection_invalidated=True)
    if getattr(error, "sqlstate", None) in _GOING:  # the connection ends, but asyncpg may not know it yet
        context.is_disconnect = True
    return None


def _is_outage(error: DBAPIError) -> bool:
    sqlstate = _sqlstate(error)
    is_transient = sqlstate in _GOING or sqlstate == _LOCK_TIMEOUT
    return error.connection_invalidated or is_transient or sqlstate.startswith((_CONNECTION, _RESOURCES))


def _sqlstate(error: Exception) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""
