"""Whatever comes over the wire, both workers live on, answer, and log no traceback."""

import random
import socket
import struct
from collections.abc import Iterator

import psutil
import pytest

from tests.support.gunicorn import Gunicorn, wait_until
from tests.support.wire import Wire, exchange

GET = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POST = b"POST /probe/notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
HEALTHY = b'{"status":"healthy"}'
MEGABYTE = 1024 * 1024

MALFORMED = {
    "garbage": b"\x00\x01\x02\x03garbage\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "HTTP/0.9": b"GET /health\r\n\r\n",
    "no version": b"GET /health HTTP\r\n\r\n",
    "no method": b" /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "small letters": b"get /health http/1.1\r\nHost: x\r\n\r\n",
    "spaces in the target": b"GET /he alth HTTP/1.1\r\nHost: x\r\n\r\n",
    "raw bytes in the target": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in the target": b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in a header": b"GET /health HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    "NUL in a header's name": b"GET /health HTTP/1.1\r\nHost: x\r\nA\x00: b\r\n\r\n",
    "a header without a colon": b"GET /health HTTP/1.1\r\nHost\r\n\r\n",
    "a space before the colon": b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n",
    "a folded first header": b"GET /health HTTP/1.1\r\n Host: x\r\n\r\n",
    "bare line feeds": b"GET /health HTTP/1.1\nHost: x\n\n",
    "bare carriage returns": b"GET /health HTTP/1.1\rHost: x\r\r",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length in words": POST + b"Content-Length: five\r\n\r\n",
    "a hexadecimal length": POST + b"Content-Length: 0x5\r\n\r\nhello",
    "an endless length": POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a list of lengths": POST + b"Content-Length: 5, 6\r\n\r\nhello!",
    "length and chunks": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunked nonsense": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "a huge chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
    "a negative chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    "a chunk longer than its size": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "another coding": POST + b"Transfer-Encoding: gzip\r\n\r\nabc",
    "chunked twice": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
}

UNUSUAL = {
    "WebSocket": b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "HTTP/2 upgrade": b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
    "HTTP/1.0": b"GET /health HTTP/1.0\r\n\r\n",
    "absolute form": b"GET http://other.example/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "empty lines first": b"\r\n\r\n" + LAST,
    "an empty header": b"GET /health HTTP/1.1\r\nHost: x\r\nA:\r\nConnection: close\r\n\r\n",
    "bytes in a header": b"GET /health HTTP/1.1\r\nHost: x\r\nA: \xff\xfe\r\nConnection: close\r\n\r\n",
    "a body on GET": b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    "query with bytes": b"GET /health?%ff=%00&=&&&a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
}


