"""Parameters: every location and style, typed, and cast by the grammar of JSON and nothing looser."""

from pathlib import Path
from typing import Any

import attrs
import falcon.asgi
import pytest

from tbg.contract import DocumentError, InvalidRequestError
from tests.unit.contract.support import Document, Resource, Service, document, findings, load, operation, serve

ARRAY = {"type": "array", "items": {"type": "integer"}}
STRICT: Document = {"x-strict-query": True}
POINT = {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}}}
CLOSED = POINT | {"additionalProperties": False}
DEEP: Document = {"style": "deepObject", "explode": True}


def parameter(schema: Document, location: str = "query", name: str = "p", **members: object) -> Document:
    return (
        {"name": name, "in": location, "schema": schema} | ({"required": True} if location == "path" else {}) | members
    )


def service(folder: Path, *parameters: Document, path: str = "/act") -> Service:
    return serve(load(folder, document({path: {"get": operation(parameters=list(parameters))}})))


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, "7", 7),
        ({"type": "integer"}, "-7", -7),
        ({"type": "integer"}, "0", 0),
        ({"type": "number"}, "1.5e3", 1500.0),
        ({"type": "number"}, "-0.25", -0.25),
        ({"type": "number"}, "3", 3),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "false", False),
        ({"type": "string"}, "7", "7"),
        ({"type": "string"}, "", ""),
        ({"type": ["integer", "null"]}, "7", 7),
        ({"type": ["null", "boolean"]}, "true", True),
        ({"type": ["integer", "string"]}, "seven", "seven"),
        ({"type": ["string", "integer"]}, "7", 7),
        ({"type": ["number", "boolean"]}, "true", True),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "7", 7),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "7", 7),
        ({"oneOf": [{"type": "integer", "maximum": 5}, {"type": "boolean"}]}, "false", False),
        ({"allOf": [{"type": "integer"}, {"maximum": 9}]}, "7", 7),
        ({}, "7", "7"),
        ({"type": "integer"}, "1" * 30, int("1" * 30)),
    ],
)
def test_text_becomes_the_value_that_the_schema_names(
    tmp_path: Path, schema: Document, text: str, value: object
) -> None:
    result = service(tmp_path, parameter(schema)).send(params={"p": text})

    assert result.json["values"] == {"p": value}


@pytest.mark.parametrize("location", ["query", "header", "cookie", "path"])
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *[("integer", text) for text in ("1_000", "+5", "5.0", "1e3", "0x10", "007", "7a", "-", "\u0663", "9" * 500)],
        *[("number", text) for text in ("nan", "NaN", "inf", "Infinity", "-inf", "1_0.5", ".5", "5.", "1e999", "+1")],
        *[("boolean", text) for text in ("yes", "on", "1", "0", "y", "True", "FALSE", "t")],
    ],
)
def test_text_that_json_would_not_write_is_refused(tmp_path: Path, location: str, kind: str, text: str) -> None:
    path = "/act/{p}" if location == "path" else "/act"
    tested = service(tmp_path, parameter({"type": kind}, location), path=path)

    result = _send(tested, location, text)

    assert findings(result) == [(location, "/p", "type")]


@pytest.mark.parametrize("text", [" 7", "7 ", "\t7"])
def test_blanks_around_a_number_are_refused(tmp_path: Path, text: str) -> None:
    result = service(tmp_path, parameter({"type": "integer"})).send(params={"p": text})

    assert findings(result) == [("query", "/p", "type")]


@pytest.mark.parametrize(
    ("schema", "members", "query", "value"),
    [
        (ARRAY, {}, "p=1&p=2", [1, 2]),
        (ARRAY, {}, "p=1", [1]),
        (ARRAY, {"explode": False}, "p=1,2", [1, 2]),
        (ARRAY, {"style": "pipeDelimited", "explode": False}, "p=1|2", [1, 2]),
        (ARRAY, {"style": "pipeDelimited", "explode": False}, "p=1%7C2", [1, 2]),
        ({"type": ["array", "null"], "items": {"type": "integer"}}, {}, "p=1&p=2", [1, 2]),
        (CLOSED, DEEP, "p[x]=1&p[y]=2", {"x": 1, "y": 2}),
        (CLOSED, DEEP, "p%5Bx%5D=1", {"x": 1}),
        (CLOSED, {"style": "deepObject"}, "p[x]=1", {"x": 1}),
        (POINT, {}, "y=2&x=1&z=3", {"x": 1, "y": 2}),
        (POINT, {"explode": False}, "p=x,1,y,2", {"x": 1, "y": 2}),
        (POINT, {"style": "pipeDelimited"}, "p=x|1|y|2", {"x": 1, "y": 2}),
        (ARRAY, {"style": "spaceDelimited"}, "p=1+2%203", [1, 2, 3]),
        (ARRAY, {"explode": False, "allowReserved": True}, "p=1,2", [1, 2]),
        ({"type": "array", "items": {"type": "boolean"}}, {}, "p=true&p=false", [True, False]),
    ],
)
def test_arrays_and_objects_are_read_from_the_query(
    tmp_path: Path, schema: Document, members: Document, query: str, value: object
) -> None:
    result = service(tmp_path, parameter(schema, **members)).send(query_string=query)

    assert result.json["values"] == {"p": value}


