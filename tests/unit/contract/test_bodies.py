"""Request bodies: syntax is 400, the media type 415, the size 413, the time 408, and the schema 422."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import attrs
import falcon
import falcon.asgi
import pytest

from tbg.contract import UNSET, Call, InvalidRequestError, Limits, Unset
from tests.unit.contract.support import (
    Document,
    Resource,
    Service,
    body,
    document,
    exchange,
    findings,
    load,
    operation,
    serve,
)

JSON = "application/json"
TREE: Document = {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Tree"}}


def service(folder: Path, request_body: Document, *, limits: Limits | None = None) -> Service:
    content = document({"/act": {"post": operation(requestBody=request_body)}})
    content["components"]["schemas"] = {"Tree": TREE}
    return serve(load(folder, content), limits=limits)


def post(tested: Service, data: bytes | str, content_type: str | None = JSON) -> Any:  # noqa: ANN401 - Falcon's result
    headers = {} if content_type is None else {"Content-Type": content_type}
    return tested.send("POST", body=data, headers=headers)


@pytest.mark.parametrize(
    "data",
    [b"{", b"{'a': 1}", b"[1,]", b"NaN", b"[Infinity]", b"-", b"1e999", b"tru", b"[1] 2", b" ", b'"\\ud800"', b"\x00"],
)
def test_a_body_that_is_no_json_is_malformed(tmp_path: Path, data: bytes) -> None:
    result = post(service(tmp_path, body({})), data)

    assert result.status_code == 400
    assert result.json.keys() == {"detail"}
    assert result.json["detail"].startswith("The body is not valid JSON: ")


@pytest.mark.parametrize("data", [b'"\xff"', b'"\xed\xa0\x80"'])
def test_a_body_that_is_no_utf_8_is_malformed(tmp_path: Path, data: bytes) -> None:
    result = post(service(tmp_path, body({})), data)

    assert (result.status_code, result.json) == (400, {"detail": "The body is not valid UTF-8"})


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_a_body_nested_100_000_deep_is_malformed(tmp_path: Path, data: bytes) -> None:
    result = post(service(tmp_path, body({})), data)

    assert (result.status_code, result.json) == (400, {"detail": "The body is nested too deeply"})


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"[":', "}]"), (r'{"\"":[', "]}")])
@pytest.mark.parametrize("begin", ["", "[[]],", '[{"{": "]"}],', '[["\\\\"]],'])
def test_a_body_is_nested_100_deep_at_most(tmp_path: Path, opening: str, closing: str, begin: str) -> None:
    """Whatever its schema, and however the brackets stand: beside each other, in names, in strings."""
    tested = service(tmp_path, body({}))
    times = 99 // len(closing)
    deepest = f"[{begin}{opening * times}1{closing * times}]"
    too_deep = f"[{begin}{opening * (times + 1)}1{closing * (times + 1)}]"

    assert post(tested, deepest).status_code == 200
    assert post(tested, too_deep).json == {"detail": "The body is nested too deeply"}


def test_a_line_of_json_lines_is_nested_100_deep_at_most(tmp_path: Path) -> None:
    tested = service(tmp_path, body({}, "application/jsonl"))

    assert post(tested, "1\n" + "[" * 100 + "]" * 100, "application/jsonl").status_code == 200
    assert post(tested, "1\n" + "[" * 101 + "]" * 101, "application/jsonl").status_code == 400


def test_a_body_may_be_nested_as_deep_as_people_do(tmp_path: Path) -> None:
    assert post(service(tmp_path, body(TREE)), '{"a":' * 20 + "{}" + "}" * 20).status_code == 200


def test_of_two_equal_keys_the_last_counts(tmp_path: Path) -> None:
    assert post(service(tmp_path, body({})), '{"a": 1, "a": 2}').json["media"] == {"a": 2}


@pytest.mark.parametrize("content_type", [JSON, None, "text/plain"])
def test_a_required_body_that_is_missing_is_a_finding(tmp_path: Path, content_type: str | None) -> None:
    assert findings(post(service(tmp_path, body({})), b"", content_type)) == [("body", "", "required")]


@pytest.mark.parametrize("content_type", [JSON, None, "text/plain"])
def test_an_optional_body_may_be_missing(tmp_path: Path, content_type: str | None) -> None:
    result = post(service(tmp_path, body({"type": "object"}, required=False)), b"", content_type)

    assert result.json["media"] is None


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json;",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "Application/JSON ; x",
        "application/json; schema=1; spec=2; mimetype=3; encoding=4",
    ],
)
def test_a_media_type_may_be_written_untidily(tmp_path: Path, content_type: str) -> None:
    assert post(service(tmp_path, body({})), b"[1]", content_type).json["media"] == [1]


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        ";",
        "text/plain",
        "application/jsonx",
        "application/*",
        "*/*",
        "json",
        "application/json; charset=utf-16",
        "application/json; charset=nonsense",
        "application/json, application/json",
    ],
)
def test_a_media_type_that_is_not_documented_is_415(tmp_path: Path, content_type: str | None) -> None:
    result = post(service(tmp_path, body({})), b"[1]", content_type)

    assert (result.status_code, result.json) == (415, {"detail": "The body must be one of: application/json (UTF-8)"})


@pytest.mark.parametrize(
    ("documented", "sent"),
    [
        ("text/*", "text/csv"),
        ("*/*", "image/png"),
        ("application/json; charset=utf-8", "application/json"),
        ("Application/JSON", "application/json"),
        ("application/merge-patch+json", "application/merge-patch+json"),
    ],
)
def test_the_contract_may_document_ranges_suffixes_and_parameters(tmp_path: Path, documented: str, sent: str) -> None:
    assert post(service(tmp_path, body({}, documented)), b'"a"', sent).status_code == 200


def test_the_exact_media_type_goes_before_its_range(tmp_path: Path) -> None:
    content = {"*/*": {"schema": {"maxLength": 0}}, "text/*": {"schema": {"maxLength": 1}}, "text/csv": {}}

    result = post(service(tmp_path, {"content": content}), b"a,b", "text/csv")

    assert result.status_code == 200


LIMITS = Limits(body_bytes=10, body_seconds=0.05)


def test_a_body_of_the_largest_size_passes(tmp_path: Path) -> None:
    assert post(service(tmp_path, body({}), limits=LIMITS), b'"12345678"').json["media"] == "12345678"


def test_a_larger_body_is_refused_by_its_length_alone(tmp_path: Path) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"11")]
    first = {"type": "http.request", "body": b"", "more_body": True}

    wire = asyncio.run(exchange(service(tmp_path, body({}), limits=LIMITS).app, {"headers": headers}, [first]))

    assert wire.status == 413
    assert json.loads(wire.body) == {"detail": "The body is larger than 10 bytes"}
    assert wire.receives == 1


def test_a_larger_body_in_chunks_is_refused_before_it_was_read(tmp_path: Path) -> None:
    chunks = [{"type": "http.request", "body": b"12345", "more_body": True}] * 1000
    headers = [(b"content-type", b"application/json")]

    wire = asyncio.run(exchange(service(tmp_path, body({}), limits=LIMITS).app, {"headers": headers}, chunks))

    assert wire.status == 413
    assert wire.receives < 10


def test_a_body_that_does_not_arrive_is_given_up(tmp_path: Path) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"5")]
    first = {"type": "http.request", "body": b"[1", "more_body": True}

    wire = asyncio.run(exchange(service(tmp_path, body({}), limits=LIMITS).app, {"headers": headers}, [first]))

    assert wire.status == 408
    assert json.loads(wire.body) == {"detail": "The body took too long to arrive"}


@pytest.mark.parametrize("headers", [[(b"content-length", b"9")], []])
def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(
    tmp_path: Path, headers: list[tuple[bytes, bytes]]
) -> None:
    resource = Resource(methods=["post"])
    contract = load(tmp_path, document({"/act": {"post": operation(requestBody=body({}, "text/plain"))}}))
    events: list[Document] = [
        {"type": "http.request", "body": b"pay 1", "more_body": True},
        {"type": "http.disconnect"},
    ]

    asyncio.run(
        exchange(
            serve(contract, {"/act": resource}).app, {"headers": [*headers, (b"content-type", b"text/plain")]}, events
        )
    )

    assert resource.params == []


def test_a_bad_content_length_is_malformed(tmp_path: Path) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"-1")]

    wire = asyncio.run(exchange(service(tmp_path, body({})).app, {"headers": headers}, [{"type": "http.request"}]))

    assert wire.status == 400


def test_a_body_that_the_contract_does_not_know_is_not_read(tmp_path: Path) -> None:
    contract = load(tmp_path, document({"/act": {"post": operation()}}))

    assert serve(contract, limits=LIMITS).send("POST", body=b"x" * 1000).json["media"] is None


def test_findings_of_parameters_and_body_come_together(tmp_path: Path) -> None:
    act = operation(
        parameters=[{"name": "p", "in": "query", "schema": {"type": "integer"}}],
        requestBody=body({"type": "object", "required": ["a", "b"]}),
    )

    result = serve(load(tmp_path, document({"/act": {"post": act}}))).send("POST", params={"p": "x"}, json={})

    assert findings(result) == [("query", "/p", "type"), ("body", "/a", "required"), ("body", "/b", "required")]


# Text, binary and forms.


def test_text_arrives_as_text(tmp_path: Path) -> None:
    assert post(service(tmp_path, body({"type": "string"}, "text/plain")), "grün", "text/plain").json["media"] == "grün"


@pytest.mark.parametrize("media_type", ["text/plain", "text/csv"])
def test_text_that_is_no_utf_8_is_malformed(tmp_path: Path, media_type: str) -> None:
    assert post(service(tmp_path, body({"type": "string"}, media_type)), b"\xff", media_type).status_code == 400


def test_bytes_are_judged_by_their_number(tmp_path: Path) -> None:
    binary = body({"type": "string", "format": "binary", "maxLength": 3}, "application/octet-stream")
    tested = service(tmp_path, binary)

    assert post(tested, b"\xff\x00\xfe", "application/octet-stream").status_code == 200
    assert findings(post(tested, b"\xff\x00\xfe\x00", "application/octet-stream")) == [("body", "", "maxLength")]


URLENCODED = "application/x-www-form-urlencoded"
FORM: Document = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "size": {"type": "integer", "default": 3},
        "ratio": {"type": "number"},
        "on": {"type": "boolean"},
        "ids": {"type": "array", "items": {"type": "integer"}},
        "either": {"anyOf": [{"type": "integer"}, {"type": "boolean"}]},
    },
}


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ("name=a+b%C3%A9", {"name": "a b\u00e9", "size": 3}),
        ("name=a&size=7&ratio=0.5&on=true", {"name": "a", "size": 7, "ratio": 0.5, "on": True}),
        ("name=a&ids=1&ids=2", {"name": "a", "size": 3, "ids": [1, 2]}),
        ("name=a&either=true", {"name": "a", "size": 3, "either": True}),
    ],
)
def test_a_form_is_read_with_the_types_of_its_schema(tmp_path: Path, sent: str, value: object) -> None:
    assert post(service(tmp_path, body(FORM, URLENCODED)), sent, URLENCODED).json["media"] == value


@pytest.mark.parametrize(
    ("sent", "finding"),
    [
        ("size=1", ("/name", "required")),
        ("name=", ("/name", "minLength")),
        ("name=a&size=1_0", ("/size", "type")),
        ("name=a&on=yes", ("/on", "type")),
        ("name=a&ids=1&ids=x", ("/ids/1", "type")),
        ("name=a&other=1", ("/other", "additionalProperties")),
        ("name=a&size=1&size=2", ("/size", "type")),
        ("name=a&name=b", ("/name", "type")),
    ],
)
def test_a_form_that_breaks_its_schema_is_refused(tmp_path: Path, sent: str, finding: tuple[str, str]) -> None:
    assert findings(post(service(tmp_path, body(FORM, URLENCODED)), sent, URLENCODED)) == [("body", *finding)]


@pytest.mark.parametrize("sent", [b"name=\xff", b"name=%ff", b"name=%ed%a0%80"])
def test_a_form_that_is_no_utf_8_is_malformed(tmp_path: Path, sent: bytes) -> None:
    assert post(service(tmp_path, body(FORM, URLENCODED)), sent, URLENCODED).status_code == 400


MULTIPART = "multipart/form-data; boundary=edge"
META = {"a": 1, "b": None, "c": True, "d": 1.5}
UPLOAD: Document = {
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {
        "file": {"type": "string", "format": "binary", "maxLength": 20},
        "raw": {"contentMediaType": "application/octet-stream"},
        "label": {"type": "string"},
        "count": {"type": "integer"},
        "flag": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "meta": {
            "type": "object",
            "required": ["a"],
            "properties": {"a": {"type": "integer"}, "b": {"type": "null"}, "c": {"type": "boolean"}},
        },
    },
}


def multipart(*parts: tuple[str, bytes]) -> bytes:
    lines = [
        b'--edge\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + data + b"\r\n"
        for name, data in parts
    ]
    return b"".join(lines) + b"--edge--\r\n"


@attrs.frozen
class Upload:
    file: bytes
    raw: bytes = b""
    label: str = ""
    count: int = 0
    flag: bool = attrs.field(default=False, kw_only=True)
    tags: tuple[str, ...] = ()
    meta: dict[str, Any] = attrs.field(factory=dict)


def test_a_multipart_body_is_read_with_the_types_of_its_schema(tmp_path: Path) -> None:
    uploads: list[Upload] = []

    async def keep(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        uploads.append(req.context.call.body(Upload))
        resp.media = {}

    content = document({"/act": {"post": operation(requestBody=body(UPLOAD, "multipart/form-data"))}})
    tested = serve(load(tmp_path, content), {"/act": Resource(keep, ["post"])})

    result = post(
        tested,
        multipart(
            ("file", b"\x00\xff\r\n--edg\n"),
            ("raw", b"\xfe"),
            ("label", "grün".encode()),
            ("count", b"7"),
            ("flag", b"true"),
            ("tags", b"a"),
            ("tags", b"b"),
            ("meta", b'{"a": 1, "b": null, "c": true, "d": 1.5}'),
        ),
        MULTIPART,
    )

    assert result.status_code == 200, result.text
    assert uploads == [Upload(b"\x00\xff\r\n--edg\n", b"\xfe", "grün", 7, ("a", "b"), META, flag=True)]


@pytest.mark.parametrize(
    ("parts", "finding"),
    [
        ([("label", b"a")], ("/file", "required")),
        ([("file", b"x" * 21)], ("/file", "maxLength")),
        ([("file", b"x"), ("count", b"1_0")], ("/count", "type")),
        ([("file", b"x"), ("other", b"1")], ("/other", "additionalProperties")),
        ([("file", b"x"), ("file", b"y")], ("/file", "type")),
        ([("file", b"x"), ("meta", b"{}")], ("/meta/a", "required")),
    ],
)
def test_a_multipart_body_that_breaks_its_schema_is_refused(
    tmp_path: Path, parts: list[tuple[str, bytes]], finding: tuple[str, str]
) -> None:
    result = post(service(tmp_path, body(UPLOAD, "multipart/form-data")), multipart(*parts), MULTIPART)

    assert findings(result) == [("body", *finding)]


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"nothing", MULTIPART),
        (multipart(("file", b"x")), "multipart/form-data"),
        (multipart(("file", b"x")), "multipart/form-data; boundary=other"),
        (multipart(("file", b"x")), 'multipart/form-data; boundary="'),
        (b"--edge\r\n\r\nx\r\n--edge--\r\n", MULTIPART),
        (multipart(("file", b"x"), ("meta", b"NaN")), MULTIPART),
        (multipart(("file", b"x"), ("meta", b"[" * 100_000)), MULTIPART),
        (multipart(("file", b"x"), ("label", b"\xff")), MULTIPART),
    ],
)
def test_a_multipart_body_that_cannot_be_read_is_malformed(tmp_path: Path, data: bytes, content_type: str) -> None:
    assert post(service(tmp_path, body(UPLOAD, "multipart/form-data")), data, content_type).status_code == 400


# Structured bodies.


@attrs.frozen
class Fast:
    kind: Literal["fast"]
    fee: int


@attrs.frozen
class Slow:
    kind: Literal["slow"]
    blocks: int


@attrs.frozen(kw_only=True)
class Order:
    id: UUID
    at: datetime
    kind: Fast | Slow
    amount: int
    rate: float
    note: str | None = None
    tags: tuple[str, ...] = ()
    limit: int | Unset = UNSET
    until: datetime | Unset | None = UNSET
    other: Fast | Slow | Unset | None = UNSET


ORDER: dict[str, Any] = {
    "id": "5d0a1f4c-9c0f-4a53-8d3e-0c6a0f0d8a11",
    "at": "2026-01-03T18:15:05Z",
    "kind": {"kind": "slow", "blocks": 6},
    "amount": 5.0,
    "rate": 1,
}


def structure(media: object) -> Order:
    return call(media).body(Order)


def call(media: object, values: dict[str, object] | None = None) -> Call:
    return Call(operation=None, values=values or {}, media=media)  # type: ignore[arg-type]  # not looked at


def test_a_body_becomes_the_responders_class() -> None:
    order = structure(ORDER | {"tags": ["a"], "note": None})

    assert order == Order(
        id=UUID("5d0a1f4c-9c0f-4a53-8d3e-0c6a0f0d8a11"),
        at=datetime(2026, 1, 3, 18, 15, 5, tzinfo=UTC),
        kind=Slow("slow", 6),
        amount=5,
        rate=1.0,
        tags=("a",),
    )
    assert (type(order.amount), type(order.rate)) == (int, float)


def test_null_and_silence_stay_apart() -> None:
    assert structure(ORDER).until is UNSET
    assert structure(ORDER | {"until": None}).until is None
    assert structure(ORDER | {"until": "2026-01-03T18:15:05+02:00"}).until == datetime(
        2026, 1, 3, 16, 15, 5, tzinfo=UTC
    )


def test_unions_with_unset_are_told_apart_as_without() -> None:
    order = structure(ORDER | {"limit": 7.0, "other": {"kind": "fast", "fee": 1}})

    assert (order.limit, order.other) == (7, Fast("fast", 1))


def test_unset_is_false_and_says_its_name() -> None:
    assert not UNSET
    assert repr(UNSET) == "UNSET"


def test_date_times_may_be_written_in_lower_case() -> None:
    assert structure(ORDER | {"at": "2026-01-03t18:15:05z"}).at == datetime(2026, 1, 3, 18, 15, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0000-01-01T00:00:00Z", "2016-12-31T23:59:60Z"])
def test_a_value_that_python_cannot_hold_is_the_clients_finding(text: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        structure(ORDER | {"at": text})

    assert raised.value.errors == [
        {"in": "body", "pointer": "/at", "code": "format", "detail": "is not a value that can be represented"}
    ]


def test_such_a_value_in_a_list_is_named_by_its_index() -> None:
    with pytest.raises(InvalidRequestError) as raised:
        call(["2026-01-03T18:15:05Z", "0000-01-01T00:00:00Z"]).body(list[datetime])

    assert [error["pointer"] for error in raised.value.errors] == ["/1"]


@attrs.frozen
class Asked:
    since: datetime


def test_such_a_parameter_is_named_where_it_stands(tmp_path: Path) -> None:
    async def respond(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.media = attrs.asdict(req.context.call.parameters(Asked))

    since = {"name": "Since", "in": "header", "schema": {"type": "string"}}
    contract = load(tmp_path, document({"/act": {"get": operation(parameters=[since])}}))

    result = serve(contract, {"/act": Resource(respond)}).send(headers={"Since": "2016-12-31T23:59:60Z"})

    assert findings(result) == [("header", "/Since", "format")]


def test_a_class_that_asks_for_more_than_the_contract_is_our_mistake() -> None:
    with pytest.raises(TypeError, match="disagrees with the contract"):
        structure({name: value for name, value in ORDER.items() if name != "amount"})


@pytest.mark.parametrize(
    ("cls", "media"), [(str, "text"), (list[int], [1, 2.0]), (dict[str, int], {"a": 1}), (bytes, b"a")]
)
def test_a_body_may_be_any_type_that_cattrs_knows(cls: Any, media: object) -> None:  # noqa: ANN401 - any type
    assert call(media).body(cls) == media


def test_a_string_is_not_taken_for_bytes() -> None:
    with pytest.raises(TypeError):
        call("text").body(bytes)
