"""One request and its response, as an ASGI application sees them (ASGI 3.0, HTTP 2.4)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, Protocol

App = Callable[[dict[str, Any], Callable[[], Any], Callable[[Any], Any]], Awaitable[None]]

_BODYLESS: Final = frozenset({204, 304})
_ONE_PIECE: Final = 64 * 1024  # a larger body is not copied to be sent together with its header
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_LAST_RESORT: Final = b'{"detail":"Internal server error"}'
_STATUS_LINES: Final = {
    code: f"HTTP/1.1 {code} {HTTPStatus(code).phrase if code in set(HTTPStatus) else ''}\r\n".encode()
    for code in range(200, 600)
}

_log = logging.getLogger("tbg.server")


class ClientGoneError(OSError):
    """The client is gone, or does not read: nothing can be sent to it any more."""


class Wire(Protocol):
    """What an exchange needs of its connection.

    Attributes:
        default_headers: Header lines of every response, encoded.
    """

    @property
    def default_headers(self) -> bytes:
        """Header lines of every response, encoded."""

    def write(self, data: bytes) -> None:
        """Send ``data`` soon."""

    def drained(self) -> asyncio.Future[None] | None:
        """Return what is done when more can be sent; None if it can be sent now."""

    def body_awaited(self) -> None:
        """Wait for more of the body, but not for ever."""

    def body_taken(self) -> None:
        """Read on, if reading was paused for the body."""

    def exchange_ended(self) -> None:
        """Go on to the next request, or close."""


class Exchange:
    """Receives the body of one request, and sends the response.

    Attributes:
        keep_alive: Whether the connection can be used after the response.
        is_started: Whether a part of the response has been handed over.
        is_complete: Whether all of it has.
        size: The number of bytes of the body that wait to be received.
    """

    def __init__(self, scope: dict[str, Any], wire: Wire, *, keep_alive: bool, expects_continue: bool) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.is_started = self.is_complete = False
        self._wire = wire
        self._is_gone = self._has_ended = False
        self._task: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        # The request's side.
        self._content: list[bytes] = []
        self.size = 0
        self._is_whole = self._is_delivered = self._is_broken = False
        self._has_begun = False
        self._expects_continue = expects_continue
        # The response's side.
        self._head = b""
        self._length: int | None = None
        self._is_chunked = False

    # What the connection says.

    def start(self, app: App, loop: asyncio.AbstractEventLoop, context: Any) -> asyncio.Task[None]:  # noqa: ANN401 - a context
        """Run the application for this request."""
        self._task = loop.create_task(self._run(app), context=context)
        return self._task

    def feed(self, content: bytes) -> None:
        """Add to the request's body."""
        self._expects_continue = False
        if content and not self.is_complete:
            self._content.append(content)
            self.size += len(content)
            self._wake()

    def end_body(self) -> None:
        """Note that the request's body is whole."""
        self._is_whole = True
        self._wake()

    def break_body(self) -> None:
        """Note that the rest of the request's body will never come; it may still be answered."""
        self.keep_alive = False
        self._is_broken = True
        self._wake()

    def disconnect(self) -> None:
        """End the work for a client that is gone."""
        self._is_gone = True
        if self._task is not None and not self.is_complete:
            self._task.cancel()
        self._wake()

    def send_interim(self) -> None:
        """Send ``100 Continue`` before the response, to a client that knows it."""
        if not self.is_started and self.scope["http_version"] == "1.1":
            self._wire.write(_CONTINUE)

    @property
    def is_running(self) -> bool:
        """Whether the application has the request."""
        return self._task is not None

    @property
    def is_streaming(self) -> bool:
        """Whether a part of the response is sent and the rest is not."""
        return self.is_started and not self.is_complete

    # What the application calls.

    async def receive(self) -> dict[str, Any]:
        """Return the next part of the body, at first also none, or that the client is gone."""
        if not self._has_begun:
            # What there is, or nothing: the application decides whether to read the body before any of it is there.
            self._has_begun = True
            return self._next_part()
        if self._is_over():
            return {"type": "http.disconnect"}
        if not self._content and not self._is_whole:
            self._want_body()
        while not (self._content or (self._is_whole and not self._is_delivered) or self._is_over()):
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return {"type": "http.disconnect"} if self._is_over() else self._next_part()

    async def send(self, message: dict[str, Any]) -> None:
        """Send a part of the response.

        Raises:
            ClientGoneError: The client is gone.
            RuntimeError: The message is not one that may come now.
        """
        if self._is_gone:
            raise ClientGoneError
        kind = message["type"]
        if kind == "http.response.start" and not self.is_started:
            self._begin(message["status"], message.get("headers", ()))
        elif kind == "http.response.body" and self.is_streaming:
            self._send_body(message.get("body", b""), more=message.get("more_body", False))
            while (drained := self._wire.drained()) is not None:
                await drained
                if self._is_gone:
                    raise ClientGoneError
        else:
            raise RuntimeError(f"The application sent {kind} when it may not")

    # Inside.

    def _is_over(self) -> bool:
        return self._is_gone or self._has_ended or self.is_complete or (self._is_broken and not self._content)

    def _next_part(self) -> dict[str, Any]:
        content = self._content[0] if len(self._content) == 1 else b"".join(self._content)
        self._content, self.size = [], 0
        self._is_delivered = self._is_whole
        self._wire.body_taken()
        return {"type": "http.request", "body": content, "more_body": not self._is_whole}

    def _want_body(self) -> None:
        if self._expects_continue:
            self.send_interim()
        self._expects_continue = False
        self._wire.body_awaited()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _run(self, app: App) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except ClientGoneError:
            self.keep_alive = False
        except asyncio.CancelledError:
            self.keep_alive = False
            if not self._is_gone:
                raise
        except Exception:  # noqa: BLE001 - the application's last resort
            _log.exception("The application failed")
            self._give_up()
        else:
            if not self.is_complete and not self._is_gone:
                _log.error("The application sent no whole response")
                self._give_up()
        finally:
            self._has_ended = True
            self._wake()  # the application may have left a task behind that waits for the client to go
            self._wire.exchange_ended()

    def _give_up(self) -> None:
        """Say 500 if nothing was said yet, and close in any case."""
        self.keep_alive = False
        if not self.is_started and not self._is_gone:
            length = str(len(_LAST_RESORT)).encode()
            self._begin(500, [(b"content-type", b"application/json"), (b"content-length", length)])
            self._send_body(_LAST_RESORT, more=False)

    def _begin(self, status: int, headers: Any) -> None:  # noqa: ANN401 - pairs of bytes, as ASGI has them
        """Prepare the header; it leaves together with the first piece of the body, if that comes at once."""
        default = self._wire.default_headers
        lines = [_STATUS_LINES[status], default]
        ends = default.count(b"\n") + 2
        self._length = None
        for name, value in headers:
            if name == b"content-length":
                self._length = int(value)
            elif name == b"connection" and value.lower() == b"close":
                self.keep_alive = False
                continue
            lines += (name, b": ", value, b"\r\n")
            ends += 1
        if self._expects_continue:
            self.keep_alive = False  # nobody can tell whether the client sends its body now (RFC 9110, 10.1.1)
        if status in _BODYLESS or self.scope["method"] == "HEAD":
            self._length = 0
        elif self._length is None:
            ends += self._frame(lines)
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
            ends += 1
        lines.append(b"\r\n")
        head = b"".join(lines)
        if not head.count(b"\n") == head.count(b"\r") == ends:
            raise RuntimeError("A response header has a line end in it")
        self._head = head
        self.is_started = True
        if self._length is None:
            asyncio.get_running_loop().call_soon(self._flush)

    def _frame(self, lines: list[bytes]) -> int:
        """Mark the end of a body of unknown length: by chunks, in HTTP/1.0 by closing (RFC 9112, section 6.1).

        Returns:
            The number of header fields that were added.
        """
        self._is_chunked = self.scope["http_version"] == "1.1"
        if self._is_chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        else:
            self.keep_alive = False
        return int(self._is_chunked)

    def _flush(self) -> None:
        if self._head and not self._is_gone:
            self._wire.write(self._head)
        self._head = b""

    def _send_body(self, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            body = b""
        if self._is_chunked:
            body = _chunk(body, last=not more)
        elif self._length is not None:
            self._length -= len(body)
            if self._length < 0 or (self._length and not more):
                raise RuntimeError("The body is longer or shorter than Content-Length")
        self.is_complete = not more
        if len(body) > _ONE_PIECE:
            self._flush()
        data, self._head = self._head + body, b""
        if data:
            self._wire.write(data)


def _chunk(body: bytes, *, last: bool) -> bytes:
    """Write one chunk, and the last one (RFC 9112, section 7.1)."""
    end = b"0\r\n\r\n" if last else b""
    return b"%x\r\n%b\r\n%b" % (len(body), body, end) if body else end
