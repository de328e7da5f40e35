"""Responses that are sent piece by piece: each item is judged before it leaves, and no more than one is kept."""

from collections.abc import Callable
from typing import Any, Final, Self

from tbg.contract.schemas import Finding
from tbg.contract.sequences import Items

_LONGEST_ITEM: Final = 1024 * 1024
_BLOCK: Final = 8 * 1024
_LONGEST_END: Final = 4  # bytes: two line ends

Breached = Callable[[Finding], None]
"""Told of the first item that breaks the contract."""


class BrokenStreamError(Exception):
    """An item breaks the contract: neither it nor what would follow is sent.

    The response has begun, so that the client can only be told by a connection that ends before the body does
    (RFC 9112, section 8).
    """


class _Watch:
    """Finds the items in what passes."""

    def __init__(self, items: Items, breached: Breached, *, enforce: bool) -> None:
        self._items = items
        self._breached = breached
        self._enforce = enforce
        self._is_over = False  # what follows the first breach is not looked at
        self._rest = bytearray()
        self._searched = 0
        self._count = 0

    def feed(self, data: bytes) -> bytes:
        """Take the next piece and return what may leave: all items that are complete, up to the first breach."""
        if self._is_over:
            return data
        self._rest += data
        start, searched = 0, self._searched
        while (end := self._end(searched)) is not None:
            if not self._passes(start, end):
                return self._release(start)
            start = searched = end
        self._searched = max(0, len(self._rest) - start - _LONGEST_END)
        if len(self._rest) - start > _LONGEST_ITEM:
            self._breach(Finding("", "size", f"is longer than {_LONGEST_ITEM} bytes"))
        return self._release(start)

    def finish(self) -> bytes:
        """Return what is left when no more comes."""
        return self._release(len(self._rest) if self._is_over or self._passes(0, len(self._rest)) else 0)

    def require_unbroken(self) -> None:
        """Raise BrokenStreamError if the stream ends here."""
        if self._is_over and self._enforce:
            raise BrokenStreamError

    def _end(self, searched: int) -> int | None:
        """Return where the next item ends; a match that lived longer would keep the buffer from being cut."""
        found = self._items.end.search(self._rest, searched)
        return None if found is None else found.end()

    def _passes(self, start: int, end: int) -> bool:
        finding = self._items.judge(bytes(self._rest[start:end]))
        if finding is not None:
            self._breach(finding)
        self._count += 1
        return finding is None

    def _breach(self, finding: Finding) -> None:
        self._is_over = True
        self._breached(Finding(f"/{self._count}{finding.pointer}", finding.code, finding.detail))

    def _release(self, end: int) -> bytes:
        if self._is_over and not self._enforce:
            end = len(self._rest)
        released = bytes(self._rest[:end])
        del self._rest[:end]
        return released


class CheckedStream:
    """A ``resp.stream`` whose items are judged; no generator, which would have to be closed, too."""

    def __init__(self, stream: Any, items: Items, breached: Breached, *, enforce: bool) -> None:  # noqa: ANN401 - of many kinds
        self._stream = stream
        self._pieces = None if hasattr(stream, "read") else aiter(stream)
        self._watch = _Watch(items, breached, enforce=enforce)
        self._is_at_end = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return what may leave next.

        Raises:
            BrokenStreamError: The next item breaks the contract.
        """
        while not self._is_at_end:
            self._watch.require_unbroken()
            data = await self._next()
            self._is_at_end = data is None
            if released := self._watch.finish() if data is None else self._watch.feed(data):
                return released
        self._watch.require_unbroken()
        raise StopAsyncIteration

    async def _next(self) -> bytes | None:
        """Return the next piece, or None at the end."""
        if self._pieces is not None:
            return await anext(self._pieces, None)
        data: bytes = await self._stream.read(_BLOCK)
        return data or None

    async def aclose(self) -> None:
        """Close a generator that was not read to its end."""
        if hasattr(self._stream, "aclose"):
            await self._stream.aclose()

    async def close(self) -> None:
        """Close what Falcon would close."""
        if hasattr(self._stream, "close"):
            await self._stream.close()


class CheckedEvents:
    """A ``resp.sse`` whose events are judged as they are written."""

    def __init__(self, events: Any, items: Items, breached: Breached, *, enforce: bool) -> None:  # noqa: ANN401 - of many kinds
        self._events = events
        self._pieces = aiter(events)
        self._watch = _Watch(items, breached, enforce=enforce)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> "_CheckedEvent | None":
        event = await anext(self._pieces)
        return _CheckedEvent(event, self._watch) if event else None

    async def aclose(self) -> None:
        """Close a generator that was not read to its end."""
        if hasattr(self._events, "aclose"):
            await self._events.aclose()


class _CheckedEvent:
    """What Falcon takes for an event: it is judged where its bytes are known."""

    def __init__(self, event: Any, watch: _Watch) -> None:  # noqa: ANN401 - a falcon.asgi.SSEvent, or what is like one
        self._event = event
        self._watch = watch

    def serialize(self, handler: object = None) -> bytes:
        """Write the event.

        Raises:
            BrokenStreamError: It breaks the contract.
        """
        data: bytes = self._event.serialize(handler)
        self._watch.feed(data)
        self._watch.require_unbroken()
        return data