@pytest.mark.parametrize(
    ("schema", "members", "query", "pointer"),
    [
        (ARRAY, {}, "p=1&p=x", "/p/1"),
        (ARRAY, {"explode": False}, "p=1,,2", "/p/1"),
        (ARRAY, {"explode": False}, "p=1%2C2", "/p/0"),
        (POINT, {"explode": False}, "p=x,1,y", "/p"),
        (POINT, {"explode": False}, "p=x,1,x,2", "/p/x"),
        (POINT, {}, "x=1&x=2", "/p/x"),
        (POINT, {}, "x=a", "/p/x"),
        ({"type": "array", "items": POINT}, {}, 'p={"x":1}&p={"x":1', "/p/1"),
        ({"type": "array", "items": POINT}, {}, 'p={"x":"1"}', "/p/0/x"),
        ({"type": "array", "items": POINT}, {}, "p=7", "/p/0"),
        (ARRAY, {"explode": False}, "p=1,2&p=3", "/p"),
        (ARRAY, {"style": "pipeDelimited", "explode": False}, "p=1|2&p=3", "/p"),
        ({"type": "integer"}, {}, "p=1&p=2", "/p"),
        ({"type": "string"}, {}, "p=a&p=a", "/p"),
        (ARRAY | {"maxItems": 2}, {}, "p=1&p=2&p=3", "/p"),
        (ARRAY | {"items": {"type": "integer", "maximum": 5}}, {}, "p=1&p=9", "/p/1"),
        (CLOSED, DEEP, "p[x]=1&p[z]=2", "/p/z"),
        (CLOSED, DEEP, "p[x]=one", "/p/x"),
        (CLOSED, DEEP, "p[x]=1&p[x]=2", "/p/x"),
        (CLOSED, DEEP, "p[x][y]=1", "/p"),
        (CLOSED, DEEP, "p[]=1", "/p"),
        (CLOSED, DEEP, "p[x=1", "/p"),
        (CLOSED, DEEP, "p[x]y=1", "/p"),
        (CLOSED, DEEP, "p[x]=1&p=2", "/p"),
    ],
)
def test_what_is_not_written_as_the_style_says_is_refused(
    tmp_path: Path, schema: Document, members: Document, query: str, pointer: str
) -> None:
    result = service(tmp_path, parameter(schema, **members)).send(query_string=query)

    assert [finding[:2] for finding in findings(result)] == [("query", pointer)]


def test_a_deep_object_is_not_disturbed_by_parameters_with_like_names(tmp_path: Path) -> None:
    deep = parameter(CLOSED, **DEEP)

    result = service(tmp_path, deep, parameter({"type": "string"}, name="pp")).send(query_string="xp[x]=a&pp=b&p[x]=1")

    assert result.json["values"] == {"p": {"x": 1}, "pp": "b"}


@pytest.mark.parametrize(
    ("schema", "members", "text", "value"),
    [
        ({"type": "string"}, {}, "Mon, 02 Jan 2006", "Mon, 02 Jan 2006"),
        ({"type": "string"}, {}, "a , b", "a , b"),
        (ARRAY, {}, "1, 2 ,3", [1, 2, 3]),
        (ARRAY, {}, "1", [1]),
        (POINT, {}, "x,1,y,2", {"x": 1, "y": 2}),
        (POINT, {"explode": True}, "x=1, y=2", {"x": 1, "y": 2}),
    ],
)
def test_headers_are_read_in_simple_style(
    tmp_path: Path, schema: Document, members: Document, text: str, value: object
) -> None:
    result = service(tmp_path, parameter(schema, "header", "X-P", **members)).send(headers={"X-P": text})

    assert result.json["values"] == {"x_p": value}


@pytest.mark.parametrize("text", ["x", "x=1, y", "x=1, x=2", ""])
def test_a_member_without_a_value_is_none(tmp_path: Path, text: str) -> None:
    result = service(tmp_path, parameter(POINT, "header", "X-P", explode=True)).send(headers={"X-P": text})

    assert [finding[2] for finding in findings(result)] in (["style"], ["repeated"])


def test_json_in_a_header_is_left_as_it_is(tmp_path: Path) -> None:
    header = {"name": "X-P", "in": "header", "content": {"application/json": {"schema": {"type": "object"}}}}

    result = service(tmp_path, header).send(headers={"X-P": '{"a": "x , y"}'})

    assert result.json["values"] == {"x_p": {"a": "x , y"}}


def test_header_names_match_in_any_case(tmp_path: Path) -> None:
    result = service(tmp_path, parameter({"type": "integer"}, "header", "X-Trace-Level")).send(
        headers={"x-TRACE-level": "3"}
    )

    assert result.json["values"] == {"x_trace_level": 3}


@pytest.mark.parametrize(
    ("schema", "members", "cookie", "value"),
    [
        ({"type": "integer"}, {}, "p=7; q=8", 7),
        (ARRAY, {"explode": False}, "p=1,2", [1, 2]),
        (ARRAY, {}, "p=1; p=2", [1, 2]),
    ],
)
def test_cookies_are_read_in_form_style(
    tmp_path: Path, schema: Document, members: Document, cookie: str, value: object
) -> None:
    result = service(tmp_path, parameter(schema, "cookie", **members)).send(headers={"Cookie": cookie})

    assert result.json["values"] == {"p": value}


