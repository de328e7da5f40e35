"""A connection beside the pool, over which the database is asked whether it answers."""

from typing import Final

from tbg.config import Settings
from tbg.database.connections import check_connections
from tbg.database.engine import create_engine

MOST_QUESTIONS: Final = 5
"""How many may be under way at once; each beyond the first has a connection of its own for that time."""

_PING_SECONDS: Final = 1.0


class Probe:
    """Ask the server for nothing, over one connection that is kept open and made anew when it is lost."""

    def __init__(self, settings: Settings) -> None:
        self._engine = create_engine(
            settings,
            application_name="tbg-api-probe",
            statement_timeout_seconds=_PING_SECONDS,
            isolation_level="AUTOCOMMIT",
            pool_size=1,
            max_overflow=MOST_QUESTIONS - 1,
            pool_timeout=_PING_SECONDS,
        )
        check_connections(self._engine, idle_seconds=0.0, ping_seconds=_PING_SECONDS)

    async def ask(self) -> None:
        """Return when the server has answered; raise whatever keeps it from doing so."""
        async with self._engine.connect():  # which has been made just now, or pinged
            pass

    async def close(self) -> None:
        """Close the connection."""
        await self._engine.dispose()
