"""Forms by OpenAPI 3.1.1, section 4.8.15: what a field is, its `encoding` and its schema say together."""

import json
from pathlib import Path
from typing import Any

import falcon.asgi
import pytest

from tbg.contract import Contract, DocumentError, UploadedFile
from tests.unit.contract.support import (
    Document,
    Resource,
    Service,
    body,
    document,
    findings,
    load,
    multipart,
    operation,
    part,
    serve,
)

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
TEXT: Document = {"type": "string"}
INTEGER: Document = {"type": "integer"}
POINT: Document = {"type": "object", "required": ["x"], "properties": {"x": INTEGER, "y": INTEGER}}
INTEGERS: Document = {"type": "array", "items": INTEGER}
FILE: Document = {"type": "string", "format": "binary"}


async def echo(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
    """Answer with the form; a file is its text behind ``file:``."""
    resp.media = {"form": _plain(req.context.call.media)}
    req.context.call.close()


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value
    if isinstance(value, UploadedFile):
        return "file:" + value.read().decode("latin-1")
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def contract(folder: Path, media_type: str, schema: Document, encoding: Document | None = None) -> Contract:
    request = body(schema, media_type)
    if encoding is not None:
        request["content"][media_type]["encoding"] = encoding
    components = {"schemas": {"Point": POINT, "Id": INTEGER}}
    return load(folder, _with(document({"/act": {"post": operation(requestBody=request)}}), components))


def _with(content: Document, components: Document) -> Document:
    content["components"] |= components
    return content


def service(folder: Path, media_type: str, schema: Document, encoding: Document | None = None) -> Service:
    return serve(contract(folder, media_type, schema, encoding), {"/act": Resource(echo, ["post"])})


def fields(**properties: Document) -> Document:
    return {"type": "object", "properties": properties}


def send(tested: Service, sent: str | bytes) -> Any:  # noqa: ANN401 - Falcon's result
    content_type = f"{MULTIPART}; boundary=edge" if isinstance(sent, bytes) else URLENCODED
    return tested.send("POST", body=sent, headers={"Content-Type": content_type})


def form(tested: Service, sent: str | bytes) -> Any:  # noqa: ANN401 - any value
    result = send(tested, sent)
    assert result.status_code == 200, result.text
    return result.json["form"]


# The schema of a field, wherever it stands.


@pytest.mark.parametrize(
    ("schema", "sent", "value"),
    [
        (INTEGER, ["7"], 7),
        ({"type": ["integer", "null"]}, ["7"], 7),
        ({"anyOf": [INTEGER, {"type": "null"}]}, ["7"], 7),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, ["true"], True),
        ({"oneOf": [INTEGER, {"type": "boolean"}]}, ["true"], True),
        ({"anyOf": [INTEGER, TEXT]}, ["7a"], "7a"),
        ({"$ref": "#/components/schemas/Id"}, ["7"], 7),
        ({"allOf": [{"$ref": "#/components/schemas/Id"}, {"minimum": 3}]}, ["7"], 7),
        ({"enum": [1, 2]}, ["2"], 2),
        ({"const": 2}, ["2"], 2),
        (TEXT, ["7"], "7"),
        (INTEGERS, ["1"], [1]),
        (INTEGERS, ["1", "2"], [1, 2]),
        ({"type": ["array", "null"], "items": INTEGER}, ["1"], [1]),
        ({"anyOf": [INTEGERS, {"type": "null"}]}, ["1"], [1]),
        ({"anyOf": [INTEGERS, {"type": "null"}]}, ["1", "2"], [1, 2]),
        ({"anyOf": [INTEGERS, INTEGER]}, ["1"], 1),
        ({"anyOf": [INTEGERS, INTEGER]}, ["1", "2"], [1, 2]),
        ({"type": "array", "items": {"anyOf": [INTEGER, {"type": "boolean"}]}}, ["1", "true"], [1, True]),
        ({"type": "array", "prefixItems": [INTEGER], "items": TEXT}, ["1", "2"], [1, "2"]),
        (POINT, ['{"x": 1}'], {"x": 1}),
        ({"$ref": "#/components/schemas/Point"}, ['{"x": 1}'], {"x": 1}),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Point"}}, ['{"x": 1}'], [{"x": 1}]),
        ({"type": "array", "items": POINT}, ['[{"x": 1}, {"x": 2}]'], [{"x": 1}, {"x": 2}]),
        ({"type": "array", "items": {"type": "array"}}, ["[1]"], [[1]]),
        ({"anyOf": [POINT, {"type": "null"}]}, ['{"x": 1}'], {"x": 1}),
        ({"anyOf": [POINT, TEXT]}, ['{"x": 1}'], {"x": 1}),
        ({"anyOf": [POINT, TEXT]}, ["{x"], "{x"),
        ({"anyOf": [POINT, INTEGER]}, ["5"], 5),
    ],
)
@pytest.mark.parametrize("media_type", [URLENCODED, MULTIPART])
def test_a_field_is_what_its_schema_says(
    tmp_path: Path, media_type: str, schema: Document, sent: list[str], value: object
) -> None:
    """Objects are JSON by default, in both (section 4.8.15.1.1)."""
    tested = service(tmp_path, media_type, fields(f=schema))

    assert form(tested, _form(media_type, *(("f", each) for each in sent))) == {"f": value}


