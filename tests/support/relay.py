"""A relay in front of a server: counts connections and round trips, and holds answers back, or makes them late."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import attrs


@attrs.define
class Relay:
    """What has passed, in a stream of requests and answers.

    Attributes:
        delay_seconds: How late each answer comes.
        late: How late the next answer to a script comes.
        connections: How many were opened.
        trips: How often a client has run scripts after an answer; what makes a connection ready is not counted.
    """

    target: int
    delay_seconds: float = 0.0
    connections: int = 0
    trips: int = 0
    port: int = 0
    late: Callable[[], float] = lambda: 0.0
    _held: asyncio.Event | None = None
    _mute: set[asyncio.StreamWriter] = attrs.field(factory=set)
    _writers: set[asyncio.StreamWriter] = attrs.field(factory=set)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def hold_one(self) -> asyncio.Event:
        """Keep the answers of the connection that has the next one to a script back until the event is set."""
        self._held = asyncio.Event()
        return self._held

    def mute(self) -> None:
        """Let nothing come back any more on the connections that there are, as a network does that has lost them."""
        self._mute |= self._writers

    def cut(self) -> None:
        """Break the connections that there are."""
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self.target)
        awaits = has_asked = False

        async def ask() -> None:
            nonlocal awaits, has_asked
            while piece := await reader.read(1 << 20):
                has_asked = has_asked or b"EVALSHA" in piece
                self.trips += not awaits and b"EVALSHA" in piece
                awaits = True
                upstream_writer.write(piece)
            upstream_writer.close()

        async def answer() -> None:
            nonlocal awaits
            while piece := await upstream_reader.read(1 << 20):
                if has_asked and (held := self._held):
                    self._held = None
                    await held.wait()
                awaits = False
                await asyncio.sleep(self.delay_seconds or (self.late() if has_asked else 0.0))
                if writer not in self._mute:
                    writer.write(piece)
            writer.close()

        try:
            with suppress(ConnectionError):
                await asyncio.gather(ask(), answer())
        finally:
            self._writers.discard(writer)
            for each in (writer, upstream_writer):
                each.close()


@asynccontextmanager
async def relay_to(port: int) -> AsyncIterator[Relay]:
    """Listen in front of a port for the block."""
    relay = Relay(port)
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.get_running_loop().create_task(relay.serve(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # for what they have closed
