"""U+0000 in text is refused wherever a client can write it, before the schema is asked; bytes may hold it."""

import json
import time
from pathlib import Path

import pytest

from tests.unit.contract.support import Document, Service, body, document, findings, load, operation, serve

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
ANY: Document = {}
FIELDS: Document = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "more": {"type": "array", "items": {"type": "string"}},
        "meta": {"type": "object"},
        "file": {"type": "string", "format": "binary"},
    },
}


def service(folder: Path, schema: Document, media_type: str = JSON) -> Service:
    return serve(load(folder, document({"/act": {"post": operation(requestBody=body(schema, media_type))}})))


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        (r'"\u0000"', ""),
        (r'"a\u0000b"', ""),
        (r'"a\\\u0000b"', ""),
        (r'{"a": "\u0000"}', "/a"),
        (r'{"a": [1, {"b/c": ["x", "\u0000"]}], "d": {}}', "/a/1/b~1c/1"),
        (r'[[], {}, [[]], "\u0000"]', "/3"),
        (r'{"\u0000": 1}', ""),
        (r'{"a": [{"b\u0000": 1}]}', "/a/0"),
        (r'{"\u0000": 1, "a": "\u0000"}', ""),
        ("[" * 90 + r'"\u0000"' + "]" * 90, "/0" * 90),
    ],
)
def test_json_is_refused_where_it_stands(tmp_path: Path, sent: str, pointer: str) -> None:
    result = service(tmp_path, ANY).send("POST", body=sent, headers={"Content-Type": JSON})

    assert findings(result) == [("body", pointer, "nul")]
    assert "U+0000" in result.json["errors"][0]["detail"]


@pytest.mark.parametrize("sent", [r'"\\u0000"', r'{"\\\\u0000": "\\\\\\u0001"}', r'"u0000"', r'"\u00010000"', "0"])
def test_json_that_only_looks_like_it_passes(tmp_path: Path, sent: str) -> None:
    result = service(tmp_path, ANY).send("POST", body=sent, headers={"Content-Type": JSON})

    assert result.json["media"] == json.loads(sent)


def test_it_is_found_before_the_schema_is_asked(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 1, "pattern": "^x$"}}}
    result = service(tmp_path, schema).send("POST", body=r'{"a": "yy\u0000"}', headers={"Content-Type": JSON})

    assert findings(result) == [("body", "/a", "nul")]


def test_a_huge_body_is_not_searched_for_long(tmp_path: Path) -> None:
    tested = service(tmp_path, ANY)
    sent = "[" + "0," * 400_000 + r'"\u0000"]'
    started = time.process_time()
    result = tested.send("POST", body=sent, headers={"Content-Type": JSON})
    seconds = time.process_time() - started

    assert findings(result) == [("body", "", "nul")]
    assert seconds < 0.5


@pytest.mark.parametrize(
    ("media_type", "sent", "pointer"),
    [
        (FORM, "text=a%00b", "/text"),
        (FORM, b"text=a\0b", "/text"),
        (FORM, "more=x&more=%00", "/more/1"),
        (FORM, "a%00b=1", ""),
        (FORM, "unknown=%00", "/unknown"),
        (FORM, "unknown=1&unknown=%00", "/unknown/1"),
        ("text/plain", b"a\0b", ""),
    ],
)
def test_forms_and_texts(tmp_path: Path, media_type: str, sent: str | bytes, pointer: str) -> None:
    schema = {"type": "string"} if media_type == "text/plain" else FIELDS
    result = service(tmp_path, schema, media_type).send("POST", body=sent, headers={"Content-Type": media_type})

    assert findings(result) == [("body", pointer, "nul")]


def part(name: bytes, data: bytes, *headers: bytes) -> bytes:
    lines = [b"--edge", b'Content-Disposition: form-data; name="' + name + b'"', *headers, b"", data, b"--edge--", b""]
    return b"\r\n".join(lines)


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        (part(b"text", b"a\0b"), "/text"),
        (part(b"meta", rb'{"a": ["\u0000"]}'), "/meta/a/0"),
    ],
)
def test_parts(tmp_path: Path, sent: bytes, pointer: str) -> None:
    headers = {"Content-Type": f"{MULTIPART}; boundary=edge"}
    result = service(tmp_path, FIELDS, MULTIPART).send("POST", body=sent, headers=headers)

    assert findings(result) == [("body", pointer, "nul")]