def _form(media_type: str, *sent: tuple[str, str]) -> str | bytes:
    if media_type == MULTIPART:
        return multipart(*(part(name, text) for name, text in sent))
    return "&".join(f"{name}={text}" for name, text in sent)


@pytest.mark.parametrize(
    ("schema", "sent", "value"),
    [
        ({"allOf": [fields(a=INTEGER), fields(b=INTEGER)]}, [("a", "1"), ("b", "2")], {"a": 1, "b": 2}),
        ({"allOf": [{"$ref": "#/components/schemas/Point"}]}, [("x", "1")], {"x": 1}),
        ({"anyOf": [fields(a=INTEGER), fields(b=INTEGER)]}, [("a", "1"), ("b", "2")], {"a": 1, "b": 2}),
        (
            {"oneOf": [fields(k={"const": "a"}, v=INTEGER), fields(k={"const": "b"}, v=TEXT)]},
            [("k", "b"), ("v", "2")],
            {"k": "b", "v": "2"},
        ),
        (
            {"oneOf": [fields(k={"const": "a"}, v=INTEGER), fields(k={"const": "b"}, v=TEXT)]},
            [("k", "a"), ("v", "2")],
            {"k": "a", "v": 2},
        ),
        (
            {"oneOf": [fields(k={"const": "a"}, v=POINT), fields(k={"const": "b"}, v=TEXT)]},
            [("k", "b"), ("v", "no JSON")],
            {"k": "b", "v": "no JSON"},
        ),
        ({"type": "object", "patternProperties": {"^n_": INTEGER}}, [("n_1", "1"), ("m", "1")], {"n_1": 1, "m": "1"}),
        ({"type": "object", "additionalProperties": INTEGER}, [("any", "1")], {"any": 1}),
        ({"type": "object", "additionalProperties": INTEGERS}, [("any", "1")], {"any": [1]}),
        ({"type": "object"}, [("any", "1")], {"any": "1"}),
        ({"type": "object"}, [("any", "1"), ("any", "2")], {"any": ["1", "2"]}),
        ({}, [("any", "1")], {"any": "1"}),
        (fields(a={"type": "integer", "default": 3}), [("b", "")], {"a": 3, "b": ""}),
        (
            {"if": fields(k={"const": "n"}), "then": fields(v=INTEGER), "else": fields(v=TEXT)},
            [("k", "n"), ("v", "1")],
            {"k": "n", "v": 1},
        ),
    ],
)
@pytest.mark.parametrize("media_type", [URLENCODED, MULTIPART])
def test_the_schema_of_a_form_may_be_composed(
    tmp_path: Path, media_type: str, schema: Document, sent: list[tuple[str, str]], value: object
) -> None:
    assert form(service(tmp_path, media_type, schema), _form(media_type, *sent)) == value


