"""One connection: which bytes belong to which exchange, how long each may take, and how it ends."""

import asyncio
from contextvars import Context
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from tbg.refusal import SCOPE_KEY, Refusal
from tbg.server.http1.body import Body, ChunkedBody, SizedBody
from tbg.server.http1.clock import Clock
from tbg.server.http1.exchange import Exchange
from tbg.server.http1.head import Head, check_beginning, parse_head, partial_head
from tbg.server.http1.limits import Limits
from tbg.server.http1.refused import RefusedRequestError
from tbg.server.http1.registry import Registry
from tbg.server.http1.scope import peers_of, scope_of

_HIGH_WATER: Final = 64 * 1024  # bytes that wait to be parsed or received before reading pauses
_LOOKS_BEFORE_ASKING: Final = 3
_LAST_SECONDS: Final = 0.5
_BROKE_OFF: Final = Refusal(400, "The request broke off")
_TOO_SLOW: Final = Refusal(408, "The request took too long to arrive")


class Connection(asyncio.Protocol):
    """Reads requests one after the other, and has each answered by the application.

    While a request is being answered, what follows it waits as bytes, and reading pauses when these are many.

    Args:
        config: uvicorn's.
        server_state: uvicorn's: its connections and tasks, and the headers of every response.
        app_state: uvicorn's; not used.
        registry: The worker's connections.
        limits: What a client may send and take.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any] | None = None,  # noqa: ARG002 - uvicorn's
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        registry: Registry,
        limits: Limits,
    ) -> None:
        self._config = config
        self._server_state = server_state
        self._loop = _loop or asyncio.get_running_loop()
        self._registry = registry
        self._limits = limits
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # connection_made comes first
        self._clock = Clock(self._loop, limits.write_seconds, self._pending, self._time_out, self._abort)
        self._peers: dict[str, Any] = {}
        # What is read. A head is parsed as soon as it is whole and the request before it is answered.
        self._unparsed = bytearray()
        self._searched = 0  # how much of it holds no end of a head
        self._body: Body | None = None
        self._exchange: Exchange | None = None
        self._is_head_begun = self._is_paused = self._is_at_eof = self._is_closing = False
        # What is written.
        self._written = self._written_before = self._looks = 0
        self._drained: asyncio.Future[None] | None = None
        self._default_fields: object = None
        self._default_headers = b""

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request."""
        self._transport = transport  # type: ignore[assignment]  # a stream server makes no others
        self._peers = peers_of(transport)
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # it calls nothing but shutdown()
        is_last = self._registry.is_draining  # accepted at the very end, as its request may be there already
        self._clock.set(max(self._limits.drain_seconds, _LAST_SECONDS) if is_last else self._limits.header_seconds)
        self._registry.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it was lost
        """Leave nothing behind, whatever the end was."""
        self._is_closing = True
        self._clock.stop()
        self._unparsed = bytearray()
        self._body = None
        self._server_state.connections.discard(self)
        self._registry.remove(self)
        self.resume_writing()
        if self._exchange is not None:
            self._exchange.disconnect()

    def data_received(self, data: bytes) -> None:
        """Give the bytes to the body that is being read, or keep them for the next request."""
        if self._is_closing:
            return
        if self._body is not None:
            data = self._read_body(self._body, data)
        if not data or self._is_closing:
            return
        self._unparsed += data
        if self._exchange is None and self._body is None:
            self._read_head()
        elif len(self._unparsed) > _HIGH_WATER:
            self._pause_reading()

    def eof_received(self) -> bool:
        """Answer what was asked before the client closed its sending half, then close (RFC 9112, section 9.6).

        Returns:
            True: the other half stays open.
        """
        self._is_at_eof = True
        if self._is_closing:
            self._transport.close()
        elif self._exchange is not None:
            self._end_input(self._exchange)
        elif self._is_head_begun and self._body is None:
            self._refuse(_BROKE_OFF)
        else:
            self._close()
        return True

    def pause_writing(self) -> None:
        """Let the application wait until the client has read."""
        if self._drained is None:
            self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let it go on."""
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    # What uvicorn calls.

    def shutdown(self) -> None:
        """Answer what is being answered, and what is perhaps on its way, with ``Connection: close``."""
        self._registry.is_draining = True
        if self._exchange is not None:
            self._exchange.keep_alive = self._exchange.keep_alive and bool(self._unparsed)
        elif not self._limits.drain_seconds:
            self._close()
        else:
            self._clock.set_sooner(self._limits.drain_seconds)

    # What the registry calls.

    def evict(self) -> None:
        """Close at once, because another connection needs the room."""
        self._abort()

    # What an exchange calls.

    @property
    def default_headers(self) -> bytes:
        """Header lines of every response, encoded; uvicorn makes new ones each second."""
        fields = self._server_state.default_headers
        if fields is not self._default_fields:
            self._default_fields = fields
            self._default_headers = b"".join(b"%b: %b\r\n" % field for field in fields)
        return self._default_headers

    def write(self, data: bytes) -> None:
        """Send ``data`` soon."""
        self._written += len(data)
        self._transport.write(data)

    def drained(self) -> asyncio.Future[None] | None:
        """Return what is done when more can be sent; None if it can be sent now."""
        return self._drained

    def body_awaited(self) -> None:
        """Wait for more of the body, but not for ever."""
        self._clock.set_sooner(self._limits.body_seconds)

    def body_taken(self) -> None:
        """Read on, if reading was paused for the body."""
        if self._is_paused and len(self._unparsed) <= _HIGH_WATER:
            self._resume_reading()

    def exchange_ended(self) -> None:
        """Read on where the request ends, or close."""
        exchange, self._exchange = self._exchange, None
        self._server_state.total_requests += 1
        if self._is_closing:
            return
        self._registry.idle(self)
        if exchange is None or not exchange.keep_alive:
            self._close()
            return
        self._resume_reading()
        if self._body is not None:
            self._clock.set(self._limits.header_seconds)  # nobody waits for the rest of the body
        else:
            self._expect_request()

    # Reading.

    def _expect_request(self) -> None:
        self._is_head_begun = False
        self._clock.set(self._config.timeout_keep_alive)
        if self._unparsed:
            self._read_head()

    def _read_head(self) -> None:
        """Start the next exchange if its head is whole."""
        unparsed = self._unparsed
        if not self._is_head_begun:
            self._begin_head()
        end = unparsed.find(b"\r\n\r\n", max(0, self._searched - 3))
        try:
            if end < 0:
                check_beginning(unparsed, self._searched, self._limits.header_bytes)
                self._wait_for_head()
                return
            head = parse_head(bytes(unparsed[:end]), self._limits.header_bytes)
        except RefusedRequestError as error:
            self._refuse(error.refusal, error)
            return
        del unparsed[: end + 4]
        self._start(head)

    def _begin_head(self) -> None:
        """Read over empty lines before a request (RFC 9112, section 2.2), which do not stop the clock."""
        self._searched = 0
        self._clock.set_sooner(self._limits.header_seconds)
        while self._unparsed.startswith(b"\r\n"):
            del self._unparsed[:2]
        self._is_head_begun = bool(self._unparsed) and self._unparsed != b"\r"

    def _wait_for_head(self) -> None:
        self._searched = len(self._unparsed)
        self._registry.hold(self, self._searched)
        if self._is_at_eof and not self._is_closing:
            self._refuse(_BROKE_OFF) if self._is_head_begun else self._close()

    def _start(self, head: Head) -> None:
        exchange = Exchange(
            scope_of(head, self._peers, self._config.root_path),
            self,
            keep_alive=head.keep_alive,
            expects_continue=head.expects_continue,
        )
        self._exchange = exchange
        if head.length == 0:
            exchange.end_body()
        else:
            self._body = ChunkedBody(self._limits.header_bytes) if head.length is None else SizedBody(head.length)
            if self._unparsed:
                rest, self._unparsed = bytes(self._unparsed), bytearray()
                self._unparsed += self._read_body(self._body, rest)
        if self._exchange is exchange:  # the body was not refused
            self._run(exchange)

    def _run(self, exchange: Exchange) -> None:
        self._clock.clear()
        self._registry.busy(self)
        # Nothing of the request before, whose task may have called this, belongs into the context of the next.
        task = exchange.start(self._config.loaded_app, self._loop, Context())
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)
        if self._is_at_eof:
            self._end_input(exchange)
        elif self._registry.is_draining and not self._unparsed:
            exchange.keep_alive = False

    def _read_body(self, body: Body, data: bytes) -> bytes:
        """Return what follows the body."""
        exchange = self._exchange
        try:
            content, rest = body.feed(data)
        except RefusedRequestError as error:
            self._body = None
            self._refuse_body(exchange, error.refusal)
            return b""
        if exchange is not None:
            self._clock.clear()
            exchange.feed(content)
            if exchange.size > _HIGH_WATER:
                self._pause_reading()
        if body.is_complete:
            self._body = None
            if exchange is not None:
                exchange.end_body()
            else:
                self._expect_request()
        return rest

    def _refuse_body(self, exchange: Exchange | None, refusal: Refusal) -> None:
        """Refuse a request whose body is malformed; one that is being answered learns that its body broke off."""
        if exchange is None:
            self._close()
        elif exchange.is_running:
            exchange.break_body()
        else:
            self._refuse(refusal, scope=exchange.scope)

    def _refuse(
        self, refusal: Refusal, error: RefusedRequestError | None = None, scope: dict[str, Any] | None = None
    ) -> None:
        """Have the application answer a request that it never sees, and close."""
        head = partial_head(bytes(self._unparsed), error)
        scope = scope or scope_of(head, self._peers, self._config.root_path)
        scope[SCOPE_KEY] = refusal
        self._unparsed = bytearray()
        self._exchange = exchange = Exchange(scope, self, keep_alive=False, expects_continue=False)
        exchange.end_body()
        self._run(exchange)

    def _end_input(self, exchange: Exchange) -> None:
        """Note that the client sends no more than what is there."""
        if self._body is not None:
            self._body = None
            exchange.break_body()
        if not self._unparsed:
            exchange.keep_alive = False
        self._looks = 0
        self._clock.set(self._limits.leave_seconds)

    def _pause_reading(self) -> None:
        if not self._is_paused and not self._is_closing and not self._is_at_eof:
            self._is_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._is_paused:
            self._is_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    # The end.

    def _close(self) -> None:
        """Close when everything is sent; until then and a moment longer, read over what still comes.

        Closed at once, the system would answer unread bytes by a reset, which can overtake the last response.
        """
        if self._is_closing:
            return
        self._is_closing = True
        self._unparsed = bytearray()
        if self._is_at_eof or not self._written or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._resume_reading()
        self._transport.write_eof()
        self._clock.set(self._limits.linger_seconds)

    def _abort(self) -> None:
        self._is_closing = True
        self._transport.abort()

    def _pending(self) -> tuple[int, int]:
        return self._written, self._transport.get_write_buffer_size()

    def _time_out(self) -> None:
        if self._is_closing:
            self._stop_lingering()
        elif self._exchange is not None and self._is_at_eof:
            self._look_for_client(self._exchange)
        elif self._exchange is not None:
            self._body = None
            self._exchange.break_body()
        elif self._is_head_begun and self._body is None:
            self._refuse(_TOO_SLOW)
        else:
            self._close()

    def _stop_lingering(self) -> None:
        if self._transport.get_write_buffer_size():
            self._clock.set(self._limits.linger_seconds)  # the client still reads, or the clock notices
        else:
            self._transport.close()

    def _look_for_client(self, exchange: Exchange) -> None:
        """See whether a client that has closed its sending half waits for the response, or has left.

        A stream that sends nothing is ended: most likely nobody is there. Where no response has begun yet, a ``100
        Continue`` is sent now and then, which every client reads over (RFC 9110, section 15.2): to a client that has
        left it fails.
        """
        is_silent = self._written == self._written_before and self._drained is None
        self._written_before = self._written
        if exchange.is_streaming and is_silent:
            self._abort()
            return
        self._clock.set(self._limits.leave_seconds)
        self._looks += 1
        if self._looks >= _LOOKS_BEFORE_ASKING and not exchange.is_started:
            exchange.send_interim()
