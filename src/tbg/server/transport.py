"""A transport that sends a response in one piece."""

import asyncio
from typing import Any, Final

_MOST_BYTES: Final = 64 * 1024  # more is sent at once, so that a writer too fast for its reader is told to wait


class GatheringTransport:
    """Send what is written in one turn of the event loop together.

    uvicorn writes a response's header and its body apart, which costs a system call and a packet each: together, a
    tenth of what a small request costs.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []
        self._size = 0
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Send ``data`` at the end of this turn, with whatever else is written until then."""
        if not self._written:
            self._loop.call_soon(self.flush)
        self._written.append(data)
        self._size += len(data)
        if self._size > _MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what was written."""
        if self._written and not self.is_closing():
            # Joined, because the writelines() of some Pythons never tells a writer to wait (CVE-2024-12254).
            self._transport.write(b"".join(self._written))
        self._written, self._size = [], 0

    def close(self) -> None:
        """Close the connection when everything is sent."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the transport has
        return getattr(self._transport, name)
