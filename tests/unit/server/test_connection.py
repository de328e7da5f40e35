"""HTTP/1.1 on real sockets, in this process, with shorter time-outs than in production."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from tbg.refusal import refusal_of
from tbg.server.http1 import Connection, Limits, Registry

PATIENCE = 0.2
LIMITS = Limits(
    header_seconds=PATIENCE,
    body_seconds=PATIENCE,
    write_seconds=2 * PATIENCE,
    linger_seconds=PATIENCE,
    leave_seconds=PATIENCE,
)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
OPEN = b"<still open>"

Piece = bytes | float
"""Bytes to send, or seconds to wait."""
Talk = Callable[..., Awaitable[bytes]]


async def application(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Answer with the path, and the number of body bytes where somebody reads them; take a while for `/slow`."""
    if (refusal := refusal_of(scope)) is not None:
        await respond(send, refusal.status, refusal.detail.encode())
        return
    size, more = 0, scope["path"] == "/read"
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
        size = -1 if message["type"] == "http.disconnect" else size
    if scope["path"] == "/slow":
        await asyncio.sleep(2 * PATIENCE)
    if scope["path"] == "/flood":
        await _flood(send)
        return
    if scope["path"] == "/break":
        watchers.append(asyncio.create_task(_watch(receive)))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        raise ValueError
    await respond(send, 200, f"{scope['path']} {size};".encode())