def test_a_cookie_that_stands_twice_is_refused(tmp_path: Path) -> None:
    result = service(tmp_path, parameter({"type": "integer"}, "cookie")).send(headers={"Cookie": "p=1; p=2"})

    assert findings(result) == [("cookie", "/p", "repeated")]


@pytest.mark.parametrize(
    ("schema", "members", "text", "value"),
    [
        (ARRAY, {}, "1,2", [1, 2]),
        (POINT, {}, "x,1,y,2", {"x": 1, "y": 2}),
        (POINT, {"explode": True}, "x=1,y=2", {"x": 1, "y": 2}),
        ({"type": "string"}, {}, "a%20b", "a b"),
    ],
)
def test_path_segments_are_read_in_simple_style(
    tmp_path: Path, schema: Document, members: Document, text: str, value: object
) -> None:
    tested = service(tmp_path, parameter(schema, "path", **members), path="/act/{p}")

    assert tested.send(path=f"/act/{text}").json["values"] == {"p": value}


def test_path_parameters_reach_the_responder_typed_and_by_their_own_names(tmp_path: Path) -> None:
    contract = load(
        tmp_path,
        document(
            {"/act/{workerId}": {"get": operation(parameters=[parameter({"type": "integer"}, "path", "workerId")])}}
        ),
    )
    resource = Resource()

    result = serve(contract, {"/act/{workerId}": resource}).send(path="/act/7")

    assert result.json["values"] == {"worker_id": 7}
    assert resource.params == [{"workerId": 7}]


def test_a_default_stands_in_for_what_was_not_sent(tmp_path: Path) -> None:
    result = service(tmp_path, parameter({"type": "integer", "default": 20}), parameter({}, name="q")).send()

    assert result.json["values"] == {"p": 20}


def test_a_default_beside_a_reference_stands_in_too(tmp_path: Path) -> None:
    sized = {"$ref": "#/components/schemas/Size", "default": 20}
    contract = load(
        tmp_path,
        document(
            {"/act": {"get": operation(parameters=[parameter(sized)])}},
            components={
                "schemas": {"Size": {"type": "integer"}},
                "responses": document({})["components"]["responses"],
            },
        ),
    )

    assert serve(contract).send().json["values"] == {"p": 20}


def test_a_required_parameter_that_is_missing_is_named(tmp_path: Path) -> None:
    tested = service(
        tmp_path,
        parameter({"type": "integer"}, required=True),
        parameter({"type": "integer"}, "header", "X-P", required=True),
        parameter({"type": "integer"}, "cookie", "c", required=True),
        parameter(CLOSED, name="d", required=True, **DEEP),
    )

    assert findings(tested.send()) == [
        ("query", "/p", "required"),
        ("header", "/X-P", "required"),
        ("cookie", "/c", "required"),
        ("query", "/d", "required"),
    ]


@pytest.mark.parametrize("query", ["p=%ff", "p=%ed%a0%80", "&".join(f"p{number}=" for number in range(2000))])
def test_a_query_that_is_no_utf_8_or_endless_is_malformed(tmp_path: Path, query: str) -> None:
    result = service(tmp_path, parameter({"type": "string"})).send(query_string=query)

    assert (result.status_code, result.json) == (400, {"detail": "The query string is malformed"})


def test_parameters_that_the_contract_does_not_know_are_ignored(tmp_path: Path) -> None:
    assert service(tmp_path, parameter({"type": "string"})).send(query_string="q=1&q=2").json["values"] == {}


def test_an_own_parameter_wins_over_the_paths(tmp_path: Path) -> None:
    item = {
        "parameters": [parameter({"type": "integer"}), parameter({"type": "integer"}, name="shared")],
        "get": operation(parameters=[parameter({"type": "string"})]),
    }

    result = serve(load(tmp_path, document({"/act": item}))).send(query_string="p=7&shared=8")

    assert result.json["values"] == {"p": "7", "shared": 8}


@pytest.mark.parametrize(
    ("text", "value"), [('{"a": [1, null]}', {"a": [1, None]}), ("[]", []), ("7", 7), ('"\u00e9"', "\u00e9")]
)
def test_a_parameter_can_be_json(tmp_path: Path, text: str, value: object) -> None:
    json_parameter = {"name": "p", "in": "query", "content": {"application/json": {"schema": {}}}}

    assert service(tmp_path, json_parameter).send(params={"p": text}).json["values"] == {"p": value}


@pytest.mark.parametrize(
    ("text", "code"), [("{", "format"), ("NaN", "format"), ("[" * 100_000, "format"), ("", "format"), ('"7"', "type")]
)
def test_a_parameter_that_is_not_the_wanted_json_is_refused(tmp_path: Path, text: str, code: str) -> None:
    json_parameter = {"name": "p", "in": "query", "content": {"application/json": {"schema": {"type": "integer"}}}}

    assert findings(service(tmp_path, json_parameter).send(params={"p": text})) == [("query", "/p", code)]


