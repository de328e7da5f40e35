"""HTTP/1.1 with bounds on what arrives before a request exists.

uvicorn's fast parser reads headers of any size and waits for them for ever, so one client could fill the memory or
hold every connection. Both are bounded here; bodies are bounded where they are read.
"""

import asyncio
from asyncio import TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 64 * 1024
HEADER_TIMEOUT_SECONDS = 15.0


class BoundedProtocol(HttpToolsProtocol):
    """Refuse headers that are too large (400) and close connections that do not send theirs in time."""

    _header_bytes = 0
    _reading_headers = True
    _deadline: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Start the clock: a connection that says nothing is not kept."""
        super().connection_made(transport)
        self._expect_headers()

    def on_message_begin(self) -> None:
        """Start to count anew for each request of a connection."""
        super().on_message_begin()
        self._expect_headers()

    def on_headers_complete(self) -> None:
        """Stop the clock."""
        self._reading_headers = False
        self._stop_clock()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, then see how much was read without the headers being complete."""
        super().data_received(data)
        if not self._reading_headers:
            return
        self._header_bytes += len(data)
        if self._header_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.logger.warning("Request header fields too large.")
            self.send_400_response("Request header fields too large.")

    def _expect_headers(self) -> None:
        self._reading_headers = True
        self._header_bytes = 0
        self._stop_clock()
        self._deadline = self.loop.call_later(HEADER_TIMEOUT_SECONDS, self._give_up)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
