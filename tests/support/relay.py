"""A relay in front of a server: counts connections and round trips, and holds answers back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import attrs


@attrs.define
class Relay:
    """What has passed, in a stream of requests and answers.

    Attributes:
        connections: How many were opened.
        trips: How often a client has run scripts after an answer; what makes a connection ready is not counted.
    """

    target: int
    connections: int = 0
    trips: int = 0
    port: int = 0
    _held: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def hold_one(self) -> asyncio.Event:
        """Keep the answers of the connection that has the next one to a script back until the event is set."""
        self._held = asyncio.Event()
        return self._held

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
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
                writer.write(piece)
            writer.close()

        try:
            with suppress(ConnectionError):
                await asyncio.gather(ask(), answer())
        finally:
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
