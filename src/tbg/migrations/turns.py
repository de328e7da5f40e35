"""One migration at a time: whoever comes second waits, and then finds nothing to do."""

import asyncio
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Any number that no other program uses for an advisory lock in this database; "tbgmigra" in ASCII.
LOCK_KEY: Final = int.from_bytes(b"tbgmigra")
_PAUSE_SECONDS: Final = 0.1

_log = structlog.stdlib.get_logger("tbg.migrations")


async def wait_for_turn(connection: AsyncConnection) -> None:
    """Wait until no other migration runs on this database; the turn lasts as long as ``connection``'s transaction.

    It is a transaction of its own, beside the migration's: so the turn outlasts a migration that commits in between,
    and a pooler in transaction mode keeps it. It ends with the connection, when the process is killed too.
    """
    told = False
    while not await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": LOCK_KEY}):
        if not told:
            _log.info("migrations.waiting", reason="another migration runs on this database")
            told = True
        await connection.rollback()  # so that nobody who waits keeps a connection of a pooler
        await asyncio.sleep(_PAUSE_SECONDS)
    # Idle is what this transaction is while the migration works. As last statement this has another use: the one before
    # keeps its snapshot as long as it is the last, and CREATE INDEX CONCURRENTLY waits for the end of every snapshot.
    await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