@pytest.mark.parametrize(
    ("schema", "sent", "finding"),
    [
        (fields(f=INTEGER), [("f", "x")], ("/f", "type")),
        (fields(f=INTEGER), [("f", "1_0")], ("/f", "type")),
        (fields(f=INTEGER), [("f", "")], ("/f", "type")),
        (fields(f=INTEGER), [("f", "1"), ("f", "2")], ("/f", "type")),
        (fields(f=INTEGERS), [("f", "1"), ("f", "x")], ("/f/1", "type")),
        (fields(f=POINT), [("f", "{}")], ("/f/x", "required")),
        (fields(f=POINT), [("f", '{"x": "1"}')], ("/f/x", "type")),
        ({"type": "object", "additionalProperties": False}, [("f", "1")], ("/f", "additionalProperties")),
        ({"type": "object", "additionalProperties": INTEGER}, [("f", "x")], ("/f", "type")),
        ({"type": "object", "required": ["g"]}, [("f", "1")], ("/g", "required")),
        (fields(f={"type": "string", "maxLength": 1}), [("f", "éé")], ("/f", "maxLength")),
    ],
)
@pytest.mark.parametrize("media_type", [URLENCODED, MULTIPART])
def test_what_breaks_the_schema_is_found_where_it_stands(
    tmp_path: Path, media_type: str, schema: Document, sent: list[tuple[str, str]], finding: tuple[str, str]
) -> None:
    result = send(service(tmp_path, media_type, schema), _form(media_type, *sent))

    assert findings(result) == [("body", *finding)]


@pytest.mark.parametrize("media_type", [URLENCODED, MULTIPART])
@pytest.mark.parametrize("sent", ["{", "NaN", "", "[" * 101 + "]" * 101])
def test_an_object_that_is_no_json_is_malformed(tmp_path: Path, media_type: str, sent: str) -> None:
    result = send(service(tmp_path, media_type, fields(f=POINT)), _form(media_type, ("f", sent)))

    assert result.status_code == 400
    assert result.json["detail"].startswith("The field 'f' is n")


@pytest.mark.parametrize("media_type", [URLENCODED, MULTIPART])
def test_a_form_has_1000_fields_at_most(tmp_path: Path, media_type: str) -> None:
    tested = service(tmp_path, media_type, {})

    assert len(form(tested, _form(media_type, *[("f", "")] * 1000))["f"]) == 1000
    assert send(tested, _form(media_type, *[("f", "")] * 1001)).status_code == 400


# Encoding: styles.

COLORS: Document = {"type": "array", "items": TEXT}
RGB: Document = {"type": "object", "properties": {"R": INTEGER, "G": INTEGER}, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "encoding", "sent", "value"),
    [
        (COLORS, {"style": "form"}, "f=a&f=b", ["a", "b"]),
        (COLORS, {"explode": True}, "f=a", ["a"]),
        (COLORS, {"explode": False}, "f=a,b", ["a", "b"]),
        (COLORS, {"explode": False}, "f=a%2Cb,c", ["a,b", "c"]),
        (COLORS, {"explode": False}, "f=a+b,c", ["a b", "c"]),
        (COLORS, {"style": "spaceDelimited", "explode": False}, "f=a+b%20c", ["a", "b", "c"]),
        (COLORS, {"style": "pipeDelimited", "explode": False}, "f=a%7Cb", ["a", "b"]),
        (COLORS, {"allowReserved": True}, "f=a/b?&f=:", ["a/b?", ":"]),
        (INTEGERS, {"explode": False}, "f=1,2", [1, 2]),
        (RGB, {"style": "deepObject", "explode": True}, "f%5BR%5D=1&f[G]=2", {"R": 1, "G": 2}),
        (RGB, {"style": "form", "explode": False}, "f=R,1,G,2", {"R": 1, "G": 2}),
        (TEXT, {"style": "form"}, "f=a,b", "a,b"),
        # Another content type does not count then (section 4.8.15.1.2).
        (INTEGERS, {"explode": False, "contentType": "application/json"}, "f=1,2", [1, 2]),
    ],
)
def test_a_urlencoded_field_may_have_a_style(
    tmp_path: Path, schema: Document, encoding: Document, sent: str, value: object
) -> None:
    tested = service(tmp_path, URLENCODED, fields(f=schema) | {"additionalProperties": False}, {"f": encoding})

    assert form(tested, sent) == {"f": value}


