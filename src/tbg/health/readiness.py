"""Readiness: ask every dependency at once, within a time, and not more often than useful."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Final, Literal

import attrs
import structlog

from tbg.infrastructure import Ping

_log = structlog.stdlib.get_logger("tbg.health")


@attrs.frozen
class Report:
    """Whether the service can work, and each dependency's own state: ``ok`` or ``error: <reason>``."""

    status: Literal["ready", "degraded", "draining"]
    checks: Mapping[str, str]


DRAINING: Final = Report("draining", {})
"""The report of a process that is about to end; its dependencies do not matter any more."""


class Readiness:
    """Probe the dependencies; simultaneous callers share one probe, later ones its answer for a moment.

    Args:
        pings: What to ask, by name.
        timeout_seconds: How long all of them together may take; one that takes longer has failed.
        cache_seconds: How long an answer is remembered.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        pings: Mapping[str, Ping],
        *,
        timeout_seconds: float,
        cache_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pings = pings
        self._timeout_seconds = timeout_seconds
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._expires = -1.0
        self._report: Report | None = None
        self._probe: asyncio.Task[Report] | None = None
        self._leftovers: set[asyncio.Future[object]] = set()

    async def report(self) -> Report:
        """Return the state of every dependency, at most ``cache_seconds`` old."""
        if self._report is not None and self._clock() < self._expires:
            return self._report
        if self._probe is None:
            # In a context of its own: what it logs is of no single request.
            self._probe = asyncio.get_running_loop().create_task(self._ask_all(), context=Context())
        # Shielded: a caller that goes away must not take the probe from the others.
        return await asyncio.shield(self._probe)

    async def _ask_all(self) -> Report:
        try:
            tasks = {name: asyncio.ensure_future(ping()) for name, ping in self._pings.items()}
            if tasks:
                await asyncio.wait(tasks.values(), timeout=self._timeout_seconds)
            outcomes = {name: self._outcome(task) for name, task in tasks.items()}
            checks = {name: state for name, (state, _) in outcomes.items()}
            report = Report("ready" if all(state == "ok" for state in checks.values()) else "degraded", checks)
            self._note(report, {name: reason for name, (_, reason) in outcomes.items() if reason})
            self._expires = self._clock() + self._cache_seconds
            return report
        finally:
            self._probe = None

    def _outcome(self, task: asyncio.Future[object]) -> tuple[str, str]:
        """Return what clients may know, and the reason for the log; no reason when all is well."""
        if not task.done():
            self._abandon(task)
            return "error: timed out", "no answer in time"
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            return "ok", ""
        state = "error: timed out" if isinstance(error, TimeoutError) else "error: unavailable"
        return state, f"{type(error).__name__}: {' '.join(str(error).split())}"

    def _abandon(self, task: asyncio.Future[object]) -> None:
        """Cancel without waiting: closing a connection to a frozen server can take as long as the ping itself."""
        task.cancel()
        self._leftovers.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Future[object]) -> None:
        self._leftovers.discard(task)
        if not task.cancelled():
            task.exception()  # read, or asyncio would log that nobody did

    def _note(self, report: Report, reasons: Mapping[str, str]) -> None:
        previous, self._report = self._report, report
        if previous is None or previous.checks != report.checks:
            level = _log.info if report.status == "ready" else _log.warning
            level("readiness.changed", status=report.status, checks=dict(report.checks), reasons=dict(reasons))
