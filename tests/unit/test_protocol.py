"""HTTP/1.1 on real sockets, in this process, with a shorter patience than in production."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from tbg.server.protocol import BoundedProtocol

PATIENCE = 0.2
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
TOO_LARGE = b"Request header fields too large."
INVALID = b"Invalid HTTP request received."
OPEN = b"<still open>"

Piece = bytes | float
"""Bytes to send, or seconds to wait."""
Talk = Callable[..., Awaitable[bytes]]


class Impatient(BoundedProtocol):
    patience_seconds = PATIENCE
    deepest = 0  # how many requests of one connection have waited at most

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        type(self).deepest = max(self.deepest, len(self.pipeline))


async def application(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Answer with the path, and the number of body bytes where somebody reads them; take a second for `/slow`."""
    size, more = 0, scope["path"] == "/read"
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(2 * PATIENCE)
    if scope["path"] == "/flood":
        await _flood(send)
        return
    body = f"{scope['path']} {size};".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


FLOOD = 64 * 1024 * 1024
flooded: list[float] = []


async def _flood(send: Callable[[Any], Any]) -> None:
    """Send much without a pause of its own, and note when each piece was taken."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % FLOOD)]})
    for sent in range(0, FLOOD, 65536):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": sent + 65536 < FLOOD})
        flooded.append(asyncio.get_running_loop().time())


async def _read(reader: asyncio.StreamReader) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65536):
            received += piece
    return received


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    """Say the pieces on a connection and return the answer; it ends with OPEN when the connection stays open."""
    config = Config(application, ws="none", lifespan="off", log_config=None, access_log=False, timeout_keep_alive=5)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Impatient(config, state, {}), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def say(*pieces: Piece, wait: float = 0.2, reads: bool = True) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        received = asyncio.create_task(_read(reader) if reads else asyncio.sleep(0.3, b""))
        for piece in pieces:
            if isinstance(piece, bytes):
                writer.write(piece)
            else:
                await asyncio.sleep(piece)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(received), wait)
        still_open = not received.done()
        writer.transport.abort()
        return await received + (OPEN if still_open else b"")

    yield say
    server.close()
    for connection in list(state.connections):
        connection.transport.abort()
    await asyncio.sleep(0)


def answered(answer: bytes) -> list[bytes]:
    """Return the bodies of the application's answers."""
    return [part.partition(b"\r\n\r\n")[2].partition(b";")[0] for part in answer.split(OK)[1:]]


