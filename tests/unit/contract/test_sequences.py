"""JSON Lines and event streams: each item is judged, whole or as it passes; nothing that breaks the contract leaves."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from falcon.asgi import SSEvent
from falcon.testing import Result

from tbg.contract import Breach, BrokenStreamError, DocumentError, Mode
from tests.support.timing import cpu_seconds
from tests.unit.contract.support import (
    Document,
    Resource,
    Respond,
    Service,
    body,
    document,
    findings,
    http_scope,
    load,
    operation,
    respond,
    serve,
)

LINES = "application/jsonl"
EVENTS = "text/event-stream"
ROW: Document = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
SECRET = "hunter2-marker"
_ROW, _TEXT = "#/components/schemas/Row", "#/components/schemas/Text"


def answering(
    folder: Path, answer: Respond, schema: Document | None, media_type: str = LINES, mode: Mode = "enforce"
) -> Service:
    content = {media_type: {} if schema is None else {"schema": schema}}
    responses = {"200": {"description": "A sequence.", "content": content}}
    components = {"schemas": {"Row": ROW, "Text": {"type": "string"}}}
    contract = load(folder, document({"/act": {"get": operation(responses=responses)}}, components=components))
    return serve(contract, {"/act": Resource(answer)}, mode=mode)


def taking(folder: Path, schema: Document, media_type: str = LINES) -> Service:
    return serve(load(folder, document({"/act": {"post": operation(requestBody=body(schema, media_type))}})))


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for each in data:
        yield each


async def events(*all_: SSEvent | None) -> AsyncIterator[SSEvent | None]:
    for each in all_:
        yield each


# Requests.


@pytest.mark.parametrize("media_type", [LINES, "application/x-ndjson", "application/x-ndjson; charset=utf-8"])
@pytest.mark.parametrize(
    ("sent", "media"),
    [
        (b'{"id": 1}\n{"id": 2}\n', [{"id": 1}, {"id": 2}]),
        (b'{"id": 1}\r\n\n{"id": 2}', [{"id": 1}, {"id": 2}]),
        (b"\n", []),
    ],
)
def test_the_lines_of_a_request_are_a_list(tmp_path: Path, media_type: str, sent: bytes, media: object) -> None:
    result = taking(tmp_path, ROW, media_type).send("POST", headers={"Content-Type": media_type}, body=sent)

    assert (result.status_code, result.json["media"]) == (200, media)


@pytest.mark.parametrize("schema", [ROW, {"type": "array", "items": ROW}], ids=["item", "array"])
def test_each_line_of_a_request_is_judged(tmp_path: Path, schema: Document) -> None:
    result = taking(tmp_path, schema).send(
        "POST", headers={"Content-Type": LINES}, body=b'{"id": 1}\n{"id": "a"}\n{}\n[]'
    )

    assert findings(result) == [
        ("body", "/1/id", "type"),
        ("body", "/2/id", "required"),
        ("body", "/3", "type"),
    ]


def test_the_lines_together_are_judged_by_the_schema_of_an_array(tmp_path: Path) -> None:
    tested = taking(tmp_path, {"type": "array", "items": ROW, "maxItems": 1})

    result = tested.send("POST", headers={"Content-Type": LINES}, body=b'{"id": 1}\n{"id": 2}\n')

    assert findings(result) == [("body", "", "maxItems")]


@pytest.mark.parametrize("sent", [b'{"id": 1}\n{"id": ', b'{"id": 1}\n{"id": "\xff"}\n', b"{}\r{}"])
def test_a_line_that_is_no_json_is_malformed(tmp_path: Path, sent: bytes) -> None:
    result = taking(tmp_path, ROW).send("POST", headers={"Content-Type": LINES}, body=sent)

    assert result.status_code == 400


def test_many_wrong_lines_cost_little(tmp_path: Path) -> None:
    tested, body, results = taking(tmp_path, ROW), b"1\n" * 500_000, list[Result]()

    seconds = cpu_seconds(lambda: results.append(tested.send("POST", headers={"Content-Type": LINES}, body=body)))

    assert len(findings(results[0])) == 20
    assert seconds < 5


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "prefixItems": [ROW], "items": {"type": "string"}},
        {"anyOf": [{"type": "array", "items": ROW}, {"type": "array", "items": {"type": "string"}}]},
    ],
)
def test_items_that_are_not_alike_are_found_at_boot(tmp_path: Path, schema: Document) -> None:
    with pytest.raises(DocumentError, match="one by one"):
        taking(tmp_path, schema)


# Responses that are rendered as a whole.

BAD_LINE = Breach("act", 200, "body", "/1/id", "type")


@pytest.mark.parametrize(
    ("text", "breaches"),
    [
        ('{"id": 1}\n{"id": 2}\n', []),
        ("", []),
        (f'{{"id": 1}}\n{{"id": "{SECRET}"}}\n', [BAD_LINE]),
        ("{\n", [Breach("act", 200, "body", "", "format")]),
    ],
)
def test_the_lines_of_a_response_are_judged(tmp_path: Path, text: str, breaches: list[Breach]) -> None:
    tested = answering(tmp_path, respond(text=text, content_type=LINES), ROW)

    result = tested.send()

    assert (result.status_code, tested.breaches) == (500 if breaches else 200, breaches)


# Streams.


def streamed(tested: Service) -> bytes:
    """Return what left of a stream that is broken off."""
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        requests: Iterator[dict[str, Any]] = iter([{"type": "http.request"}])

        async def receive() -> dict[str, Any]:
            for request in requests:
                return request
            await asyncio.Event().wait()
            return {}

        async def send(event: dict[str, Any]) -> None:
            sent.append(event)

        async with asyncio.timeout(5):
            await tested.app(http_scope({"method": "GET"}), receive, send)

    with pytest.raises(BrokenStreamError):
        asyncio.run(run())
    assert sent[-1].get("more_body", True)  # the end is never said
    return b"".join(event.get("body", b"") for event in sent)


@pytest.mark.parametrize(
    "parts",
    [
        [b'{"id": 1}\n', b'{"id": 2}\n', b'{"id": "hunter2-marker"}\n', b'{"id": 3}\n'],
        [b'{"id": 1}\n{"id": 2}\n{"id": "hunter2-marker"}\n{"id": 3}\n'],
        [bytes([byte]) for byte in b'{"id": 1}\n{"id": 2}\n{"id": "hunter2-marker"}\n'],
        [b'{"id": 1}\n{"id": 2}\n{"id": "hunter2-marker"}'],  # the last line has no end
        [b'{"id": 1}\n{"id": 2}\n', b"hunter2-marker\n"],
    ],
    ids=range(5),
)
@pytest.mark.parametrize("schema", [ROW, {"type": "array", "items": ROW}], ids=["item", "array"])
def test_a_stream_of_lines_breaks_off_before_the_first_breach(
    tmp_path: Path, parts: list[bytes], schema: Document
) -> None:
    tested = answering(tmp_path, respond(stream=pieces(*parts), content_type=LINES), schema)

    assert streamed(tested) == b'{"id": 1}\n{"id": 2}\n'
    (breach,) = tested.breaches
    assert (breach.part, breach.pointer[:2], breach.keyword in {"type", "format"}) == ("body", "/2", True)


@pytest.mark.parametrize("parts", [[b'{"id": 1}\n{"i', b'd": 2}\n'], [b'{"id": 1}', b"\n", b'{"id": 2}'], []])
def test_a_stream_that_keeps_the_contract_passes(tmp_path: Path, parts: list[bytes]) -> None:
    tested = answering(tmp_path, respond(stream=pieces(*parts), content_type=LINES), ROW)

    assert tested.send().content == b"".join(parts)
    assert tested.breaches == []


@pytest.mark.parametrize(("mode", "breaches"), [("report", [Breach("act", 200, "body", "/0", "type")]), ("off", [])])
def test_without_enforcement_all_of_a_stream_passes(tmp_path: Path, mode: Mode, breaches: list[Breach]) -> None:
    parts = [b'[1]\n{"id"', b": 2}\n[3]\n", b"4"]
    tested = answering(tmp_path, respond(stream=pieces(*parts), content_type=LINES), ROW, mode=mode)

    assert tested.send().content == b"".join(parts)
    assert tested.breaches == breaches  # the first is told; what follows it is not looked at


def test_a_stream_without_a_schema_is_not_looked_at(tmp_path: Path) -> None:
    tested = answering(tmp_path, respond(stream=pieces(b"{"), content_type=LINES), None)

    assert (tested.send().content, tested.breaches) == (b"{", [])


class File:
    """What Falcon reads like a file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.is_closed = False

    async def read(self, size: int) -> bytes:
        self._data, data = self._data[size:], self._data[:size]
        return data

    async def close(self) -> None:
        self.is_closed = True


