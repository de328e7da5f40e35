"""What clients do that are old, or leave early, or ask what they may ask."""

import socket

import pytest
import yaml

from tests.integration.probe.app import CONTRACT
from tests.integration.wire.case import CHUNKS, get, post
from tests.support.gunicorn import Gunicorn
from tests.support.responses import Response, parse_responses
from tests.support.wire import Wire, exchange

PATHS: list[str] = list(yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))["paths"])
SLOW = get(target=b"/probe/slow")
SENT_AND_CLOSED = {
    "one": (get(), [200]),
    "one of HTTP/1.0": (get(version=b"HTTP/1.0"), [200]),
    "three": (get() * 3, [200, 200, 200]),
    "with a body": (post(b"Content-Length: 12"), [200]),
    "with chunks": (post(b"Transfer-Encoding: chunked", CHUNKS), [200]),
    "bodies, pipelined": (post(b"Content-Length: 12") * 3 + get(), [200, 200, 200, 200]),
    "a slow one": (SLOW, [200]),
    "a slow one and another": (SLOW + get(), [200, 200]),
    "a slow one and half of another": (SLOW + get()[:20], [200, 400]),
    "a slow one and a bad one": (SLOW + get(host=b""), [200, 400]),
    "an error": (get(target=b"/nowhere"), [404]),
    "a refusal": (get(method=b"FOO"), [501]),
    "a stream": (get(target=b"/probe/stream"), [200]),
    "a stream and another": (get(target=b"/probe/stream") + get(), [200, 200]),
    "a body that is not whole": (post(b"Content-Length: 13"), [400]),
}


@pytest.mark.parametrize(("data", "statuses"), SENT_AND_CLOSED.values(), ids=SENT_AND_CLOSED)
def test_a_client_that_has_closed_its_sending_half_gets_its_answers(
    edge: Gunicorn, data: bytes, statuses: list[int]
) -> None:
    with Wire(edge.port) as wire:
        wire.send(data)
        wire.socket.shutdown(socket.SHUT_WR)
        responses = parse_responses(wire.receive())

    assert [response.status for response in responses] == statuses


def test_a_client_that_closes_its_half_at_once_gets_its_answer_each_time(edge: Gunicorn) -> None:
    """However the two ends race."""
    for _ in range(200):
        with Wire(edge.port) as wire:
            wire.send(get())
            wire.socket.shutdown(socket.SHUT_WR)

            assert wire.receive().startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
@pytest.mark.parametrize("fields", [b"", b"Connection: keep-alive"])
def test_a_stream_to_an_old_client_has_no_chunks(edge: Gunicorn, method: bytes, fields: bytes) -> None:
    """RFC 9112, section 6.1: the end of the connection is the end of the body."""
    received = exchange(edge.port, get(fields, target=b"/probe/stream", version=b"HTTP/1.0", method=method))
    head, _, body = received.partition(b"\r\n\r\n")

    assert b"transfer-encoding" not in head.lower()
    assert b"connection: close" in head.lower()
    assert body == (b"" if method == b"HEAD" else b"1" * 1_000_000)


def ask(edge: Gunicorn, method: bytes, path: str) -> Response:
    data = get(b"Connection: close", method=method, target=path.encode())
    (response,) = parse_responses(exchange(edge.port, data), 0 if method == b"HEAD" else None)
    return response


@pytest.mark.parametrize("path", PATHS)
def test_the_allowed_methods_are_the_same_in_every_answer(edge: Gunicorn, path: str) -> None:
    options, refused = ask(edge, b"OPTIONS", path), ask(edge, b"TRACE", path)
    allowed = options.fields["allow"].split(", ")

    assert (options.status, refused.status) == (200, 405)
    assert refused.fields["allow"].split(", ") == allowed
    assert ("GET" in allowed) == ("HEAD" in allowed)
    assert ask(edge, b"PATCH", path).fields["allow"].split(", ") == allowed
    assert set(allowed) <= set(ask(edge, b"OPTIONS", "*").fields["allow"].split(", "))


@pytest.mark.parametrize("path", ["/version", "/openapi.json", "/openapi.yaml"])
def test_head_says_what_get_says(edge: Gunicorn, path: str) -> None:
    """RFC 9110, section 9.3.2."""
    changing = {"date", "x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit"}
    head, got = ask(edge, b"HEAD", path), ask(edge, b"GET", path)

    assert (head.status, head.body) == (got.status, b"")
    assert {name: value for name, value in head.fields.items() if name not in changing} == {
        name: value for name, value in got.fields.items() if name not in changing
    }


def test_values_lose_the_blanks_around_them(edge: Gunicorn) -> None:
    """RFC 9110, section 5.5."""
    fields = b"Connection: close \r\nOrigin: http://localhost:3000 \t\r\nX-Request-Id: \t a-1 \r\nIf-None-Match: * \r\n"
    (response,) = parse_responses(exchange(edge.port, get(fields, target=b"/openapi.json")))

    assert response.status == 304
    assert response.request_id == "a-1"
    assert response.fields["access-control-allow-origin"] == "http://localhost:3000"