def test_an_object_may_be_put_together_from_others(tmp_path: Path) -> None:
    named = {"type": "object", "properties": {"name": {"type": "string"}}}
    tested = service(tmp_path, parameter(POINT | {"allOf": [named]}, **DEEP))

    result = tested.send(query_string="p[x]=1&p[name]=a")

    assert result.json["values"] == {"p": {"x": 1, "name": "a"}}


@pytest.mark.parametrize(
    ("location", "schema", "members", "reason"),
    [
        ("query", ARRAY, {"style": "spaceDelimited", "explode": True}, "is not defined for values of type 'array'"),
        ("query", ARRAY, {"style": "pipeDelimited", "explode": True}, "is not defined for values of type 'array'"),
        ("query", {"type": "integer"}, {"style": "pipeDelimited"}, "is not defined for values of type 'primitive'"),
        ("query", POINT, {"style": "deepObject", "explode": False}, "is not defined for values of type 'object'"),
        ("query", ARRAY, {"style": "deepObject"}, "is not defined for values of type 'array'"),
        ("query", {"type": ["array", "object"]}, DEEP, "is not defined for values of type 'array'"),
        ("header", {"type": "object", "additionalProperties": ARRAY}, {}, "inside another one"),
        ("header", {"type": "array", "items": POINT}, {}, "inside another one"),
    ],
)
def test_what_openapi_does_not_define_stops_the_boot(
    tmp_path: Path, location: str, schema: Document, members: Document, reason: str
) -> None:
    with pytest.raises(DocumentError, match=reason):
        service(tmp_path, parameter(schema, location, **members))


@pytest.mark.parametrize("name", ["Accept", "content-type", "AUTHORIZATION"])
def test_a_header_that_openapi_ignores_stops_the_boot(tmp_path: Path, name: str) -> None:
    with pytest.raises(DocumentError, match=f"'{name}': OpenAPI ignores this header"):
        service(tmp_path, parameter({"type": "string"}, "header", name))


@pytest.mark.parametrize("media_types", [["application/xml"], ["application/json", "text/plain"], ["*/*"]])
def test_another_content_than_json_or_text_stops_the_boot(tmp_path: Path, media_types: list[str]) -> None:
    with pytest.raises(DocumentError):
        service(tmp_path, {"name": "p", "in": "query", "content": {name: {"schema": {}} for name in media_types}})


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("page_size", "page_size"),
        ("pageSize", "page_size"),
        ("workerID", "worker_id"),
        ("X-Trace-Level", "x_trace_level"),
        ("a.b", "a_b"),
        ("from", "from_"),
        ("class", "class_"),
    ],
)
def test_names_are_written_as_python_does(tmp_path: Path, name: str, field: str) -> None:
    assert service(tmp_path, parameter({}, name=name)).send(params={name: "a"}).json["values"] == {field: "a"}


@attrs.frozen
class _Wanted:
    p: int
    q: str = "none"