def test_the_name_of_a_part(tmp_path: Path) -> None:
    headers = {"Content-Type": f"{MULTIPART}; boundary=edge"}
    result = service(tmp_path, FIELDS, MULTIPART).send("POST", body=part(b"a\0b", b"1"), headers=headers)

    assert result.status_code in {400, 422}


def test_bytes_may_hold_it(tmp_path: Path) -> None:
    headers = {"Content-Type": f"{MULTIPART}; boundary=edge"}
    in_part = service(tmp_path, FIELDS, MULTIPART).send("POST", body=part(b"file", b"a\0b"), headers=headers)
    headers = {"Content-Type": "application/octet-stream"}
    schema = {"type": "string", "format": "binary"}
    alone = service(tmp_path, schema, "application/octet-stream").send("POST", body=b"a\0b", headers=headers)

    assert (in_part.status_code, alone.status_code) == (200, 200)


DEEP = {"style": "deepObject", "explode": True}
AS_JSON: Document = {"content": {JSON: {"schema": {}}}}


@pytest.mark.parametrize(
    ("parameter", "sent", "pointer"),
    [
        ({"schema": {"type": "string"}}, "p=a%00b", "/p"),
        ({"schema": {"type": "string", "enum": ["x"]}}, "p=%00", "/p"),
        ({"schema": {}}, "p=%00", "/p"),
        ({"schema": {"type": "array", "items": {"type": "string"}}}, "p=x&p=%00", "/p/1"),
        ({"schema": {"type": "object"}, **DEEP}, "p[a]=%00", "/p/a"),
        ({"schema": {"type": "object"}, **DEEP}, "p[a%00]=x", "/p"),
        (AS_JSON, "p=%5B%22%5Cu0000%22%5D", "/p/0"),
    ],
)
def test_queries(tmp_path: Path, parameter: Document, sent: str, pointer: str) -> None:
    parameters = [{"name": "p", "in": "query", **parameter}]
    tested = serve(load(tmp_path, document({"/act": {"get": operation(parameters=parameters)}})))

    assert findings(tested.send(query_string=sent)) == [("query", pointer, "nul")]


@pytest.mark.parametrize("schema", [{"type": "string"}, {"type": "array", "items": {"type": "string"}}])
def test_paths(tmp_path: Path, schema: Document) -> None:
    parameters = [{"name": "p", "in": "path", "required": True, "schema": schema}]
    tested = serve(load(tmp_path, document({"/act/{p}": {"get": operation(parameters=parameters)}})))
    pointer = "/p" if schema["type"] == "string" else "/p/1"

    assert findings(tested.send(path="/act/x,%00")) == [("path", pointer, "nul")]


@pytest.mark.parametrize("kind", ["integer", "number", "boolean"])
def test_what_is_no_text_is_refused_too(tmp_path: Path, kind: str) -> None:
    parameters = [{"name": "p", "in": "query", "schema": {"type": kind}}]
    tested = serve(load(tmp_path, document({"/act": {"get": operation(parameters=parameters)}})))

    assert tested.send(query_string="p=1%00").status_code == 422


def test_cookies_and_headers(tmp_path: Path) -> None:
    """A server refuses the character itself there; a cookie may write it in octal."""
    parameters = [{"name": "p", "in": where, "schema": {"type": "string"}} for where in ("cookie", "header")]
    parameters[1]["name"] = "X-P"
    tested = serve(load(tmp_path, document({"/act": {"get": operation(parameters=parameters)}})))
    cookie = tested.send(headers={"Cookie": r'p="a\000b"'})
    header = tested.send(headers={"X-P": "a\0b"})

    assert findings(cookie) == [("cookie", "/p", "nul")]
    assert findings(header) == [("header", "/X-P", "nul")]