def test_a_file_is_judged_and_closed_too(tmp_path: Path) -> None:
    good, bad = File(b'{"id": 1}\n' * 2000), File(b"[]\n")

    assert answering(tmp_path, respond(stream=good, content_type=LINES), ROW).send().content == b'{"id": 1}\n' * 2000
    assert streamed(answering(tmp_path, respond(stream=bad, content_type=LINES), ROW)) == b""
    assert good.is_closed
    assert bad.is_closed


def test_no_more_than_one_item_is_kept(tmp_path: Path) -> None:
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield b" " * 65536

    tested = answering(tmp_path, respond(stream=endless(), content_type=LINES), ROW)

    assert streamed(tested) == b""
    assert tested.breaches == [Breach("act", 200, "body", "/0", "size")]
    assert asked <= 17


def test_a_long_item_in_small_pieces_costs_time_in_its_length(tmp_path: Path) -> None:
    text = json.dumps({"id": 1, "text": "a" * 500_000}).encode()
    parts = [text[start : start + 10] for start in range(0, len(text), 10)]
    tested = answering(tmp_path, respond(stream=pieces(*parts), content_type=LINES), ROW)

    started = time.process_time()
    assert tested.send().content == text
    assert time.process_time() - started < 4


# Events.

TICK = SSEvent(json={"id": 1})
EVENT: Document = {"type": "object", "required": ["data"], "properties": {"data": ROW, "event": {"enum": ["row"]}}}


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        (ROW, [TICK, SSEvent(text='{"id":2}', event="x", event_id="7", retry=3, comment="hello")]),
        (ROW, [None, SSEvent(comment="ping"), SSEvent(event="x")]),  # nobody is told of an event without data
        ({"type": "string", "maxLength": 3}, [SSEvent(text="1"), SSEvent(data=b"abc")]),
        ({"anyOf": [ROW, {"const": "[DONE]"}]}, [TICK, SSEvent(text="[DONE]")]),
        ({"type": "array", "items": ROW}, [TICK, TICK]),
        # As OpenAPI 3.2 models an event, its data text or JSON.
        (EVENT, [SSEvent(json={"id": 1}, event="row")]),
        ({"required": ["data"], "properties": {"data": {"type": "string"}}}, [SSEvent(text='{"id": 1}')]),
        ({"required": ["data"], "properties": {"data": {"allOf": [{"$ref": _TEXT}]}}}, [SSEvent(text="1")]),
        ({"required": ["data"], "properties": {"data": {"maximum": 1}}}, [SSEvent(text="a"), SSEvent(json=1)]),
        ({"required": ["data"]}, [SSEvent(json=[])]),
        ({"maximum": 1}, [SSEvent(text="a"), SSEvent(json=1)]),
        # An object with a member "data" is not an event for that alone.
        (EVENT, [SSEvent(json={"data": {"id": 1}})]),
    ],
)
def test_events_that_keep_the_contract_pass(tmp_path: Path, schema: Document, sent: list[SSEvent | None]) -> None:
    tested = answering(tmp_path, respond(sse=events(*sent)), schema, EVENTS)
    untouched = answering(tmp_path, respond(sse=events(*sent)), None, EVENTS)

    assert tested.send().content == untouched.send().content
    assert tested.breaches == []