def test_a_responder_gets_its_parameters_as_its_own_class(tmp_path: Path) -> None:
    async def respond(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.media = attrs.asdict(req.context.call.parameters(_Wanted))

    contract = load(tmp_path, document({"/act": {"get": operation(parameters=[parameter({"type": "integer"})])}}))

    assert serve(contract, {"/act": Resource(respond)}).send(params={"p": "7"}).json == {"p": 7, "q": "none"}


def _send(tested: Service, location: str, text: str) -> Any:  # noqa: ANN401 - Falcon's result
    encoded = text.encode().decode("latin-1")
    match location:
        case "query":
            return tested.send(params={"p": text})
        case "header":
            return tested.send(headers={"p": encoded})
        case "cookie":
            return tested.send(headers={"Cookie": f"p={encoded}"})
        case _:
            return tested.send(path=f"/act/{text}")


def test_invalid_request_errors_are_falcons() -> None:
    assert InvalidRequestError([]).status == "422 Unprocessable Entity"


# Schemas that allow more than one kind of value, or say in other ways than by one "type" what the text is.
STRINGS: Document = {"type": "array", "items": {"type": "string"}}
ONE_OR_MORE: Document = {"oneOf": [{"type": "string"}, STRINGS]}
KINDS: Document = {
    "oneOf": [
        {"type": "object", "required": ["k"], "properties": {"k": {"const": "a"}, "v": {"type": "integer"}}},
        {"type": "object", "required": ["k"], "properties": {"k": {"const": "b"}, "v": {"type": "string"}}},
    ]
}


@pytest.mark.parametrize(
    ("schema", "members", "query", "value"),
    [
        ({"anyOf": [ARRAY, {"type": "null"}]}, {}, "p=1&p=2", [1, 2]),
        ({"anyOf": [ARRAY, {"type": "null"}]}, {}, "p=1", [1]),
        ({"anyOf": [{"type": "null"}, STRINGS]}, {"explode": False}, "p=a,b", ["a", "b"]),
        (ONE_OR_MORE, {}, "p=a", "a"),
        (ONE_OR_MORE, {}, "p=a&p=b", ["a", "b"]),
        (ONE_OR_MORE, {"explode": False}, "p=a,b", ["a", "b"]),
        (ONE_OR_MORE, {"explode": False}, "p=a%2Cb", "a,b"),
        ({"type": ["integer", "array"], "items": {"type": "integer"}}, {}, "p=1", 1),
        ({"type": ["integer", "array"], "items": {"type": "integer"}}, {}, "p=1&p=2", [1, 2]),
        ({"anyOf": [{"type": "integer"}, POINT]}, DEEP, "p[x]=1", {"x": 1}),
        ({"anyOf": [{"type": "integer"}, POINT]}, DEEP, "p=1", 1),
        ({"anyOf": [{"type": "integer"}, POINT]}, {}, "y=1", {"y": 1}),
        ({"oneOf": [{"type": "string", "maxLength": 1}, STRINGS]}, {"explode": False}, "p=ab", ["ab"]),
        ({"oneOf": [ARRAY, {"type": "string"}]}, {"explode": False}, "p=a,b", "a,b"),
        ({"allOf": [ARRAY, {"maxItems": 2}]}, {}, "p=1&p=2", [1, 2]),
        ({"allOf": [{"type": "number"}, {"type": "integer"}]}, {}, "p=7", 7),
        ({"type": "object", "additionalProperties": ARRAY}, {}, "a=1&a=2&b=3", {"a": [1, 2], "b": [3]}),
        ({"enum": [1, 2]}, {}, "p=2", 2),
        ({"const": True}, {}, "p=true", True),
        ({"enum": ["1", 2.5]}, {}, "p=1", "1"),
        ({"enum": ["1", 2.5]}, {}, "p=2.5", 2.5),
        ({"anyOf": [{"type": "integer", "maximum": 5}, {"type": "string"}]}, {}, "p=7", "7"),
        ({"type": ["integer", "string"]}, {}, "p=7", 7),
        ({"minimum": 5}, {}, "p=7", "7"),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, {}, "p=1&p=2", [1, "2"]),
        ({"type": "array", "prefixItems": [{}], "items": {"type": "boolean"}}, {}, "p=1&p=true", ["1", True]),
        ({"prefixItems": [{"type": "integer"}]}, {}, "p=1", [1]),
        ({"anyOf": [ARRAY, STRINGS]}, {}, "p=1&p=a", ["1", "a"]),
        ({"anyOf": [STRINGS, ARRAY]}, {}, "p=1&p=2", ["1", "2"]),
        (KINDS, DEEP, "p[k]=a&p[v]=7", {"k": "a", "v": 7}),
        (KINDS, DEEP, "p[k]=b&p[v]=7", {"k": "b", "v": "7"}),
        (KINDS, {}, "k=b&v=7", {"k": "b", "v": "7"}),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, DEEP, "p[a]=1&p[b]=2", {"a": 1, "b": 2}),
        ({"patternProperties": {"^n": {"type": "number"}}}, DEEP, "p[n]=1.5&p[s]=1", {"n": 1.5, "s": "1"}),
        ({"type": "object", "properties": {"t": ARRAY}}, {}, "t=1&t=2", {"t": [1, 2]}),
        ({"if": {"required": ["x"]}, "then": POINT, "type": "object"}, DEEP, "p[x]=1&p[y]=2", {"x": 1, "y": 2}),
        ({"type": "array", "items": POINT}, {}, 'p={"x":1}&p={"y":2}', [{"x": 1}, {"y": 2}]),
        ({"type": "array", "items": ARRAY}, {"explode": False}, "p=[1%2C2],[3]", [[1, 2], [3]]),
        ({"type": "object", "properties": {"o": POINT}}, {}, 'o={"x":1}', {"o": {"x": 1}}),
        ({"type": "object", "properties": {"o": POINT}}, {"style": "pipeDelimited"}, 'p=o|{"x":1}', {"o": {"x": 1}}),
        ({"type": "object", "properties": {"o": POINT}}, DEEP, 'p[o]={"x":1}', {"o": {"x": 1}}),
        ({"type": "object", "properties": {"t": ARRAY}}, DEEP, "p[t][]=1&p[t][]=2", {"t": [1, 2]}),
        ({"type": "object", "properties": {"t": ARRAY}}, DEEP, "p[t][1]=2&p[t][0]=1", {"t": [1, 2]}),
        ({"type": "object", "properties": {"t": ARRAY}}, DEEP, "p[t]=1&p[t]=2", {"t": [1, 2]}),
        ({"type": "object", "properties": {"t": ARRAY}}, DEEP, "p[t]=1", {"t": [1]}),
        ({"type": "object", "properties": {"t": {"type": ["array", "string"]}}}, DEEP, "p[t]=1", {"t": "1"}),
        ({"type": "object", "properties": {"o": POINT}}, DEEP, "p[o][x]=1&p[o][y]=2", {"o": {"x": 1, "y": 2}}),
        (
            {"type": "object", "properties": {"l": {"type": "array", "items": POINT}}},
            DEEP,
            "p[l][0][x]=1&p[l][1][x]=2",
            {"l": [{"x": 1}, {"x": 2}]},
        ),
    ],
)  # fmt: skip
def test_text_is_read_as_what_the_schema_allows(
    tmp_path: Path, schema: Document, members: Document, query: str, value: object
) -> None:
    result = service(tmp_path, parameter(schema, **members)).send(query_string=query)

    assert result.json["values"] == {"p": value}, result.json


