"""``100 Continue`` goes out when the body will be read, and only then (RFC 9110, section 10.1.1)."""

import pytest

from tests.conftest import StartGunicorn
from tests.integration.probe.app import APP
from tests.integration.wire.case import CHUNKS, NOTE, get, post
from tests.support.gunicorn import Gunicorn
from tests.support.responses import Response, parse_responses
from tests.support.wire import Wire

EXPECT = b"Expect: 100-continue\r\n"
SIZED = EXPECT + b"Content-Length: 12"
CHUNKED = EXPECT + b"Transfer-Encoding: chunked"
LAST = get(b"Connection: close")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

REFUSED = {
    "too large": (post(EXPECT + b"Content-Length: 2000000", b""), 413),
    "another type": (post(SIZED, b"").replace(b"application/json", b"text/plain"), 415),
    "another type in chunks": (post(CHUNKED, b"").replace(b"application/json", b"text/plain"), 415),
    "another charset": (post(SIZED, b"").replace(b"application/json", b"application/json; charset=latin-1"), 415),
    "compressed": (post(SIZED + b"\r\nContent-Encoding: gzip", b""), 415),
    "compressed in chunks": (post(CHUNKED + b"\r\nContent-Encoding: br", b""), 415),
    "unknown path": (get(SIZED, method=b"POST", target=b"/nowhere"), 404),
    "bad path": (get(SIZED, method=b"POST", target=b"/%ff"), 400),
    "unknown method": (get(SIZED, method=b"FOO"), 501),
    "wrong method": (get(SIZED, method=b"POST"), 405),
    "another expectation": (post(SIZED, b"").replace(b"100-continue", b"x"), 417),
    "malformed": (post(SIZED + b"\r\nHost: y", b""), 400),
    "a body that nobody reads": (get(SIZED), 200),
}


def talk(port: int, data: bytes) -> list[Response]:
    """Send a head, never its body, and return what comes until the connection is closed."""
    with Wire(port) as wire:
        wire.send(data)
        received = wire.receive()

    assert not received.startswith(CONTINUE)
    return parse_responses(received)


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED)
def test_nobody_is_told_to_send_a_body_that_is_not_read(edge: Gunicorn, data: bytes, status: int) -> None:
    """After that the connection is closed: nobody can tell whether the body still comes."""
    (response,) = talk(edge.port, data)

    assert response.status == status
    assert response.fields["connection"] == "close"
    if b"Content-Encoding" in data:
        assert response.fields["accept-encoding"] == "identity"


def test_nobody_is_told_to_send_a_body_when_the_limit_is_reached(start_gunicorn: StartGunicorn) -> None:
    server = start_gunicorn(APP, workers=1, rate_limit_requests=1)
    answers = [talk(server.port, data) for data in (get(b"Connection: close"), post(SIZED, b""))]

    assert [response.status for (response,) in answers] == [200, 429]
    assert answers[1][0].fields["connection"] == "close"


@pytest.mark.parametrize(("fields", "body"), [(SIZED, NOTE), (CHUNKED, CHUNKS)], ids=["sized", "in chunks"])
def test_a_client_that_waits_is_told_to_go_on(edge: Gunicorn, fields: bytes, body: bytes) -> None:
    with Wire(edge.port) as wire:
        wire.send(post(fields, b""))
        interim = wire.socket.recv(1024)
        wire.send(body)
        first = wire.receive_responses(1)
        wire.send(LAST)
        second = wire.receive()

    assert interim == CONTINUE
    assert [response.status for response in parse_responses(first + second)] == [200, 200]


@pytest.mark.parametrize(("fields", "body"), [(SIZED, NOTE), (CHUNKED, CHUNKS)], ids=["sized", "in chunks"])
def test_a_client_that_does_not_wait_is_not_told(edge: Gunicorn, fields: bytes, body: bytes) -> None:
    with Wire(edge.port) as wire:
        wire.send(post(fields, body) + LAST)
        received = wire.receive()

    assert CONTINUE not in received
    assert [response.status for response in parse_responses(received)] == [200, 200]


def test_a_pipelined_request_is_told_in_its_turn(edge: Gunicorn) -> None:
    with Wire(edge.port) as wire:
        wire.send(get() + post(SIZED, b""))
        before = wire.receive_responses(2)
        wire.send(NOTE + LAST)
        after = wire.receive()

    assert before.endswith(CONTINUE)
    assert [response.status for response in parse_responses(before + after)] == [200, 200, 200]


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"deflate, gzip", b"x"])
def test_a_coding_that_is_not_served_is_refused(edge: Gunicorn, coding: bytes) -> None:
    with Wire(edge.port) as wire:
        wire.send(post(b"Content-Length: 12\r\nContent-Encoding: " + coding) + LAST)
        first, second = parse_responses(wire.receive())

    assert (first.status, first.fields["accept-encoding"]) == (415, "identity")
    assert second.status == 200


@pytest.mark.parametrize("coding", [b"identity", b"IDENTITY", b""])
def test_no_coding_is_served_under_its_name(edge: Gunicorn, coding: bytes) -> None:
    with Wire(edge.port) as wire:
        wire.send(post(b"Connection: close\r\nContent-Length: 12\r\nContent-Encoding: " + coding))
        (response,) = parse_responses(wire.receive())

    assert response.status == 200
