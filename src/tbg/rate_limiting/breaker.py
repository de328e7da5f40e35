"""Whether a server is asked at all; a change that lasts is logged and counted, once."""

from collections.abc import Callable

import structlog

_log = structlog.stdlib.get_logger("tbg.rate_limit")


class Breaker:
    """Closed as long as a server does not count.

    A slow answer may close it for the moment of one round trip, which nobody needs to hear of: a closing is told when
    it is certain from the start, or when the server has not answered a probe either.

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
        self.reason: Exception | None = None

    def close(self, reason: Exception, *, is_certain: bool) -> None:
        """Note that the server does not count."""
        if self.reason is None:
            self.reason = reason
        if is_certain:
            self.reason = self.reason if self._is_told else reason
            self.confirm()

    def confirm(self) -> None:
        """Tell of a closing, unless that has been done."""
        if self.reason is None or self._is_told:
            return
        self._is_told = True
        self._changed(False)  # noqa: FBT003 - a state
        _log.error(
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
            _log.warning("rate_limit.restored", server=self._server)
