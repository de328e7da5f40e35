"""Whether a server is asked at all; a change that lasts is logged and counted, once."""

import time
from collections.abc import Callable
from contextvars import Context
from typing import Final

import structlog

_UNSURE_SECONDS: Final = 10.0

_log = structlog.stdlib.get_logger("tbg.rate_limit")


class Breaker:
    """Closed as long as a server does not count.

    A slow answer may close it for the moment of one round trip, which nobody needs to hear of: a closing is told when
    it is certain from the start, or when the server has not answered a probe either. A server that is slow now and then
    is told once in ten seconds.

    Args:
        server: For the log; empty if there is only one.
        changed: Is told each closing and opening that is logged.

    Attributes:
        reason: Why it is closed; None while it is open.
    """

    def __init__(self, server: str, changed: Callable[[bool], None]) -> None:
        self._server = server
        self._changed = changed
        self._is_told = False
        self._unsure_until = 0.0
        self.reason: Exception | None = None

    def close(self, reason: Exception, *, is_certain: bool) -> None:
        """Note that the server does not count."""
        if self.reason is None:
            self.reason = reason
        if is_certain and not self._is_told:
            self.reason = reason
            self._tell()

    def confirm(self) -> None:
        """Tell of a closing that was not certain, unless that has been done."""
        now = time.monotonic()
        if self.reason is not None and not self._is_told and now >= self._unsure_until:
            self._unsure_until = now + _UNSURE_SECONDS
            self._tell()

    def _tell(self) -> None:
        self._is_told = True
        self._changed(False)  # noqa: FBT003 - a state
        _of_nobody(
            _log.error,
            "rate_limit.unavailable",
            reason=type(self.reason).__name__,
            server=self._server,
            consequence="requests pass uncounted, unless their policy fails closed",
        )

    def open(self) -> None:
        """Note that the server counts."""
        if self.reason is None:
            return
        self.reason = None
        if self._is_told:
            self._is_told = False
            self._changed(True)  # noqa: FBT003 - a state
            _of_nobody(_log.warning, "rate_limit.restored", server=self._server)


def _of_nobody(log: Callable[..., None], event: str, **fields: object) -> None:
    """Log without the id of the request that happened to notice: the line concerns everybody."""
    Context().run(log, event, **fields)