def test_an_exploded_object_takes_the_fields_that_are_its_members(tmp_path: Path) -> None:
    schema = fields(color=RGB, other=INTEGER)
    tested = service(tmp_path, URLENCODED, schema, {"color": {"style": "form", "explode": True}})

    assert form(tested, "R=1&other=3&G=2&more=x") == {"color": {"R": 1, "G": 2}, "other": 3, "more": "x"}


@pytest.mark.parametrize(
    ("schema", "encoding", "sent", "value"),
    [
        (COLORS, {"explode": False}, [("f", "a,b%2C")], ["a", "b%2C"]),
        (COLORS, {"style": "form"}, [("f", "a,b"), ("f", "c")], ["a,b", "c"]),
        (COLORS, {"style": "spaceDelimited", "explode": False}, [("f", "a b+c")], ["a", "b+c"]),
        (RGB, {"style": "deepObject", "explode": True}, [("f[R]", "1"), ("f[G]", "2")], {"R": 1, "G": 2}),
    ],
)
def test_a_part_may_have_a_style(
    tmp_path: Path, schema: Document, encoding: Document, sent: list[tuple[str, str]], value: object
) -> None:
    """Nothing in a part is percent-encoded (appendix E)."""
    assert form(service(tmp_path, MULTIPART, fields(f=schema), {"f": encoding}), _form(MULTIPART, *sent)) == {
        "f": value
    }


@pytest.mark.parametrize(
    ("schema", "encoding", "sent", "finding"),
    [
        (RGB, {"explode": False}, "f=R,1,G", ("/f", "style")),
        (RGB, {"style": "deepObject", "explode": True}, "f[R][S]=1", ("/f", "style")),
        (RGB, {"style": "deepObject", "explode": True}, "f[R]=1&f[R]=2", ("/f/R", "repeated")),
        (INTEGERS, {"explode": False}, "f=1,x", ("/f/1", "type")),
        (COLORS, {"explode": False}, "f=%00", ("/f/0", "nul")),
    ],
)
def test_a_field_that_breaks_its_style_is_found(
    tmp_path: Path, schema: Document, encoding: Document, sent: str, finding: tuple[str, str]
) -> None:
    tested = service(tmp_path, URLENCODED, fields(f=schema), {"f": encoding})

    assert findings(send(tested, sent)) == [("body", *finding)]


# Encoding: media types and headers of parts.

CSV = "Content-Type: text/csv"
PNG = "Content-Type: image/png"
XML = "Content-Type: application/xml; charset=utf-8"
JSON = "Content-Type: application/json"


@pytest.mark.parametrize(
    ("schema", "accepted", "header", "sent", "value"),
    [
        (TEXT, "text/csv", CSV, "a,b", "a,b"),
        (TEXT, "text/csv", "Content-Type: Text/CSV; header=present", "a,b", "a,b"),
        (TEXT, "application/xml", XML, "<a/>", "<a/>"),
        (INTEGER, "text/csv", CSV, "1", 1),
        (FILE, "image/png, image/jpeg", PNG, "\x89", "file:\x89"),
        (FILE, "image/*", PNG, "\x89", "file:\x89"),
        (FILE, "*/*", PNG, "\x89", "file:\x89"),
        (FILE, "application/octet-stream", PNG, "\x89", "file:\x89"),
        (TEXT, "application/octet-stream", CSV, "\x89", "file:\x89"),
        (FILE, "application/json", JSON, "{", "file:{"),
        (TEXT, "image/png", PNG, "\x89", "file:\x89"),
        (TEXT, "text/plain, image/png", PNG, "\x89", "file:\x89"),
        ({}, "image/png", PNG, "\x89", "file:\x89"),
        (TEXT, "application/json", JSON, '"a"', "a"),
        (INTEGER, "application/json", JSON, "1.0", 1.0),
        (POINT, "application/xml, application/json", JSON, '{"x": 1}', {"x": 1}),
        (POINT, "application/vnd.point+json", "Content-Type: application/vnd.point+json", '{"x": 1}', {"x": 1}),
        ({"type": "array", "items": FILE}, "image/png", PNG, "\x89", ["file:\x89"]),
        (COLORS, "text/csv", CSV, "a,b", ["a,b"]),
        # A part without a media type has the one that is wanted.
        (TEXT, "text/csv", "X-A: b", "a,b", "a,b"),
        (TEXT, "application/json", "X-A: b", '"a"', "a"),
        (TEXT, "image/png", "X-A: b", "\x89", "file:\x89"),
    ],
)
def test_a_part_has_a_media_type_that_its_encoding_names(  # noqa: PLR0913, PLR0917 - a table
    tmp_path: Path, schema: Document, accepted: str, header: str, sent: str, value: object
) -> None:
    tested = service(tmp_path, MULTIPART, fields(f=schema), {"f": {"contentType": accepted}})

    assert form(tested, multipart(part("f", sent.encode("latin-1"), header))) == {"f": value}