@pytest.mark.parametrize(
    ("schema", "bad", "pointer", "keyword"),
    [
        (ROW, SSEvent(json={"id": SECRET}), "/1/id", "type"),
        (ROW, SSEvent(text=SECRET), "/1", "type"),
        (ROW, SSEvent(text='{"id":2}\n\ndata: []'), "/2", "type"),  # two events in one
        ({"anyOf": [ROW, {"const": "[DONE]"}]}, SSEvent(text=SECRET), "/1", "const"),
        ({"type": ["object", "string"], "maxLength": 3}, SSEvent(text=SECRET), "/1", "maxLength"),
        ({"type": "array", "items": ROW}, SSEvent(json={}), "/1/id", "required"),
        ({"maxProperties": 1}, SSEvent(json={"a": 1, "b": 2}), "/1", "maxProperties"),  # what has no type can be JSON
        (
            {"required": ["data"], "properties": {"data": {"maxProperties": 1}}},
            SSEvent(json={"a": 1, "b": 2}),
            "/1/data",
            "maxProperties",
        ),
        ({"required": ["data"], "properties": {"data": {"$ref": _ROW}}}, SSEvent(json=1), "/1/data", "type"),
        (
            {"required": ["data", "event"], "properties": {"data": {}, "event": {}}},
            SSEvent(json={}),
            "/1/event",
            "required",
        ),
    ],
)
def test_an_event_stream_breaks_off_before_the_first_breach(
    tmp_path: Path, schema: Document, bad: SSEvent, pointer: str, keyword: str
) -> None:
    good = SSEvent(json={"id": 1}, event="row")
    tested = answering(tmp_path, respond(sse=events(good, bad, good)), schema, EVENTS)

    assert streamed(tested) == b'event: row\ndata: {"id":1}\n\n'
    assert tested.breaches == [Breach("act", 200, "body", pointer, keyword)]


