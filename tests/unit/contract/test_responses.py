"""What leaves: a breach of the contract is a 500 that tells nothing, reported by place and keyword, never by value."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import falcon
import falcon.asgi
import pytest
from falcon.asgi import SSEvent

from tbg.contract import Breach, Mode
from tests.unit.contract.support import (
    Document,
    Resource,
    Respond,
    Service,
    document,
    exchange,
    http_scope,
    load,
    operation,
    respond,
    serve,
)

SECRET = "hunter2-marker"
INTERNAL = {"detail": "Internal server error"}
SCHEMA: Document = {
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {"id": {"type": "integer"}, "names": {"type": "array", "items": {"type": "string", "maxLength": 3}}},
}
HEADERS: Document = {
    "X-Count": {"required": True, "schema": {"type": "integer", "minimum": 0}},
    "X-List": {"schema": {"type": "array", "items": {"type": "integer"}}},
    "X-Map": {"explode": True, "schema": {"type": "object", "properties": {"x": {"type": "integer"}}}},
    "Location": {"schema": {"type": "string", "pattern": "^/"}},
}
RESPONSES: Document = {
    "200": {"description": "Good.", "content": {"application/json": {"schema": SCHEMA}}},
    "201": {"description": "With headers.", "headers": HEADERS, "content": {"application/json": {}}},
    "204": {"description": "Empty."},
    "206": {"description": "Text.", "content": {"text/csv": {"schema": {"type": "string", "maxLength": 5}}}},
    "207": {"description": "Bytes.", "content": {"application/octet-stream": {}}},
}


def service(folder: Path, answer: Respond, mode: Mode = "enforce", responses: Document | None = None) -> Service:
    contract = load(folder, document({"/act": {"get": operation(responses=responses or RESPONSES)}}))
    return serve(contract, {"/act": Resource(answer)}, mode=mode)


GOOD: list[Respond] = [
    respond(media={"id": 1}),
    respond(media={"id": 1, "names": ["abc"]}),
    respond(text='{"id": 1}'),
    respond(data=b'{"id": 1}', content_type="application/json; charset=utf-8"),
    respond(status=falcon.HTTP_201, headers={"X-Count": "7", "X-Map": "x=1, y=2"}, media=[1]),
    respond(status=falcon.HTTP_201, headers={"x-count": "0", "X-List": "1, 2", "Location": "/a"}, media=None, text="1"),
    respond(status=falcon.HTTP_204),
    respond(status="206 Text", text="a,b", content_type="text/csv"),
    respond(status=207, data=b"\xff", content_type="application/octet-stream"),
]


@pytest.mark.parametrize("answer", GOOD, ids=range(len(GOOD)))
def test_a_response_that_keeps_the_contract_passes(tmp_path: Path, answer: Respond) -> None:
    tested = service(tmp_path, answer)

    assert tested.send().status_code < 300
    assert tested.breaches == []


BAD: list[tuple[Respond, Breach]] = [
    (respond(media={"id": SECRET}), Breach("act", 200, "body", "/id", "type")),
    (respond(media={}), Breach("act", 200, "body", "/id", "required")),
    (respond(media={"id": 1, "extra": SECRET}), Breach("act", 200, "body", "/extra", "additionalProperties")),
    (respond(media={"id": 1, "names": ["a", SECRET]}), Breach("act", 200, "body", "/names/1", "maxLength")),
    (respond(text=SECRET), Breach("act", 200, "body", "", "format")),
    (respond(data=b"\xff" + SECRET.encode()), Breach("act", 200, "body", "", "format")),
    (respond(text=""), Breach("act", 200, "body", "", "format")),
    (respond(), Breach("act", 200, "body", "", "format")),
    (respond(status=falcon.HTTP_202, media={"id": SECRET}), Breach("act", 202, "status", "", "not documented")),
    (respond(status=falcon.HTTP_302, headers={"Location": SECRET}), Breach("act", 302, "status", "", "not documented")),
    (respond(text=SECRET, content_type="text/html"), Breach("act", 200, "media type", "", "content")),
    (
        respond(status=falcon.HTTP_201, headers={"X-List": SECRET}, media=1),
        Breach("act", 201, "header X-Count", "", "required"),
    ),
    (
        respond(status=falcon.HTTP_201, headers={"X-Count": SECRET}, media=1),
        Breach("act", 201, "header X-Count", "", "type"),
    ),
    (
        respond(status=falcon.HTTP_201, headers={"X-Count": "1", "X-List": f"1,{SECRET}"}, media=1),
        Breach("act", 201, "header X-List", "/1", "type"),
    ),
    (
        respond(status=falcon.HTTP_201, headers={"X-Count": "1", "X-Map": SECRET}, media=1),
        Breach("act", 201, "header X-Map", "", "style"),
    ),
    (
        respond(status=falcon.HTTP_201, headers={"X-Count": "-1"}, media=1),
        Breach("act", 201, "header X-Count", "", "minimum"),
    ),
    (
        respond(status=falcon.HTTP_201, headers={"X-Count": "1", "Location": SECRET}, media=1),
        Breach("act", 201, "header Location", "", "pattern"),
    ),
    (respond(status=falcon.HTTP_204, text=SECRET), Breach("act", 204, "body", "", "content")),
    (
        respond(status=206, text=SECRET, content_type="text/csv"),
        Breach("act", 206, "body", "", "maxLength"),
    ),
]


@pytest.mark.parametrize(("answer", "breach"), BAD, ids=range(len(BAD)))
def test_a_breach_is_a_500_that_tells_nothing_and_is_reported_by_place(
    tmp_path: Path, answer: Respond, breach: Breach
) -> None:
    async def answer_with_secrets(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.set_header("X-Secret", SECRET)
        resp.set_header("X-Request-Id", "kept")
        resp.set_cookie("session", SECRET)
        resp.append_header("Set-Cookie", f"other={SECRET}")
        await answer(req, resp)

    tested = service(tmp_path, answer_with_secrets)

    result = tested.send()

    assert (result.status_code, result.json) == (500, INTERNAL)
    assert dict(result.headers) == {
        "content-type": "application/json",
        "content-length": str(len(result.content)),
        "x-request-id": "kept",
        "cache-control": "no-store",
        "vary": "Accept",
        "x-content-type-options": "nosniff",
    }
    assert tested.breaches == [breach]
    assert SECRET not in repr(attrs.asdict(tested.breaches[0]))


@pytest.mark.parametrize(("answer", "breach"), BAD, ids=range(len(BAD)))
def test_report_lets_a_breach_pass_and_reports_it(tmp_path: Path, answer: Respond, breach: Breach) -> None:
    tested = service(tmp_path, answer, "report")

    result = tested.send()

    assert result.status_code == breach.status
    assert tested.breaches == [breach]


@pytest.mark.parametrize(("answer", "breach"), BAD, ids=range(len(BAD)))
def test_off_does_not_look(tmp_path: Path, answer: Respond, breach: Breach) -> None:
    tested = service(tmp_path, answer, "off")

    assert tested.send().status_code == breach.status
    assert tested.breaches == []


def test_a_breach_is_a_problem_document_for_a_client_that_prefers_one(tmp_path: Path) -> None:
    result = service(tmp_path, respond(media={})).send(headers={"Accept": "application/problem+json"})

    assert result.headers["content-type"] == "application/problem+json"
    assert result.json == {
        "type": "about:blank",
        "title": "Internal server error",
        "status": 500,
        "detail": "Internal server error",
        "instance": "",
    }


def test_a_range_and_the_default_document_what_no_status_does(tmp_path: Path) -> None:
    responses = {
        "2XX": {"description": "Good.", "content": {"application/json": {"schema": {"type": "integer"}}}},
        "201": {"description": "Text.", "content": {"application/json": {"schema": {"type": "string"}}}},
        "default": {"description": "Else.", "content": {"application/json": {}, "application/problem+json": {}}},
    }

    def breaches(status: int, media: object) -> list[Breach]:
        tested = service(tmp_path, respond(status=status, media=media), responses=responses)
        tested.send()
        return tested.breaches

    assert breaches(200, 1) == []
    assert breaches(200, "a") == [Breach("act", 200, "body", "", "type")]
    assert breaches(201, "a") == []
    assert breaches(201, 1) == [Breach("act", 201, "body", "", "type")]
    assert breaches(302, "a") == []


def test_an_error_of_the_service_is_held_to_the_contract_too(tmp_path: Path) -> None:
    async def conflict(_req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        raise falcon.HTTPConflict

    strict = {"schema": {"type": "object", "required": ["detail", "hint"]}}
    content = {"application/json": strict, "application/problem+json": strict}
    tested = service(tmp_path, conflict, responses=RESPONSES | {"409": {"description": "No.", "content": content}})

    assert tested.send().status_code == 500
    assert tested.breaches == [Breach("act", 409, "body", "/hint", "required")]


def test_head_is_judged_as_get_and_has_no_body(tmp_path: Path) -> None:
    good, bad = service(tmp_path, respond(media={"id": 1})), service(tmp_path, respond(media={}))

    answered = good.send("HEAD")

    assert (answered.status_code, answered.content, answered.headers["content-length"]) == (200, b"", "8")
    assert bad.send("HEAD").status_code == 500
    assert bad.breaches == [Breach("act", 200, "body", "/id", "required")]


def test_media_that_cannot_be_written_is_a_500_without_the_headers_of_the_success(tmp_path: Path) -> None:
    result = service(tmp_path, respond(media=object(), headers={"X-Secret": SECRET})).send()

    assert result.status_code == 500
    assert "x-secret" not in result.headers


@pytest.mark.parametrize(
    ("cookies", "breach"),
    [
        ({}, Breach("act", 200, "header Set-Cookie", "", "required")),
        ({"session": "a"}, None),
    ],
)
def test_a_cookie_can_be_documented(tmp_path: Path, cookies: dict[str, str], breach: Breach | None) -> None:
    async def answer(_req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.media = {"id": 1}
        for name, value in cookies.items():
            resp.set_cookie(name, value)

    set_cookie = {"Set-Cookie": {"required": True, "schema": {"type": "string"}}}
    tested = service(tmp_path, answer, responses=RESPONSES | {"200": RESPONSES["200"] | {"headers": set_cookie}})

    tested.send()

    assert tested.breaches == ([breach] if breach else [])


# Streams.

STREAMS: Document = {
    "200": {
        "description": "A stream.",
        "headers": {"X-Count": {"required": True, "schema": {"type": "integer"}}},
        "content": {"text/csv": {"schema": {"type": "string", "maxLength": 1}}, "text/event-stream": {}},
    }
}


@attrs.define
class Endless:
    """A stream without an end that counts how often it was asked."""

    asked: int = 0

    async def lines(self) -> AsyncIterator[bytes]:
        while True:
            self.asked += 1
            yield b"line\n"

    async def events(self) -> AsyncIterator[SSEvent]:
        while True:
            self.asked += 1
            yield SSEvent(text="tick")


class _EnoughError(Exception):
    pass


def first_events(tested: Service, count: int = 3) -> list[dict[str, Any]]:
    """Return the first ASGI events that the service sends; it is stopped then."""
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        async def receive() -> dict[str, object]:
            if not sent:
                return {"type": "http.request"}
            await asyncio.Event().wait()
            return {}

        async def send(event: dict[str, Any]) -> None:
            sent.append(event)
            await asyncio.sleep(0)
            if len(sent) == count:
                raise _EnoughError

        async with asyncio.timeout(5):
            await tested.app(http_scope({"method": "GET"}), receive, send)

    with pytest.raises(_EnoughError):
        asyncio.run(run())
    return sent


def test_an_endless_stream_starts_at_once(tmp_path: Path) -> None:
    endless = Endless()
    answer = respond(headers={"X-Count": "1"}, content_type="text/csv", stream=endless.lines())

    start, *chunks = first_events(service(tmp_path, answer, responses=STREAMS))

    assert start["status"] == 200
    assert [chunk["body"] for chunk in chunks] == [b"line\n", b"line\n"]
    assert endless.asked == 2


def test_an_endless_event_stream_starts_at_once(tmp_path: Path) -> None:
    endless = Endless()

    start, *_ = first_events(
        service(tmp_path, respond(headers={"X-Count": "1"}, sse=endless.events()), responses=STREAMS)
    )

    assert start["status"] == 200
    assert (b"content-type", b"text/event-stream") in [tuple(header) for header in start["headers"]]
    assert endless.asked == 2


@pytest.mark.parametrize(
    ("headers", "content_type", "breach"),
    [
        ({"X-Count": "1"}, "text/html", Breach("act", 200, "media type", "", "content")),
        ({}, "text/csv", Breach("act", 200, "header X-Count", "", "required")),
    ],
)
def test_a_stream_is_held_to_its_media_type_and_headers(
    tmp_path: Path, headers: dict[str, str], content_type: str, breach: Breach
) -> None:
    endless = Endless()
    answer = respond(headers=headers, content_type=content_type, stream=endless.lines())
    tested = service(tmp_path, answer, responses=STREAMS)

    wire = asyncio.run(exchange(tested.app, {"method": "GET"}, [{"type": "http.request"}]))

    assert (wire.status, wire.body) == (500, b'{"detail":"Internal server error"}')
    assert tested.breaches == [breach]
    assert endless.asked == 0


def test_a_stream_where_nothing_may_be_is_a_breach(tmp_path: Path) -> None:
    tested = service(tmp_path, respond(status=304, stream=Endless().lines()), responses={"3XX": {"description": "No."}})

    tested.send()

    assert tested.breaches == [Breach("act", 304, "body", "", "content")]