@pytest.mark.parametrize(
    ("schema", "encoding", "header", "detail"),
    [
        (TEXT, {"contentType": "text/csv"}, "Content-Type: text/plain", "must be sent as text/csv"),
        (FILE, {"contentType": "image/png, image/jpeg"}, CSV, "must be sent as image/png, image/jpeg"),
        (FILE, {"contentType": "image/*"}, "Content-Type: imagery/png", "must be sent as image/*"),
        (POINT, {"contentType": "application/json, application/xml"}, XML, "must be sent as application/json"),
        (POINT, {"contentType": "application/xml"}, XML, "has no media type that can be read"),
        (POINT, None, XML, "must be sent as application/json"),
        (POINT, None, PNG, "must be sent as application/json"),
        (INTEGER, None, PNG, "must be sent as text/plain"),
        (TEXT, None, "Content-Type: multipart/mixed; boundary=inner", "must be sent as text/plain"),
        (TEXT, None, "Content-Type: text/plain; charset=iso-8859-1", "must be sent in UTF-8"),
        (POINT, None, "Content-Type: application/json; charset=utf-16", "must be sent in UTF-8"),
        (TEXT, None, "Content-Transfer-Encoding: base64", "must be sent without a Content-Transfer-Encoding"),
        (FILE, None, "Content-Transfer-Encoding: quoted-printable", "must be sent without a Content-Transfer-Encoding"),
    ],
)
def test_a_part_that_is_sent_otherwise_is_found(
    tmp_path: Path, schema: Document, encoding: Document | None, header: str, detail: str
) -> None:
    tested = service(tmp_path, MULTIPART, fields(f=schema), None if encoding is None else {"f": encoding})
    result = send(tested, multipart(part("f", "1", header)))

    assert findings(result) == [("body", "/f", "contentType")]
    assert result.json["errors"][0]["detail"] == detail


def test_which_part_of_a_list_it_is_is_told(tmp_path: Path) -> None:
    tested = service(
        tmp_path, MULTIPART, fields(f={"type": "array", "items": FILE}), {"f": {"contentType": "image/png"}}
    )
    result = send(tested, multipart(part("f", "1", PNG), part("f", "1", CSV)))

    assert findings(result) == [("body", "/f/1", "contentType")]


@pytest.mark.parametrize(
    ("schema", "header", "value"),
    [
        (TEXT, "Content-Type: text/html; charset=UTF-8", "é"),
        (TEXT, "Content-Transfer-Encoding: 8BIT", "é"),
        (FILE, PNG, "file:Ã©"),
        (FILE, "Content-Type: multipart/mixed; boundary=inner", "file:Ã©"),
        ({}, CSV, "file:Ã©"),
        ({"type": "string", "contentMediaType": "application/octet-stream"}, PNG, "file:Ã©"),
        ({"contentMediaType": "image/png", "maxLength": 2}, PNG, "file:Ã©"),
        ({"anyOf": [FILE, {"type": "null"}]}, PNG, "file:Ã©"),
        ({"anyOf": [FILE, {"type": "string", "format": "uri-reference"}]}, PNG, "file:Ã©"),
        ({"type": ["string", "null"], "format": "binary"}, PNG, "file:Ã©"),
    ],
)
def test_without_an_encoding_the_schema_tells_text_from_bytes(
    tmp_path: Path, schema: Document, header: str, value: str
) -> None:
    assert form(service(tmp_path, MULTIPART, fields(f=schema)), multipart(part("f", "é", header))) == {"f": value}


