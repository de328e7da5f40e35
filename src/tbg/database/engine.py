"""Engines whose every connection is named and has time-outs."""

import asyncio
from collections.abc import Mapping
from contextvars import Context
from math import ceil
from typing import Any, Final

import asyncpg
from sqlalchemy import Connection, event, func, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tbg.config import Settings
from tbg.database.outages import translate_driver_errors

# A pooler in transaction mode gives every transaction another server connection, which knows no statement of ours. With
# asyncpg's cache off statements are unnamed: none is left behind, and each execution sends its text again. The server
# then cannot say that a table has changed since, so SQLAlchemy must not remember the types of the columns either.
_NO_PREPARED_STATEMENTS: Final = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}


class _Connector:
    """Make connections apart from the requests that wait for them.

    A request can be cancelled meanwhile. asyncpg would leave half a connection behind, and asyncio would complain of it
    in the log. So it is made in any case, and then closed. Nor does it keep the context of one request for ever.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[asyncpg.Connection]] = set()  # the loop itself would let go of them

    async def connect(self, *arguments: Any, **options: Any) -> asyncpg.Connection:  # noqa: ANN401 - asyncpg's own
        """Do what `asyncpg.connect` does, whose time-out bounds it."""
        task = asyncio.get_running_loop().create_task(asyncpg.connect(*arguments, **options), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_close)
            raise


def _close(task: "asyncio.Task[asyncpg.Connection]") -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().terminate()


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
            "async_creator_fn": _Connector().connect,
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
    translate_driver_errors(engine)
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
