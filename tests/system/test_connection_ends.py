"""However connections end, 20 000 times each, they leave nothing behind: the memory of the worker stays the same."""

import contextlib
import socket
import struct
from collections.abc import Callable

import psutil
import pytest

from tests.conftest import StartGunicorn
from tests.integration.probe.app import APP
from tests.support.gunicorn import Gunicorn, wait_until

TIMES = 20_000
WARM_UP = 4_000
AT_ONCE = 500
MEGABYTE = 1024 * 1024
FLAT = 20 * MEGABYTE
HEADER_SECONDS = 0.5

_LARGE = b"".join(b"X-Field-%d: %b\r\n" % (number, b"v" * 600) for number in range(20))
GET = b"GET /version HTTP/1.1\r\nHost: x\r\n" + _LARGE + b"\r\n"
CONTRACT = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /probe/notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
RESET = struct.pack("ii", 1, 0)


def _end(connection: socket.socket, *, reset: bool) -> None:
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


def _each(request: bytes, *, receive: int, reset: bool) -> Callable[[int, int], None]:
    """Open a connection, send the request, receive so much at most, and end it; one after the other."""

    def run(port: int, times: int) -> None:
        for _ in range(times):
            connection = socket.create_connection(("127.0.0.1", port), 10)
            connection.sendall(request)
            if receive:
                connection.recv(receive)
            _end(connection, reset=reset)

    return run


def _until_the_server_closes(request: bytes) -> Callable[[int, int], None]:
    """Open many connections, send the same on each, and read until the server has had enough."""

    def run(port: int, times: int) -> None:
        for _ in range(times // AT_ONCE):
            together = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(AT_ONCE)]
            for connection in together:
                connection.sendall(request)
            for connection in together:
                with contextlib.suppress(ConnectionError):
                    while connection.recv(65_536):
                        pass
                connection.close()

    return run


ENDS = {
    "closed after the answer": _each(GET, receive=65_536, reset=False),
    "reset after the answer": _each(GET, receive=65_536, reset=True),
    "closed in the header": _each(GET[:-2], receive=0, reset=False),
    "reset in the header": _each(GET[:-2], receive=0, reset=True),
    "closed in the body": _each(POST + b"Content-Length: 9000\r\n\r\n" + b"a" * 8000, receive=0, reset=False),
    "reset in the body": _each(POST + b"Content-Length: 9000\r\n\r\n" + b"a" * 8000, receive=0, reset=True),
    "reset in the answer": _each(CONTRACT, receive=100, reset=True),
    "reset in many answers": _each(CONTRACT * 20, receive=100, reset=True),
    "the header's time-out": _until_the_server_closes(GET[:-2]),
}


@pytest.mark.parametrize("end", ENDS)
def test_connections_leave_nothing_behind(start_gunicorn: StartGunicorn, end: str) -> None:
    service = start_gunicorn(APP, workers=1, header_timeout_seconds=HEADER_SECONDS)
    ENDS[end](service.port, WARM_UP)
    _wait_for_the_end(service)
    before = _resident(service)

    ENDS[end](service.port, TIMES)
    _wait_for_the_end(service)

    assert _resident(service) - before < FLAT


def _worker(service: Gunicorn) -> psutil.Process:
    (pid,) = service.worker_pids()
    return psutil.Process(pid)


def _resident(service: Gunicorn) -> int:
    return int(_worker(service).memory_info().rss)


def _wait_for_the_end(service: Gunicorn) -> None:
    """Wait until the worker has no connection of a client any more."""

    def clients() -> list[object]:
        connections = _worker(service).net_connections("tcp")
        return [each for each in connections if each.laddr.port == service.port and each.status != "LISTEN"]

    wait_until(lambda: not clients(), 20, "the end of the connections")