def test_encoded_bytes_are_text_and_may_say_so(tmp_path: Path) -> None:
    """Section 4.8.15.3: ``contentEncoding`` is the same as such a header."""
    tested = service(tmp_path, MULTIPART, fields(f={"type": "string", "contentEncoding": "base64", "maxLength": 4}))
    header = "Content-Transfer-Encoding: base64"

    assert form(tested, multipart(part("f", "YWI=", header))) == {"f": "YWI="}
    assert form(tested, multipart(part("f", "YWI="))) == {"f": "YWI="}
    assert findings(send(tested, multipart(part("f", "YWI=YWI=", header)))) == [("body", "/f", "maxLength")]


def test_a_part_that_the_contract_does_not_name_is_text_or_a_file(tmp_path: Path) -> None:
    tested = service(tmp_path, MULTIPART, {"type": "object"})
    sent = multipart(part("a", "é"), part("b", b"\xff"), part("c", "c", PNG), part("d", "d", filename="d.txt"))

    assert form(tested, sent) == {"a": "é", "b": "file:ÿ", "c": "file:c", "d": "file:d"}


HEADERS: Document = {
    "X-Size": {"required": True, "schema": {"type": "integer", "maximum": 9}},
    "X-Tags": {"schema": {"type": "array", "items": TEXT, "maxItems": 2}},
    "Content-Type": {"required": True, "schema": {"const": "never"}},
}


@pytest.mark.parametrize(
    ("headers", "finding"),
    [
        (["X-Size: 9"], None),
        (["x-size: 9", "X-Tags: a, b"], None),
        ([], ("required", "must be sent with the header X-Size")),
        (["X-Size: ten"], ("type", "header X-Size must be of type integer")),
        (["X-Size: 10"], ("maximum", "header X-Size must be at most 9")),
        (["X-Size: 1", "X-Tags: a,b,c"], ("maxItems", "header X-Tags must have at most 2 items")),
    ],
)
def test_the_headers_of_a_part_are_judged(tmp_path: Path, headers: list[str], finding: tuple[str, str] | None) -> None:
    """But its Content-Type, which is described elsewhere (section 4.8.15.1.1)."""
    tested = service(tmp_path, MULTIPART, fields(f=TEXT), {"f": {"headers": HEADERS}})
    result = send(tested, multipart(part("f", "a", *headers)))

    if finding is None:
        assert result.status_code == 200, result.text
    else:
        code, detail = finding
        assert findings(result) == [("body", "/f", code)]
        assert result.json["errors"][0]["detail"] == detail


def test_the_headers_of_a_urlencoded_field_do_not_count(tmp_path: Path) -> None:
    tested = service(tmp_path, URLENCODED, fields(f=TEXT), {"f": {"headers": HEADERS}})

    assert form(tested, "f=a") == {"f": "a"}


@pytest.mark.parametrize(
    ("schema", "content_type", "sent", "value"),
    [
        (TEXT, "application/json", "f=%22a%22", "a"),
        (COLORS, "application/json", "f=%22a%22&f=%22b%22", ["a", "b"]),
        (COLORS, "application/json", "f=%5B%22a%22,%22b%22%5D", ["a", "b"]),
        (TEXT, "application/xml", "f=%3Ca%2F%3E", "<a/>"),
        (INTEGER, "text/csv", "f=1", 1),
    ],
)
def test_a_urlencoded_field_has_the_content_type_that_its_encoding_names(
    tmp_path: Path, schema: Document, content_type: str, sent: str, value: object
) -> None:
    tested = service(tmp_path, URLENCODED, fields(f=schema), {"f": {"contentType": content_type}})

    assert form(tested, sent) == {"f": value}