@pytest.mark.parametrize(
    ("schema", "query", "pointer"),
    [
        ({"type": "object", "properties": {"t": ARRAY}}, "p[t][0]=1&p[t][2]=2", "/p/t"),
        ({"type": "object", "properties": {"t": ARRAY}}, "p[t][]=1&p[t]=2", "/p"),
        ({"type": "object", "properties": {"t": ARRAY}}, "p[t][x]=1", "/p/t"),
        ({"type": "object", "properties": {"o": POINT}}, "p[o]=1", "/p/o"),
        ({"type": "object", "properties": {"o": POINT}}, "p[o]=1&p[o][x]=1", "/p"),
        ({"type": "object", "properties": {"o": POINT}}, "p[o][x]=1&p[o][x]=2", "/p/o/x"),
        ({"type": "object", "properties": {"o": POINT}}, "p[o][x=1", "/p"),
        ({"type": "object", "properties": {"o": POINT}}, f"p{'[o]' * 40}=1", "/p"),
    ],
)
def test_nested_deep_objects_that_are_nothing(tmp_path: Path, schema: Document, query: str, pointer: str) -> None:
    result = service(tmp_path, parameter(schema, **DEEP)).send(query_string=query)

    assert [finding[:2] for finding in findings(result)] == [("query", pointer)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1%2C2,3", ["1,2", "3"]),
        ("a+b", ["a+b"]),
        ("%E2%82%AC", ["€"]),
        ("1%252C2", ["1%2C2"]),
    ],
)
def test_an_encoded_delimiter_in_a_path_is_data(tmp_path: Path, text: str, value: object) -> None:
    tested = service(tmp_path, parameter(STRINGS, "path"), path="/act/{p}")

    assert tested.send(path=f"/act/{text}").json["values"] == {"p": value}


@pytest.mark.parametrize(
    ("style", "explode", "schema", "segment", "value"),
    [
        ("label", False, STRINGS, ".a%2Cb,c", ["a,b", "c"]),
        ("label", True, POINT, ".x=1.y=2", {"x": 1, "y": 2}),
        ("matrix", False, {"type": "integer"}, ";p=7", 7),
        ("matrix", True, STRINGS, ";p=a;p=b%3Bc", ["a", "b;c"]),
        ("matrix", True, POINT, ";x=1;y=2", {"x": 1, "y": 2}),
    ],
)
def test_paths_have_styles_of_their_own(  # noqa: PLR0913, PLR0917 - a table
    tmp_path: Path, style: str, explode: bool, schema: Document, segment: str, value: object
) -> None:
    tested = service(tmp_path, parameter(schema, "path", style=style, explode=explode), path="/act/{p}")

    assert tested.send(path=f"/act/{segment}").json["values"] == {"p": value}
    assert findings(tested.send(path="/act/7")) == [("path", "/p", "style")]


def test_a_label_can_follow_other_text(tmp_path: Path) -> None:
    tested = service(tmp_path, parameter({"type": "string"}, "path", "format", style="label"), path="/report{format}")

    assert tested.send(path="/report.json").json["values"] == {"format": "json"}


@pytest.mark.parametrize(
    ("schema", "members", "cookie", "value"),
    [
        (POINT, {}, "x=1; y=2; z=3", {"x": 1, "y": 2}),
        (POINT, {}, "x=1&y=2", {"x": 1, "y": 2}),
        (POINT, {"explode": False}, "p=x,1,y,2", {"x": 1, "y": 2}),
        (STRINGS, {}, "p=a&p=b", ["a", "b"]),
        (STRINGS, {"explode": False}, "p=a%2Cb,c", ["a,b", "c"]),
        ({"type": "string"}, {}, 'p="a b"', "a b"),
        ({"type": "string"}, {}, r'p="a\054b\"c"', 'a,b"c'),
        ({"type": "string"}, {}, "p=a=b&c", "a=b&c"),
        ({"type": "string"}, {}, "p=a%20b+c", "a b+c"),
        ({"type": "string"}, {}, "p=", ""),
        ({"type": "string"}, {}, "q; p = a ;", "a"),
    ],
)
def test_cookies_are_read_as_rfc_6265_has_them(
    tmp_path: Path, schema: Document, members: Document, cookie: str, value: object
) -> None:
    result = service(tmp_path, parameter(schema, "cookie", **members)).send(headers={"Cookie": cookie})

    assert result.json["values"] == {"p": value}


def test_a_quoted_cookie_takes_linear_time(tmp_path: Path) -> None:
    """http.cookies of Python 3.12.1 takes quadratic time (CVE-2024-7592): a minute for this one."""
    result = service(tmp_path, parameter({"type": "string"}, "cookie")).send(
        headers={"Cookie": f'p="{"\\" * 200_000}"'}
    )

    assert result.json["values"] == {"p": "\\" * 100_000}


def test_a_cookie_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    result = _send(service(tmp_path, parameter(STRINGS, "cookie")), "cookie", "%ff")

    assert findings(result) == [("cookie", "/p", "style")]