class TestGoodRequests:
    async def test_a_connection_is_kept_for_the_next_request(self, talk: Talk) -> None:
        answer = await talk(GET, 0.02, GET, 0.02, GET)

        assert answered(answer) == [b"/ 0"] * 3
        assert answer.endswith(OPEN)

    async def test_an_idle_connection_outlives_the_clock(self, talk: Talk) -> None:
        answer = await talk(GET, 1.5 * PATIENCE, GET)

        assert answered(answer) == [b"/ 0"] * 2
        assert answer.endswith(OPEN)

    async def test_pipelined_requests_are_answered_in_order(self, talk: Talk) -> None:
        slow = GET.replace(b"/ ", b"/slow ", 1)
        answer = await talk(GET + slow + GET, wait=3 * PATIENCE)

        assert answered(answer) == [b"/ 0", b"/slow 0", b"/ 0"]

    async def test_few_of_many_pipelined_requests_wait_in_memory(self, talk: Talk) -> None:
        """And the connection goes on, with a request that was cut in two, too."""
        Impatient.deepest = 0
        answer = await talk(GET * 4_000 + GET[:5], 0.01, GET[5:] + GET * 2_000 + GET, wait=5)

        assert answered(answer) == [b"/ 0"] * 6_002
        assert 0 < Impatient.deepest <= 8192 / len(GET) + 1

    @pytest.mark.parametrize("size", [1, 65_535, 65_537, 5_000_000])
    async def test_a_body_of_any_size_follows_the_header(self, talk: Talk, size: int) -> None:
        request = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
        answer = await talk(request + b"a" * size + b"GET", 0.02, GET.removeprefix(b"GET"))

        assert answered(answer) == [b"/read %d" % size, b"/ 0"]

    async def test_a_body_of_many_small_chunks_is_fine(self, talk: Talk) -> None:
        answer = await talk(CHUNKED + b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n", GET, wait=1)

        assert answered(answer) == [b"/read 50000", b"/ 0"]

    async def test_a_slow_body_is_left_to_its_reader(self, talk: Talk) -> None:
        request = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
        answer = await talk(request, *[0.4 * PATIENCE, b"a"] * 4)

        assert answered(answer) == [b"/read 4"]

    async def test_an_answer_is_not_written_faster_than_it_is_read(self, talk: Talk) -> None:
        """What waits for a slow reader would fill the memory."""
        flooded.clear()
        begun = asyncio.get_running_loop().time()
        await talk(GET.replace(b"/ ", b"/flood ", 1), wait=1, reads=False)

        assert 0 < len([at for at in flooded if at < begun + 0.25]) * 65536 < FLOOD / 2

    async def test_a_slow_answer_is_waited_for(self, talk: Talk) -> None:
        """Even when the client has already begun to send its next request, or nonsense."""
        slow = GET.replace(b"/ ", b"/slow ", 1)
        for more in (b"", b"\r\n", b"GET"):
            answer = await talk(slow + more, wait=3 * PATIENCE)

            assert answered(answer) == [b"/slow 0"], more

    async def test_headers_up_to_the_bound_are_fine(self, talk: Talk) -> None:
        large = b"GET / HTTP/1.1\r\nA: " + b"a" * 65_000 + b"\r\n\r\n"
        many = b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 1_900 + b"\r\n"
        answer = await talk(large, 0.02, many, 0.02, large)

        assert answered(answer) == [b"/ 0"] * 3

    async def test_trailers_are_read_over(self, talk: Talk) -> None:
        answer = await talk(CHUNKED + b"3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\n" + GET)

        assert answered(answer) == [b"/read 3", b"/ 0"]

    async def test_an_upgrade_is_ignored_and_the_connection_closed(self, talk: Talk) -> None:
        upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        answer = await talk(upgrade)

        assert answered(answer) == [b"/ 0"]
        assert b"connection: close" in answer
        assert not answer.endswith(OPEN)


class TestTooLarge:
    @pytest.mark.parametrize(
        "beginning",
        [
            b"GET /",
            b"GET / HTTP/1.1\r\nA: ",
            b"GET / HTTP/1.1\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n",
            CHUNKED + b"1\r\na\r\n0\r\nA: ",
            CHUNKED + b"1;",
            GET + b"GET / HTTP/1.1\r\nA: ",
        ],
    )
    async def test_one_endless_text_is_refused(self, talk: Talk, beginning: bytes) -> None:
        answer = await talk(beginning, *[b"a" * 10_000] * 20)

        assert answer.endswith(TOO_LARGE)
        assert answer.count(b"400 Bad Request") == 1

    @pytest.mark.parametrize("beginning", [b"GET / HTTP/1.1\r\n", CHUNKED + b"1\r\na\r\n0\r\n"])
    async def test_endless_fields_are_refused(self, talk: Talk, beginning: bytes) -> None:
        answer = await talk(beginning, *[b"a:b\r\n" * 100] * 50)

        assert answer.endswith(TOO_LARGE)

    @pytest.mark.parametrize("path", [b"a" * 70_000, b"?" + b"a" * 70_000])
    async def test_a_long_target_is_refused_in_one_piece_too(self, talk: Talk, path: bytes) -> None:
        assert (await talk(b"GET /" + path + b" HTTP/1.1\r\n\r\n")).endswith(TOO_LARGE)

    async def test_a_large_header_is_refused_in_one_piece_too(self, talk: Talk) -> None:
        assert (await talk(b"GET / HTTP/1.1\r\nA: " + b"a" * 70_000 + b"\r\n\r\n")).endswith(TOO_LARGE)

    async def test_many_headers_are_refused_in_one_piece_too(self, talk: Talk) -> None:
        assert (await talk(b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 3_000 + b"\r\n")).endswith(TOO_LARGE)

    async def test_requests_are_counted_one_by_one(self, talk: Talk) -> None:
        request = b"GET / HTTP/1.1\r\nA: " + b"a" * 30_000 + b"\r\n\r\n"
        answer = await talk(request * 5, wait=0.5)

        assert answered(answer) == [b"/ 0"] * 5


class TestTooSlow:
    @pytest.mark.parametrize("beginning", [b"", b"\r\n\r\n", b"GET", b"GET / HTTP/1.1\r\nA: b\r\n"])
    async def test_a_connection_that_says_no_more_is_closed(self, talk: Talk, beginning: bytes) -> None:
        assert await talk(beginning, wait=2 * PATIENCE) == b""

    async def test_dripping_headers_do_not_stop_the_clock(self, talk: Talk) -> None:
        answer = await talk(b"GET / HTTP/1.1\r\n", *[0.2 * PATIENCE, b"a"] * 5, wait=0.5 * PATIENCE)

        assert answer == b""

    async def test_a_second_request_has_its_own_clock(self, talk: Talk) -> None:
        answer = await talk(GET, 0.02, b"GET / HT", wait=2 * PATIENCE)

        assert answered(answer) == [b"/ 0"]
        assert not answer.endswith(OPEN)

    async def test_empty_lines_do_not_keep_a_connection(self, talk: Talk) -> None:
        answer = await talk(GET, *[0.3 * PATIENCE, b"\r\n"] * 5, wait=0.5 * PATIENCE)

        assert answered(answer) == [b"/ 0"]
        assert not answer.endswith(OPEN)

    async def test_a_body_that_does_not_begin_does_not_keep_a_connection(self, talk: Talk) -> None:
        for header in (b"Content-Length: 9", b"Transfer-Encoding: chunked"):
            request = b"POST /read HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n"

            assert await talk(request, wait=2 * PATIENCE) == b""
            assert await talk(GET, 0.02, request, wait=2 * PATIENCE) == await talk(GET, 0.02, b"GE", wait=2 * PATIENCE)

    async def test_nor_behind_a_slow_answer(self, talk: Talk) -> None:
        slow = GET.replace(b"/ ", b"/slow ", 1)
        request = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
        answer = await talk(slow + request, wait=5 * PATIENCE)

        assert answered(answer) == [b"/slow 0"]
        assert not answer.endswith(OPEN)

    async def test_a_body_that_nobody_reads_does_not_keep_a_connection(self, talk: Talk) -> None:
        request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n"
        for beginning in (b"", b"a"):
            answer = await talk(request + beginning, *[0.3 * PATIENCE, b"a"] * 5, wait=0.5 * PATIENCE)

            assert answered(answer) == [b"/ 0"]
            assert not answer.endswith(OPEN), beginning

    async def test_a_body_that_ends_after_its_answer_leaves_a_usable_connection(self, talk: Talk) -> None:
        request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
        answer = await talk(request, 0.1 * PATIENCE, b"a", 0.1 * PATIENCE, b"a", 0.1 * PATIENCE, GET)

        assert answered(answer) == [b"/ 0", b"/ 0"]

    async def test_but_not_for_ever(self, talk: Talk) -> None:
        request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
        answer = await talk(request, 0.1 * PATIENCE, b"a", wait=2 * PATIENCE)

        assert not answer.endswith(OPEN)


class TestMalformed:
    @pytest.mark.parametrize(
        "request_",
        [
            b"garbage\r\n\r\n",
            b"GET /\r\n\r\n",
            b"GET / HTTP/0.9\r\n\r\n",
            b"GET / HTTP/2.0\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello",
            b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n",
        ],
    )
    async def test_it_is_refused_and_the_connection_closed(self, talk: Talk, request_: bytes) -> None:
        answer = await talk(request_)

        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert answer.endswith(INVALID)

    async def test_a_body_behind_an_upgrade_is_never_a_request(self, talk: Talk) -> None:
        """Else a client could smuggle a request past a proxy that reads it as a body."""
        upgrade = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n"
        answer = await talk(upgrade % len(GET), 0.05, GET)

        assert answered(answer) == []
