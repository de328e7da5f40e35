"""A stream ends with its client: within a second its generator is closed and its session given back."""

import socket
import struct
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from tests.support.databases import ask
from tests.support.gunicorn import Gunicorn, wait_until
from tests.support.wire import Wire, exchange

STREAMS = 4
WITHIN_SECONDS = 1.0
BUSY_MACHINE_SECONDS = 1.0  # what a test's own look at the database may take besides

_numbers = count()


def _close(wire: Wire) -> None:
    wire.socket.close()


def _reset(wire: Wire) -> None:
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.socket.close()


ENDS: dict[str, Callable[[Wire], None]] = {"closed": _close, "reset": _reset}


def open_streams(service: Gunicorn, query: str) -> tuple[list[Wire], str]:
    """Begin some streams of one kind; return their connections and the beginning of their request ids."""
    name = f"stream-{next(_numbers)}"
    wires = [Wire(service.port) for _ in range(STREAMS)]
    for number, wire in enumerate(wires):
        wire.send(f"GET /probe/endless?{query} HTTP/1.1\r\nHost: x\r\nX-Request-Id: {name}.{number}\r\n\r\n".encode())
        assert wire.socket.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")
    return wires, name


def lines_of(service: Gunicorn, name: str, expected: int) -> list[dict[str, Any]]:
    """Return the lines of the requests whose ids begin so, as soon as there are as many as expected."""

    def found() -> list[dict[str, Any]]:
        return [line for line in service.log("http.request") if line["request_id"].startswith(name)]

    wait_until(lambda: len(found()) >= expected, 20, "the lines of the requests")
    return found()


def sessions(postgres_url: str) -> int:
    """Return how many transactions of the service are open."""
    rows = ask(
        postgres_url,
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'tbg-api' AND state <> 'idle'",
    )
    return int(rows[0]["n"])


def sleeping(postgres_url: str) -> int:
    """Return how many statements of the service sleep in the database."""
    rows = ask(
        postgres_url,
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'tbg-api' AND state = 'active' AND query LIKE '%pg_sleep%'",
    )
    return int(rows[0]["n"])


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("query", ["kind=stream", "kind=events", "kind=stream&pause=600", "kind=events&pause=600"])
def test_a_stream_ends_with_its_client(service: Gunicorn, postgres_url: str, query: str, end: str) -> None:
    """Also one that is silent when the client goes, and would have been for ten minutes."""
    wires, name = open_streams(service, query)
    wait_until(lambda: sessions(postgres_url) == STREAMS, 10, "a session for each stream")

    for wire in wires:
        ENDS[end](wire)
    deadline = time.monotonic() + WITHIN_SECONDS + BUSY_MACHINE_SECONDS
    while sessions(postgres_url):
        assert time.monotonic() < deadline, "sessions are still open"

    for line in lines_of(service, name, STREAMS):
        assert (line["status"], line["operation"], line["cut"]) == (200, "streamForEver", True)


def test_a_stream_that_nobody_reads_ends_by_the_write_time_out(
    start_gunicorn: Callable[..., Gunicorn], postgres_url: str
) -> None:
    service = start_gunicorn("tests.integration.probe.app:create_app()", write_timeout_seconds=1)
    wires, name = open_streams(service, "kind=stream&pause=0")

    assert [line["cut"] for line in lines_of(service, name, STREAMS)] == [True] * STREAMS
    assert sessions(postgres_url) == 0
    for wire in wires:
        wire.socket.close()


def test_a_stream_that_pauses_is_not_taken_for_one_that_is_not_read(
    start_gunicorn: Callable[..., Gunicorn],
) -> None:
    service = start_gunicorn("tests.integration.probe.app:create_app()", write_timeout_seconds=0.5)
    wires, _ = open_streams(service, "kind=stream&pause=3")

    for wire in wires:
        assert wire.socket.recv(65_536)
        wire.socket.close()


@pytest.mark.parametrize(("kind", "good"), [("stream", b'{"id": 1}\n'), ("events", b'data: {"id": 1}\n\n')])
def test_a_stream_breaks_off_where_it_breaks_the_contract(service: Gunicorn, kind: str, good: bytes) -> None:
    """The end of the body never comes, so no client takes what it has for all of it (RFC 9112, section 8)."""
    name = f"rows-{kind}"

    received = exchange(
        service.port, f"GET /probe/rows?kind={kind} HTTP/1.1\r\nHost: x\r\nX-Request-Id: {name}\r\n\r\n".encode()
    )

    assert received.endswith(b"\r\n\r\n%x\r\n%b\r\n" % (len(good), good))
    (line,) = lines_of(service, name, 1)
    assert (line["status"], line["operation"], line["cut"]) == (200, "streamRows", True)
    (breach,) = [each for each in service.log("contract.response_breach") if each["request_id"] == name]
    assert (breach["operation"], breach["pointer"], breach["keyword"]) == ("streamRows", "/1/id", "type")


@pytest.mark.parametrize("end", ENDS)
def test_work_for_a_client_that_has_left_is_cancelled(service: Gunicorn, postgres_url: str, end: str) -> None:
    """Also when the client has closed the connection as one does that still waits for the response."""
    with Wire(service.port) as wire:
        wire.send(b"GET /probe/sleep HTTP/1.1\r\nHost: x\r\nX-Request-Id: left-" + end.encode() + b"\r\n\r\n")
        wait_until(lambda: sleeping(postgres_url) == 1, 5)
        ENDS[end](wire)
    wait_until(lambda: sleeping(postgres_url) == 0, 4, "the end of the statement")

    (line,) = lines_of(service, f"left-{end}", 1)
    assert (line["status"], line["cut"]) == (499, True)


def test_a_client_that_waits_for_a_late_response_gets_it(service: Gunicorn, postgres_url: str) -> None:
    with Wire(service.port) as wire:
        wire.send(b"GET /probe/sleep?seconds=3 HTTP/1.1\r\nHost: x\r\n\r\n")
        wire.socket.shutdown(socket.SHUT_WR)
        received = wire.receive()

    interim, final = received[: received.rindex(b"HTTP/1.1 ")], received[received.rindex(b"HTTP/1.1 ") :]
    assert interim.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"") == b""
    assert final.startswith(b"HTTP/1.1 200 OK\r\n")
    assert final.endswith(b'{"answer":1}')
    assert sleeping(postgres_url) == 0


def test_work_for_a_client_that_is_reset_away_is_cancelled(service: Gunicorn) -> None:
    with Wire(service.port) as wire:
        wire.send(b"GET /probe/slow HTTP/1.1\r\nHost: x\r\nX-Request-Id: gone-1\r\n\r\n")
        time.sleep(0.2)
        _reset(wire)

    (line,) = lines_of(service, "gone-1", 1)
    assert (line["status"], line["cut"]) == (499, True)
    assert line["duration_ms"] < 900