def test_a_header_is_not_percent_encoded(tmp_path: Path) -> None:
    result = service(tmp_path, parameter(STRINGS, "header", "X-P")).send(headers={"X-P": "a%2Cb, c+d"})

    assert result.json["values"] == {"x_p": ["a%2Cb", "c+d"]}


@pytest.mark.parametrize(
    ("schema", "members", "query", "values"),
    [
        ({"type": "integer"}, {}, "p=", {}),
        ({"type": "integer"}, {}, "p", {}),
        ({"type": "integer", "default": 3}, {}, "p=", {"p": 3}),
        ({"type": "integer"}, {}, "p=7", {"p": 7}),
        ({"type": "string"}, {}, "p=", {}),
        (ARRAY, {}, "p=", {}),
        (POINT, DEEP, "p=", {}),
    ],
)
def test_an_empty_value_that_is_allowed_is_as_good_as_none(
    tmp_path: Path, schema: Document, members: Document, query: str, values: Document
) -> None:
    """OpenAPI 3.1.1, section 4.8.12.2.1: the server should interpret it as the parameter being unused."""
    tested = service(tmp_path, parameter(schema, allowEmptyValue=True, **members))

    assert tested.send(query_string=query).json["values"] == values


@pytest.mark.parametrize(
    ("schema", "members"),
    [({"type": "integer"}, {}), (ARRAY, {}), ({"type": "integer"}, {"required": True, "allowEmptyValue": True})],
)
def test_an_empty_value_is_an_empty_text(tmp_path: Path, schema: Document, members: Document) -> None:
    result = service(tmp_path, parameter(schema, **members)).send(query_string="p=")

    assert [finding[2] for finding in findings(result)] == ["type"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"$ref": "#/components/schemas/Size"}, 5),
        ({"allOf": [{"$ref": "#/components/schemas/Size"}]}, 5),
        ({"allOf": [{"$ref": "#/components/schemas/Size"}], "default": 6}, 6),
        (ARRAY | {"default": [1, 2]}, [1, 2]),
        (CLOSED | {"default": {"x": 1}}, {"x": 1}),
        ({"type": ["integer", "null"], "default": None}, None),
    ],
)
def test_a_default_may_stand_wherever_it_holds(tmp_path: Path, schema: Document, value: object) -> None:
    components = document({})["components"] | {"schemas": {"Size": {"type": "integer", "default": 5}}}
    tested = serve(
        load(tmp_path, document({"/act": {"get": operation(parameters=[parameter(schema)])}}, components=components))
    )

    assert tested.send().json["values"] == {"p": value}