@pytest.fixture(autouse=True)
def _unharmed(service: Gunicorn) -> Iterator[None]:
    """After every test both workers answer, and no traceback was logged; `service` compares their process ids."""
    before = len(service.log())
    yield
    for _ in range(4):
        assert exchange(service.port, LAST).endswith(HEALTHY)
    assert not [
        line for line in service.log()[before:] if "exception" in line or line["level"] in {"error", "critical"}
    ]


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
def test_malformed_requests_are_refused(service: Gunicorn, request_: bytes) -> None:
    answer = exchange(service.port, request_)

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"connection: close" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("request_", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_requests_are_answered(service: Gunicorn, request_: bytes) -> None:
    answer = exchange(service.port, request_)

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(HEALTHY)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"*", b"400"),
        (b"//", b"404"),
        (b"/%", b"400"),
        (b"/%zz", b"400"),
        (b"/%00", b"404"),
        (b"/%ff%fe", b"400"),
        (b"/" + b"%2e%2e%2f" * 20, b"404"),
        (b"/\\..\\", b"404"),
        (b"/health#a", b"400"),
    ],
)
def test_strange_targets_are_only_targets(service: Gunicorn, target: bytes, status: bytes) -> None:
    answer = exchange(service.port, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.split()[1] == status


def test_a_large_valid_body_is_read_and_the_connection_kept(service: Gunicorn) -> None:
    body = b'{"text":"' + b"a" * 900_000 + b'"}'
    with Wire(service.port) as wire:
        wire.send(POST, b"Content-Length: %d\r\n\r\n" % len(body), body)
        first = wire.receive_responses(1)
        wire.send(GET)
        second = wire.receive_responses(1)
        wire.send(LAST)
        third = wire.receive()

    assert first.endswith(b'{"answer":900000}')
    assert second.endswith(HEALTHY)
    assert third.endswith(HEALTHY)


def test_a_body_over_the_limit_is_refused(service: Gunicorn) -> None:
    request = POST + b"Connection: close\r\nContent-Length: 2000000\r\n\r\n"
    answer = exchange(service.port, request, b"a")

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'{"detail":' in answer

    chunks = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    request = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert exchange(service.port, request, *[chunks] * 17).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("beginning", "repeated"),
    [
        (b"GET /", b"a" * 4096),
        (b"GET /health HTTP/1.1\r\nA: ", b"a" * 4096),
        (b"GET /health HTTP/1.1\r\n", b"a" * 4096),
        (b"GET /health HTTP/1.1\r\n", b"a: b\r\n" * 512),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n" * 512),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: ", b"a" * 4096),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 4096),
    ],
    ids=["target", "one header", "a header's name", "many headers", "many trailers", "one trailer", "chunk extension"],
)
def test_endless_headers_do_not_fill_the_memory(service: Gunicorn, beginning: bytes, repeated: bytes) -> None:
    before = resident(service)
    with Wire(service.port) as wire:
        wire.send(beginning, *[repeated] * (4 * MEGABYTE // len(repeated)))
        answer = wire.receive()

    assert answer == b"" or answer.split()[1] in {b"400", b"414", b"431"}  # a reset may overtake the answer
    assert resident(service) - before < 2 * MEGABYTE


def resident(service: Gunicorn) -> int:
    return sum(psutil.Process(pid).memory_info().rss for pid in service.worker_pids())


def test_an_endless_body_that_nobody_reads_does_not_fill_the_memory(service: Gunicorn) -> None:
    before = resident(service)
    with Wire(service.port) as wire:
        wire.send(b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\na")
        answer = wire.receive_responses(1)
        wire.send(*[b"a" * 65536] * 128)

    assert answer.startswith(b"HTTP/1.1 405 ")
    assert resident(service) - before < 2 * MEGABYTE


def test_pipelined_requests_are_answered_in_order(service: Gunicorn) -> None:
    with Wire(service.port) as wire:
        wire.send(GET + b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" + GET + LAST)
        answer = wire.receive()

    assert [part.split()[0] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200", b"200"]


def test_a_request_in_single_bytes_is_read(service: Gunicorn) -> None:
    with Wire(service.port) as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.send(*(bytes([byte]) for byte in LAST))

        assert wire.receive().endswith(HEALTHY)


def test_half_closed_connections_are_let_go(service: Gunicorn) -> None:
    for beginning in (b"", b"GET", GET[:-2], POST + b"Content-Length: 5\r\n\r\nhe"):
        with Wire(service.port) as wire:
            wire.send(beginning)
            wire.socket.shutdown(socket.SHUT_WR)

            assert not wire.receive().startswith(b"HTTP/1.1 5")


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET",
        GET,
        POST + b"Content-Length: 500000\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
        b"GET /probe/slow HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_early_disconnects_are_let_go(service: Gunicorn, beginning: bytes, reset: bool) -> None:
    for _ in range(5):
        with Wire(service.port) as wire:
            wire.send(beginning)
            if reset:
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_stream_ends_when_its_reader_leaves(service: Gunicorn) -> None:
    with Wire(service.port) as wire:
        wire.send(b"GET /probe/stream HTTP/1.1\r\nHost: x\r\nX-Request-Id: stream-1\r\n\r\n")
        received = wire.socket.recv(65536)

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    wait_until(lambda: not connections(service), 5, "the end of the stream's connection")


def connections(service: Gunicorn) -> list[object]:
    found = [psutil.Process(pid).net_connections("tcp") for pid in service.worker_pids()]
    return [
        connection
        for each in found
        for connection in each
        if connection.laddr.port == service.port and connection.status in {"ESTABLISHED", "CLOSE_WAIT"}
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mutated_requests_are_survived(service: Gunicorn, seed: int) -> None:
    mutate = random.Random(seed)  # the same every time, so that a failure can be looked into
    body = b'{"text":"hello"}'
    original = POST + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    for _ in range(60):
        request = bytearray(original)
        for _ in range(mutate.randint(1, 5)):
            position = mutate.randrange(len(request))
            request[position : position + mutate.randint(0, 3)] = mutate.randbytes(mutate.randint(0, 3))
        with Wire(service.port) as wire:
            wire.send(bytes(request))
            wire.socket.shutdown(socket.SHUT_WR)
            answer = wire.receive()

        assert answer == b"" or answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")), bytes(request)
