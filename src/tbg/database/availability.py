"""Whether the database answers: found out in the background, so that no request waits for one that is away.

A session that has lost its connection, or got none, is only a reason to look: its own connection may be all that is
gone. While the database is known to be away, sessions fail at once, and it is asked until it answers.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter

from tbg.database.outages import reason_of
from tbg.database.probe import MOST_QUESTIONS
from tbg.errors import DatabaseUnavailableError

Ask = Callable[[], Awaitable[None]]

_LOOK_SECONDS: Final = 2.0
_AGAIN_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 1.0  # times MOST_QUESTIONS it is the default time-out of a connection


class Availability:
    """Know whether the database answers.

    Args:
        ask: Returns when it has answered, or raises.
        metrics: Where to count losses and recoveries.
        is_away: Tells whether an error of ``ask`` means that the database answers nobody.
    """

    def __init__(self, ask: Ask, metrics: CollectorRegistry, *, is_away: Callable[[Exception], bool]) -> None:
        self._ask = ask
        self._is_away = is_away
        self._reason = ""  # why it is away
        self._waiting: set[asyncio.Timeout] = set()
        self._task: asyncio.Task[None] | None = None
        self._look_after = 0.0
        self._changes = Counter(
            "tbg_database_changes", "How often the database was lost and found again", ["state"], registry=metrics
        )
        self._log = structlog.stdlib.get_logger("tbg.database")

    def check(self) -> None:
        """Raise DatabaseUnavailableError if the database is known to be away."""
        if self._reason:
            raise DatabaseUnavailableError(self._reason, "away")

    @asynccontextmanager
    async def unless_away(self) -> AsyncIterator[None]:
        """End the block with DatabaseUnavailableError when the database is found to be away."""
        self.check()
        limit = asyncio.timeout(None)
        try:
            async with limit:
                self._waiting.add(limit)
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise DatabaseUnavailableError(self._reason or "it was away for a moment", "away") from None
        finally:
            self._waiting.discard(limit)

    def suspect(self) -> None:
        """Look in the background whether the database answers, if nobody is looking and nobody has just looked."""
        loop = asyncio.get_running_loop()
        if self._task is None and loop.time() >= self._look_after:
            # In a context of its own: what it logs concerns all requests, not the one that made it start.
            self._task = loop.create_task(self._look(), context=Context())
            self._task.add_done_callback(self._looked)

    async def close(self) -> None:
        """Look no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _looked(self, task: asyncio.Task[None]) -> None:
        self._task = None
        self._look_after = asyncio.get_running_loop().time() + _AGAIN_SECONDS
        if not task.cancelled() and (error := task.exception()) is not None:
            self._reason = ""
            self._log.error("database.probe_failed", exc_info=error)

    async def _look(self) -> None:
        error = await self._error()
        if error is None:
            return
        self._lost(reason_of(error))
        await self._answer()
        self._found()

    async def _error(self) -> Exception | None:
        """Ask once; return the error if it means that the database is away."""
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._ask()
        except Exception as error:  # noqa: BLE001 - the driver's and the system's have no common class
            return error if self._is_away(error) else None
        return None

    async def _answer(self) -> None:
        """Return when the database answers: asked at least once a second, also while earlier questions hang."""
        asked: set[asyncio.Task[None]] = set()
        try:
            while True:
                asked.add(asyncio.create_task(self._asked()))
                patience = None if len(asked) == MOST_QUESTIONS else _PATIENCE_SECONDS
                done, asked = await asyncio.wait(asked, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if any(self._is_answer(task) for task in done):
                    return
                if done:
                    await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            for task in asked:
                task.cancel()

    async def _asked(self) -> None:
        await self._ask()

    def _is_answer(self, task: asyncio.Task[None]) -> bool:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        return error is None or (isinstance(error, Exception) and not self._is_away(error))

    def _lost(self, reason: str) -> None:
        self._reason = reason
        self._changes.labels("away").inc()
        self._log.error("database.unavailable", reason=reason, consequence="requests that need it fail at once")
        waiting, self._waiting = self._waiting, set()
        for limit in waiting:
            limit.reschedule(0)

    def _found(self) -> None:
        self._reason = ""
        self._changes.labels("available").inc()
        self._log.warning("database.restored")