async def _watch(receive: Callable[[], Any]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def respond(send: Callable[[Any], Any], status: int, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


watchers: list[asyncio.Task[None]] = []  # what waits for the client to go, as Falcon's does beside server-sent events

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
    registry = Registry(1000)
    connections: list[Connection] = []

    def connect() -> Connection:
        connections.append(Connection(config, state, {}, registry=registry, limits=LIMITS))
        return connections[-1]

    server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", 0)
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
    for connection in connections:
        connection.evict()
    await asyncio.sleep(0)


def answered(answer: bytes) -> list[bytes]:
    """Return the bodies of the application's answers."""
    return [part.partition(b"\r\n\r\n")[2].partition(b";")[0] for part in answer.split(OK)[1:]]


def refused(answer: bytes) -> int:
    """Return the status of the last response, after which the connection must have been closed."""
    last = b"HTTP/1.1 " + answer.rpartition(b"HTTP/1.1 ")[2]
    assert b"connection: close" in last
    assert not last.endswith(OPEN)
    return int(last.split()[1])


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

    async def test_many_pipelined_requests_are_answered(self, talk: Talk) -> None:
        """One that was cut in two, too."""
        answer = await talk(GET * 4_000 + GET[:5], 0.01, GET[5:] + GET * 2_000 + GET, wait=5)

        assert answered(answer) == [b"/ 0"] * 6_002

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
        large = b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 65_000 + b"\r\n\r\n"
        many = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:b\r\n" * 1_750 + b"\r\n"
        answer = await talk(large, 0.02, many, 0.02, large)

        assert answered(answer) == [b"/ 0"] * 3

    async def test_trailers_are_read_over(self, talk: Talk) -> None:
        answer = await talk(CHUNKED + b"3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\n" + GET)

        assert answered(answer) == [b"/read 3", b"/ 0"]

    @pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
    async def test_an_upgrade_is_ignored(self, talk: Talk, protocol: bytes) -> None:
        """RFC 9110, section 7.8: and what follows the header is this request's body, never another request."""
        fields = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + protocol + b"\r\nContent-Length: %d\r\n\r\n"
        for body in (b"", GET):
            answer = await talk(b"POST /read HTTP/1.1\r\nHost: x\r\n" + fields % len(body) + body + GET)

            assert answered(answer) == [b"/read %d" % len(body), b"/ 0"]
            assert answer.endswith(OPEN)


class TestTooLarge:
    @pytest.mark.parametrize(
        ("beginning", "status"),
        [
            (b"GET /", 414),
            (b"GET / HTTP/1.1\r\nA: ", 431),
            (b"GET / HTTP/1.1\r\n", 431),
            (b"GET / HTTP/1.1\r\nHost: x\r\n", 431),
            (GET + b"GET / HTTP/1.1\r\nA: ", 431),
        ],
    )
    async def test_one_endless_text_is_refused(self, talk: Talk, beginning: bytes, status: int) -> None:
        answer = await talk(beginning, *[b"a" * 10_000] * 20)

        assert refused(answer) == status

    async def test_endless_fields_are_refused(self, talk: Talk) -> None:
        assert refused(await talk(b"GET / HTTP/1.1\r\n", *[b"a:b\r\n" * 100] * 50)) == 431

    @pytest.mark.parametrize(
        ("beginning", "piece"),
        [
            (b"1\r\na\r\n0\r\n", b"a:b\r\n" * 100),
            (b"1\r\na\r\n0\r\nA: ", b"a" * 10_000),
            (b"1;", b"a" * 10_000),
            (b"", b"1;" + b"a" * 1_000 + b"\r\na\r\n"),
        ],
    )
    async def test_endless_trailers_and_extensions_break_the_body_off(
        self, talk: Talk, beginning: bytes, piece: bytes
    ) -> None:
        answer = await talk(CHUNKED + beginning, 0.02, *[piece] * 200)

        assert answered(answer) == [b"/read -1"]
        assert not answer.endswith(OPEN)

    @pytest.mark.parametrize("path", [b"a" * 70_000, b"?" + b"a" * 70_000])
    async def test_a_long_target_is_refused_in_one_piece_too(self, talk: Talk, path: bytes) -> None:
        assert refused(await talk(b"GET /" + path + b" HTTP/1.1\r\n\r\n")) == 414

    @pytest.mark.parametrize("fields", [b"A: " + b"a" * 70_000 + b"\r\n", b"a:b\r\n" * 3_000])
    async def test_large_headers_are_refused_in_one_piece_too(self, talk: Talk, fields: bytes) -> None:
        assert refused(await talk(b"GET / HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")) == 431

    async def test_requests_are_counted_one_by_one(self, talk: Talk) -> None:
        request = b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 30_000 + b"\r\n\r\n"
        answer = await talk(request * 5, wait=0.5)

        assert answered(answer) == [b"/ 0"] * 5


class TestTooSlow:
    @pytest.mark.parametrize("beginning", [b"", b"\r\n\r\n", b"\r"])
    async def test_a_connection_that_says_nothing_is_closed(self, talk: Talk, beginning: bytes) -> None:
        assert await talk(beginning, wait=3 * PATIENCE) == b""

    @pytest.mark.parametrize("beginning", [b"G", b"GET", b"GET / HTTP/1.1\r\nA: b\r\n"])
    async def test_one_that_says_no_more_is_told_so(self, talk: Talk, beginning: bytes) -> None:
        assert refused(await talk(beginning, wait=3 * PATIENCE)) == 408

    async def test_dripping_headers_do_not_stop_the_clock(self, talk: Talk) -> None:
        answer = await talk(b"GET / HTTP/1.1\r\n", *[0.2 * PATIENCE, b"a"] * 5, wait=2 * PATIENCE)

        assert refused(answer) == 408

    async def test_a_second_request_has_its_own_clock(self, talk: Talk) -> None:
        answer = await talk(GET, 0.02, b"GET / HT", wait=3 * PATIENCE)

        assert answer.startswith(OK)
        assert refused(answer) == 408

    async def test_empty_lines_do_not_keep_a_connection(self, talk: Talk) -> None:
        answer = await talk(GET, *[0.3 * PATIENCE, b"\r\n"] * 5, wait=0.5 * PATIENCE)

        assert answered(answer) == [b"/ 0"]
        assert not answer.endswith(OPEN)

    @pytest.mark.parametrize("framing", [b"Content-Length: 9", b"Transfer-Encoding: chunked"])
    @pytest.mark.parametrize("before", [b"", GET, GET.replace(b"/ ", b"/slow ", 1)])
    async def test_a_body_that_does_not_come_is_not_waited_for(self, talk: Talk, before: bytes, framing: bytes) -> None:
        request = b"POST /read HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n\r\n"
        answer = await talk(before + request, wait=8 * PATIENCE)

        assert answered(answer)[-1] == b"/read -1"
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


class TestMalformed:
    @pytest.mark.parametrize(
        ("request_", "status"),
        [
            (b"garbage\r\n\r\n", 400),
            (b"GET /\r\n\r\n", 400),
            (b"GET / HTTP/0.9\r\n\r\n", 505),
            (b"GET / HTTP/2.0\r\n\r\n", 505),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ],
    )
    async def test_it_is_refused_and_the_connection_closed(self, talk: Talk, request_: bytes, status: int) -> None:
        """Also behind a good request, and in single bytes."""
        assert refused(await talk(request_)) == status
        assert refused(await talk(GET + request_)) == status
        assert refused(await talk(*(bytes([byte]) for byte in request_), wait=0.5)) == status


async def test_what_waits_for_the_client_ends_with_the_application(talk: Talk) -> None:
    assert (await talk(GET.replace(b"/ ", b"/break "))).endswith(b"1\r\na\r\n")

    [watcher] = watchers
    await asyncio.wait_for(watcher, 1)
