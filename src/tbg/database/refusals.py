"""What sessions could not have: counted each time, and told once and not for every request."""

import asyncio
from contextvars import Context
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter

from tbg.errors import DatabaseUnavailableError

_QUIET_SECONDS: Final = 5.0  # without a refusal, until the pool is told to be busy no longer
_FAILURE_SECONDS: Final = 1.0


class Refusals:
    """Count and log `DatabaseUnavailableError`.

    What fails because the database is away is only counted: `tbg.database.availability` tells of it.
    """

    def __init__(self, metrics: CollectorRegistry) -> None:
        self._counter = Counter(
            "tbg_database_refused",
            "Sessions that the database could not serve, by cause: away, busy, failed",
            ["cause"],
            registry=metrics,
        )
        self._busy = 0  # so many since the last line that told of it
        self._busy_at = 0.0
        self._failed = 0
        self._failure_told = -_FAILURE_SECONDS
        self._log = structlog.stdlib.get_logger("tbg.database")

    def note(self, error: DatabaseUnavailableError) -> None:
        """Count one that is about to be raised."""
        self._counter.labels(error.cause).inc()
        if error.cause == "busy":
            self._note_busy(error.reason)
        elif error.cause == "failed":
            self._note_failed(error.reason)

    def _note_busy(self, reason: str) -> None:
        self._busy += 1
        self._busy_at = asyncio.get_running_loop().time()
        if self._busy == 1:
            Context().run(self._log.error, "database.busy", reason=reason)  # it concerns more than this request
            self._look()

    def _look(self) -> None:
        """Tell that it is over when nobody was refused for a while, else look again then."""
        loop = asyncio.get_running_loop()
        quiet_at = self._busy_at + _QUIET_SECONDS
        if loop.time() < quiet_at:
            loop.call_at(quiet_at, self._look, context=Context())
        else:
            self._log.warning("database.not_busy", refused=self._busy)
            self._busy = 0

    def _note_failed(self, reason: str) -> None:
        """Log why, at most once a second: all connections are lost at once when a server ends."""
        self._failed += 1
        now = asyncio.get_running_loop().time()
        if now - self._failure_told >= _FAILURE_SECONDS:
            self._log.error("database.request_failed", reason=reason, requests=self._failed)
            self._failed, self._failure_told = 0, now
