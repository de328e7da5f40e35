"""A client that counts exactly what becomes of its requests: answered, or sent and never answered."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs

REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@attrs.define
class Counts:
    """What became of the requests.

    Attributes:
        answered: Whole responses, by status.
        lost: Requests that were sent on a connection that was open, and got no whole response.
        closed: Connections that were found closed before a request was sent, which costs nobody anything.
        refused: Connections that were not made.
    """

    answered: dict[int, int] = attrs.field(factory=dict)
    lost: int = 0
    closed: int = 0
    refused: int = 0

    @property
    def sent(self) -> int:
        """How many requests were sent."""
        return sum(self.answered.values()) + self.lost


class _Connection:
    """One kept connection, opened anew when it has ended."""

    def __init__(self, port: int, counts: Counts) -> None:
        self._port = port
        self._counts = counts
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> None:
        """Send one request and count what becomes of it."""
        if self._streams is not None and self._streams[0].at_eof():
            self._counts.closed += 1
            await self.close()
        if self._streams is None:
            try:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                self._counts.refused += 1
                await asyncio.sleep(0.01)
                return
        reader, writer = self._streams
        try:
            writer.write(REQUEST)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await asyncio.wait_for(reader.readexactly(length), 10)
        except (OSError, EOFError, TimeoutError):
            self._counts.lost += 1
            await self.close()
            return
        status = int(head.split()[1])
        self._counts.answered[status] = self._counts.answered.get(status, 0) + 1
        if b"connection: close" in head.lower():
            await self.close()

    async def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            (_, writer), self._streams = self._streams, None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def closed_loop(port: int, connections: int = 64) -> AsyncIterator[Counts]:
    """Let so many connections ask one request after the other for as long as the block runs."""
    counts, is_over = Counts(), asyncio.Event()

    async def client() -> None:
        connection = _Connection(port, counts)
        while not is_over.is_set():
            await connection.ask()
        await connection.close()

    async with _together(client, connections, is_over):
        yield counts


@asynccontextmanager
async def open_loop(port: int, per_second: int, connections: int = 64) -> AsyncIterator[Counts]:
    """Ask so many requests a second for as long as the block runs, on connections that are kept."""
    counts, is_over = Counts(), asyncio.Event()
    pause = connections / per_second

    async def client() -> None:
        connection = _Connection(port, counts)
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not is_over.is_set():
            await connection.ask()
            due = max(due + pause, loop.time() - 1)
            await asyncio.sleep(max(0, due - loop.time()))
        await connection.close()

    async with _together(client, connections, is_over):
        yield counts


@asynccontextmanager
async def _together(client: Callable[[], object], number: int, is_over: asyncio.Event) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as clients:
        for _ in range(number):
            clients.create_task(client())  # type: ignore[arg-type]  # they are coroutines
        with contextlib.ExitStack() as stack:
            stack.callback(is_over.set)
            yield
