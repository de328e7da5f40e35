"""HTTP/1.1 with bounds on what a client may send, and on how long it may take.

uvicorn's fast parser reads header fields of any size and waits for a request for ever, so one client could fill the
memory or hold every connection. Both are bounded here; bodies that somebody reads are bounded where they are read.
"""

import asyncio
from asyncio import TimerHandle
from typing import ClassVar

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tbg.server.transport import GatheringTransport

_FIELD_OVERHEAD = 32  # what a field costs besides its text, as in RFC 9113, section 6.5.2
_VERSIONS = {"1.0", "1.1"}  # the parser takes 0.9 and 2.0 too, for which the framework has only an exception
_BODY_FIELDS = {b"content-length", b"transfer-encoding"}
_TOO_LARGE = "Request header fields too large."
# What one read brings can hold thousands of requests, of which uvicorn would make all at once, 3 KB of objects each.
_PIECE = 8 * 1024


class _RefusedError(Exception):
    """This request is not served; the parser makes uvicorn answer 400."""


class _Flow(FlowControl):
    """Lets nobody read on while something that was read is not parsed; uvicorn resumes for each request."""

    holds = False

    def resume_reading(self) -> None:
        if not self.holds:
            super().resume_reading()


class BoundedProtocol(HttpToolsProtocol):
    """Refuse header fields and trailers that are too large (400), and close connections whose client is too slow.

    Attributes:
        max_header_bytes: What the request target, header fields and trailers of one request may hold.
        patience_seconds: How long a client may take to send a request's header, and to finish one already answered.
    """

    max_header_bytes: ClassVar[int] = 64 * 1024
    patience_seconds: ClassVar[float] = 15.0

    _header_bytes = 0
    _unseen_bytes = 0
    _unparsed = b""
    _between_requests = True
    _body_begun = False
    # Each request starts and stops the clock several times: a timer that finds it stopped costs less than a new one.
    _deadline: float | None = None
    _timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Start the clock: a connection that says nothing is not kept."""
        super().connection_made(transport)
        self.transport = GatheringTransport(transport, self.loop)  # type: ignore[assignment]  # all that uvicorn needs
        self.flow = self._flow = _Flow(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock, and forget what was not parsed."""
        self._deadline, self._unparsed = None, b""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, but no further while requests wait for those before them on this connection."""
        if len(data) <= _PIECE and not self._unparsed:
            self._parse(data)
        else:
            self._unparsed += data
            self._parse_on()

    def _parse_on(self) -> None:
        rest = memoryview(self._unparsed)  # cutting it costs nothing, whatever is left
        while rest and not self.pipeline and not self.transport.is_closing():
            self._parse(bytes(rest[:_PIECE]))
            rest = rest[_PIECE:]
        self._unparsed = bytes(rest)
        held, self._flow.holds = self._flow.holds, bool(self._unparsed)
        if self._flow.holds:
            self._flow.pause_reading()
        elif held:
            self._flow.resume_reading()

    def _parse(self, data: bytes) -> None:
        """Parse, and count what the parser keeps to itself: it calls back only at the end of a field."""
        if self._between_requests and self._deadline is None:
            self._start_clock()
        self._unseen_bytes += len(data)
        super().data_received(data)
        if self._unseen_bytes > self.max_header_bytes and not self.transport.is_closing():
            self._header_bytes = self._unseen_bytes
            self.send_400_response(_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """Say what was wrong as far as it is known here."""
        super().send_400_response(_TOO_LARGE if self._header_bytes > self.max_header_bytes else msg)

    def on_message_begin(self) -> None:
        """Count anew, and start the clock again, for each request of a connection."""
        super().on_message_begin()
        self._header_bytes = self._unseen_bytes = 0
        self._start_clock()

    def on_url(self, url: bytes) -> None:
        """Count a piece of the request target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header field, or a trailer."""
        self._count(len(name) + len(value) + _FIELD_OVERHEAD)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the clock run: a body must begin in its time; how long it may take then is for its reader to say.

        The parser takes what follows a request for an upgrade for another protocol. No upgrade is served here, so a
        body would be read as the next request: one with a body is refused, and none shares its connection.
        """
        self._between_requests = self._body_begun = False
        self._unseen_bytes = 0
        upgrade = self.parser.should_upgrade()
        if self.parser.get_http_version() not in _VERSIONS or (upgrade and self._has_body()):
            raise _RefusedError
        super().on_headers_complete()
        if upgrade:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Note that the client makes progress; Falcon calls nobody before the body's first bytes are there."""
        self._unseen_bytes = 0
        self._body_begun = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the next request, under the clock if uvicorn's keep-alive time has been used up by late bytes."""
        self._between_requests = True
        self._unseen_bytes = 0
        super().on_message_complete()
        if self.cycle.response_complete:
            self._start_clock()
        else:
            self._deadline = None

    def on_response_complete(self) -> None:
        """Start the clock if the request is answered but not over: nobody waits for the rest of its body."""
        super().on_response_complete()
        if self._unparsed and not self.pipeline:
            self.loop.call_soon(self._parse_on)
        if not self._between_requests and not self.transport.is_closing():
            self._start_clock()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: any client may ask for HTTP/2 or a WebSocket, and is answered in HTTP/1.1."""

    def _has_body(self) -> bool:
        return any(name in _BODY_FIELDS for name, _ in self.headers)

    def _count(self, size: int) -> None:
        self._unseen_bytes = 0
        self._header_bytes += size
        if self._header_bytes > self.max_header_bytes:
            raise _RefusedError

    def _start_clock(self) -> None:
        self._deadline = self.loop.time() + self.patience_seconds
        if self._timer is None:
            self._timer = self.loop.call_later(self.patience_seconds, self._ring)

    def _ring(self) -> None:
        """Give up if it is time, else come back then."""
        self._timer = None
        if self._deadline is None:
            return
        left = self._deadline - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._ring)
        else:
            self._give_up()

    def _give_up(self) -> None:
        """Close the connection, but never while a request of it is being answered."""
        if self._is_answering():
            self._start_clock()
        else:
            self._deadline = None
            self.transport.close()

    def _is_answering(self) -> bool:
        if getattr(self.cycle, "response_complete", True):  # there is no cycle before the first request
            return False
        waits_for_body = not self._between_requests and not self._body_begun
        return bool(self.pipeline) or not waits_for_body