@pytest.mark.parametrize(
    "raw",
    [
        b': hello\ndata: {"id":\ndata: 1}\n\ndata: {"id": "hunter2-marker"}\n\n',
        b'data: {"id": 1}\r\n\r\ndata: {"id": "hunter2-marker"}\r\n\r\n',
        b'data:{"id": 1}\r\rdata:{"id": "hunter2-marker"}\r\r',
        b'\xef\xbb\xbfdata: {"id": 1}\n\r\ndata: hunter2-marker\n\n',
        b'data: {"id": 1}\n\ndata: \xff\n\n',
    ],
    ids=range(5),
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_events_are_found_in_bytes(tmp_path: Path, raw: bytes, size: int) -> None:
    parts = [raw[start : start + size] for start in range(0, len(raw), size)]
    tested = answering(tmp_path, respond(stream=pieces(*parts), content_type=EVENTS), ROW, EVENTS)

    left = streamed(tested)

    assert b"1}" in left
    assert b"hunter2" not in left
    assert b"\xff" not in left
    assert len(tested.breaches) == 1


def test_a_stream_is_closed_when_it_is_broken_off(tmp_path: Path) -> None:
    closed = asyncio.Event()

    async def bad() -> AsyncIterator[SSEvent]:
        try:
            yield SSEvent(json={})
            yield SSEvent(json={"id": 1})
        finally:
            closed.set()

    tested = answering(tmp_path, respond(sse=bad()), ROW, EVENTS)

    assert streamed(tested) == b""
    assert closed.is_set()


def test_events_in_a_request_are_judged_too(tmp_path: Path) -> None:
    result = taking(tmp_path, ROW, EVENTS).send(
        "POST", headers={"Content-Type": EVENTS}, body=b'data: {"id": 1}\n\ndata: {"id": "a"}\n\n'
    )

    assert findings(result) == [("body", "/1/id", "type")]