def test_a_default_is_nobodys_to_change(tmp_path: Path) -> None:
    async def respond(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        req.context.call.values["p"].append(3)
        resp.media = req.context.call.values["p"]

    contract = load(tmp_path, document({"/act": {"get": operation(parameters=[parameter(ARRAY | {"default": [1]})])}}))
    tested = serve(contract, {"/act": Resource(respond)})

    assert [tested.send().json, tested.send().json] == [[1, 3], [1, 3]]


@pytest.mark.parametrize(
    ("location", "media_type", "text", "value"),
    [
        ("query", "application/json; charset=utf-8", '{"a":"x+y"}', {"a": "x y"}),
        ("query", "application/vnd.act+json", "[1]", [1]),
        ("query", "text/plain", "a%2Cb", "a,b"),
        ("header", "text/plain", "a%2Cb", "a%2Cb"),
        ("cookie", "text/plain", "a%2Cb", "a%2Cb"),
        ("cookie", "application/json", "%7B%22a%22:1%7D", {"a": 1}),
        ("cookie", "application/json", "[1,2]", [1, 2]),
        ("path", "application/json", "%7B%22a%22:1%7D", {"a": 1}),
    ],
)
def test_content_is_json_or_text(tmp_path: Path, location: str, media_type: str, text: str, value: object) -> None:
    path = "/act/{p}" if location == "path" else "/act"
    content = {"name": "p", "in": location, "required": True, "content": {media_type: {}}}
    tested = service(tmp_path, content, path=path)

    result = tested.send(query_string=f"p={text}") if location == "query" else _send(tested, location, text)

    assert result.json["values"] == {"p": value}


def test_an_exploded_object_takes_what_no_other_parameter_does(tmp_path: Path) -> None:
    anything = parameter({"type": "object", "additionalProperties": {"type": "integer"}}, name="rest")
    tested = service(tmp_path, anything, parameter({"type": "string"}), parameter(CLOSED, name="d", **DEEP))

    result = tested.send(query_string="a=1&p=x&d[x]=2&b=3")

    assert result.json["values"] == {"rest": {"a": 1, "b": 3}, "p": "x", "d": {"x": 2}}


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ([parameter({"type": "integer"}, name="x")], "'p' and 'x' both take 'x' of the query"),
        ([parameter(POINT, name="q")], "'p' and 'q' both take 'x' of the query"),
        ([parameter({"type": "object"}, name="q"), parameter({"type": "object"}, name="r")], "both take whatever else"),
        ([parameter({"type": "string"}, name="d[x]"), parameter(CLOSED, name="d", **DEEP)], r"both take 'd\[x\]'"),
    ],
)
def test_a_field_of_two_parameters_stops_the_boot(tmp_path: Path, others: list[Document], reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        service(tmp_path, parameter(POINT), *others)


@pytest.mark.parametrize(
    ("of_document", "of_operation", "is_strict"),
    [
        ({}, {}, False),
        ({"x-strict-query": True}, {}, True),
        ({}, {"x-strict-query": True}, True),
        ({"x-strict-query": True}, {"x-strict-query": False}, False),
    ],
)
def test_an_unknown_query_parameter_is_refused_if_the_contract_says_so(
    tmp_path: Path, of_document: Document, of_operation: Document, is_strict: bool
) -> None:
    known = [parameter({"type": "string"}), parameter(CLOSED, name="d", **DEEP), parameter(POINT, name="o")]
    paths = {"/act": {"get": operation(parameters=known, **of_operation)}}
    tested = serve(load(tmp_path, document(paths, **of_document)))

    assert tested.send(query_string="p=a&d[x]=1&y=2").status_code == 200
    if is_strict:
        result = tested.send(query_string="p=a&q/1=1&d=2")
        assert findings(result) == [("query", "/q~11", "unknown"), ("query", "/d", "unknown")]
        assert "q" not in result.json["errors"][0]["detail"].split()
    else:
        assert tested.send(query_string="p=a&q=1&d=2").status_code == 200


def test_an_operation_without_parameters_can_be_strict(tmp_path: Path) -> None:
    tested = serve(load(tmp_path, document({"/act": {"get": operation(**STRICT)}})))

    assert tested.send().status_code == 200
    assert findings(tested.send(query_string="a")) == [("query", "/a", "unknown")]
    assert tested.send(query_string="%ff").status_code == 400


def test_a_key_in_the_query_is_known(tmp_path: Path) -> None:
    schemes = {"Key": {"type": "apiKey", "in": "query", "name": "api_key"}}
    components = document({})["components"] | {"securitySchemes": schemes}
    paths = {"/act": {"get": operation(**STRICT)}}
    tested = serve(load(tmp_path, document(paths, components=components)))

    assert tested.send(query_string="api_key=1").status_code == 200


def test_an_object_that_takes_everything_leaves_nothing_unknown(tmp_path: Path) -> None:
    anything = parameter({"type": "object", "additionalProperties": True})
    paths = {"/act": {"get": operation(parameters=[anything], **STRICT)}}

    assert serve(load(tmp_path, document(paths))).send(query_string="a=1").json["values"] == {"p": {"a": "1"}}


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_strictness_is_true_or_false(tmp_path: Path, value: object) -> None:
    members: Document = {"x-strict-query": value}

    with pytest.raises(DocumentError, match="x-strict-query must be true or false"):
        load(tmp_path, document({"/act": {"get": operation(**members)}}))


def test_strictness_of_the_document_is_true_or_false_and_that_is_said_once(tmp_path: Path) -> None:
    paths = {f"/{name}": {"get": operation(name)} for name in ("a", "b")}
    members: Document = {"x-strict-query": "yes"}

    with pytest.raises(DocumentError) as refused:
        load(tmp_path, document(paths, **members))

    assert str(refused.value).count("must be true or false") == 1


@pytest.mark.parametrize(
    ("name", "argument", "field"),
    [
        ("req", "req_", "req"),
        ("resp", "resp_", "resp"),
        ("self", "self_", "self"),
        ("class", "class_", "class_"),
        ("a-b", "a_b", "a_b"),
        ("1x", "_1x", "_1x"),
        ("filter[x]", "filter_x_", "filter_x_"),
        ("x:int", "x_int", "x_int"),
        ("é", "é", "é"),
        ("workerId", "workerId", "worker_id"),
    ],
)
def test_a_path_parameter_may_have_any_name(tmp_path: Path, name: str, argument: str, field: str) -> None:
    path, resource = f"/act/{{{name}}}", Resource()
    parameters = [parameter({"type": "integer"}, "path", name)]
    tested = serve(load(tmp_path, document({path: {"get": operation(parameters=parameters)}})), {path: resource})

    assert tested.send(path="/act/7").json["values"] == {field: 7}
    assert resource.params == [{argument: 7}]
    assert tested.send("OPTIONS", path="/act/7").status_code == 200
    assert tested.send("DELETE", path="/act/7").status_code == 405


def test_names_that_are_alike_in_python_get_names_of_their_own(tmp_path: Path) -> None:
    tested = service(
        tmp_path,
        parameter({"type": "integer"}, "cookie", "a_b"),
        parameter({"type": "integer"}, "query", "a-b"),
        parameter({"type": "integer"}, "query", "a.b"),
        parameter({"type": "integer"}, "query", "a_b_query"),
        parameter({"type": "integer"}, "path", "a_b"),
        parameter({"type": "integer"}, "path", "a-b"),
        path="/act/{a_b}/{a-b}",
    )

    result = tested.send(path="/act/1/2", query_string="a-b=3&a.b=4&a_b_query=5", headers={"Cookie": "a_b=6"})

    assert result.json["values"] == {
        "a_b": 1,
        "a_b_path": 2,
        "a_b_query_2": 3,
        "a_b_query_3": 4,
        "a_b_query": 5,
        "a_b_cookie": 6,
    }
