"""What is written in one turn of the event loop leaves together."""

import asyncio
from collections.abc import Callable

import pytest

from tbg.server.transport import GatheringTransport

Made = tuple[GatheringTransport, list[bytes]]


class Recorder(asyncio.Transport):
    """A connection that notes each piece it is given, and when it was closed."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1)})
        self.sent: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.sent.append(b"<closed>")

    def is_closing(self) -> bool:
        return b"<closed>" in self.sent


@pytest.fixture
def make() -> Callable[[], Made]:
    def run() -> Made:
        recorder = Recorder()
        return GatheringTransport(recorder, asyncio.get_running_loop()), recorder.sent

    return run


async def turn() -> None:
    await asyncio.sleep(0)


async def test_header_and_body_leave_in_one_piece(make: Callable[[], Made]) -> None:
    transport, sent = make()
    transport.write(b"header")
    transport.write(b"body")

    assert sent == []
    await turn()
    assert sent == [b"headerbody"]


async def test_a_header_does_not_wait_for_a_body_that_comes_later(make: Callable[[], Made]) -> None:
    transport, sent = make()
    transport.write(b"header")
    await turn()
    transport.write(b"body")
    await turn()

    assert sent == [b"header", b"body"]


async def test_much_leaves_at_once(make: Callable[[], Made]) -> None:
    """The connection must see it to say that its reader is too slow."""
    transport, sent = make()
    transport.write(b"header")
    transport.write(b"x" * 100_000)

    assert [len(piece) for piece in sent] == [100_006]
    await turn()
    assert len(sent) == 1


async def test_closing_sends_what_was_written(make: Callable[[], Made]) -> None:
    transport, sent = make()
    transport.write(b"last words")
    transport.close()
    transport.write(b"too late")
    await turn()

    assert sent == [b"last words", b"<closed>"]


async def test_everything_else_is_the_connections_own(make: Callable[[], Made]) -> None:
    transport, _ = make()

    assert transport.get_extra_info("peername") == ("192.0.2.1", 1)