def test_an_object_that_is_no_json_is_not_read(tmp_path: Path) -> None:
    tested = service(tmp_path, URLENCODED, fields(f=POINT), {"f": {"contentType": "application/xml"}})

    assert findings(send(tested, "f=%3Ca%2F%3E")) == [("body", "/f", "contentType")]


# Names.


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("größe", "größe"),
        ("größe", "gr%C3%B6%C3%9Fe"),  # RFC 7578, section 2
        ('a"b', "a%22b"),  # WHATWG HTML, "multipart/form-data encoding algorithm"
        ('a"b', 'a\\"b'),
        ("a;b=c", "a;b=c"),
        ("100%", "100%"),
    ],
)
def test_the_name_of_a_part_may_be_written_in_several_ways(tmp_path: Path, name: str, sent: str) -> None:
    assert form(service(tmp_path, MULTIPART, fields(**{name: INTEGER})), multipart(part(sent, "1"))) == {name: 1}


def test_a_name_that_the_contract_knows_is_not_decoded(tmp_path: Path) -> None:
    schema = fields(**{"a%20b": TEXT, "a b": INTEGER})

    assert form(service(tmp_path, MULTIPART, schema), multipart(part("a%20b", "1"))) == {"a%20b": "1"}


def test_a_pointer_to_a_part_is_escaped(tmp_path: Path) -> None:
    tested = service(tmp_path, MULTIPART, fields(**{"a/b": INTEGER}), {"a/b": {"contentType": "text/csv"}})

    assert findings(send(tested, multipart(part("a/b", "1", PNG)))) == [("body", "/a~1b", "contentType")]


# What does not boot.


@pytest.mark.parametrize(
    ("schema", "encoding", "reason"),
    [
        (fields(f=POINT), {"f": {"style": "spaceDelimited", "explode": True}}, "is not defined"),
        ({"type": "object", "patternProperties": {"(?=a)": INTEGER}}, {}, "linear time"),
        (fields(f=TEXT), {"f": {"headers": {"X": {"content": {"text/plain": {}}}}}}, "has no schema"),
        (
            {"oneOf": [fields(k={"const": each}, v={"type": "integer", "default": each}) for each in range(33)]},
            {},
            "32 ways",
        ),
    ],
)
def test_a_form_that_cannot_be_read_is_refused_at_boot(
    tmp_path: Path, schema: Document, encoding: Document, reason: str
) -> None:
    with pytest.raises(DocumentError, match=reason):
        contract(tmp_path, MULTIPART, schema, encoding)


def test_a_response_may_be_a_form(tmp_path: Path) -> None:
    content = {URLENCODED: {"schema": fields(f=INTEGER)}, MULTIPART: {"schema": fields(f=INTEGER)}}
    act = operation(responses={"200": {"description": "Done.", "content": content}})
    loaded = load(tmp_path, document({"/act": {"get": act}}))
    sent = {
        URLENCODED: ["f=1", "f=x"],
        f"{MULTIPART}; boundary=edge": [multipart(part("f", each)).decode() for each in ("1", "x")],
    }
    for content_type, (right, wrong) in sent.items():
        verdicts = [
            loaded.operations["GET", "/act"].responses["200"].judge_body(each.encode(), content_type)
            for each in (right, wrong)
        ]

        assert verdicts[0] is None
        assert verdicts[1] is not None
        assert verdicts[1][1].pointer == "/f"


def test_the_example_of_the_specification_is_read(tmp_path: Path) -> None:
    """Section 4.8.15.2, "URL Encoded Form with JSON Values"."""
    address = {"streetAddress": "123 Example Dr.", "city": "Somewhere", "state": "CA", "zip": "99999+1234"}
    sent = (
        "id=f81d4fae-7dec-11d0-a765-00a0c91e6bf6&address=%7B%22streetAddress%22:%22123+Example+Dr.%22,%22city%22:"
        "%22Somewhere%22,%22state%22:%22CA%22,%22zip%22:%2299999%2B1234%22%7D"
    )
    schema = fields(id={"type": "string", "format": "uuid"}, address={"type": "object", "properties": {}})

    assert form(service(tmp_path, URLENCODED, schema), sent) == {
        "id": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "address": json.loads(json.dumps(address)),
    }
