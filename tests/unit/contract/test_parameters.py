"""Parameters: every location and style, typed, and cast by the grammar of JSON and nothing looser."""

from pathlib import Path
from typing import Any

import attrs
import falcon.asgi
import pytest

from tbg.contract import DocumentError, InvalidRequestError
from tests.unit.contract.support import Document, Resource, Service, document, findings, load, operation, serve

ARRAY = {"type": "array", "items": {"type": "integer"}}
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
    ("location", "schema", "members"),
    [
        ("query", ARRAY, {"style": "spaceDelimited", "explode": False}),
        ("query", POINT, {"style": "form"}),
        ("query", POINT, {}),
        ("query", POINT, {"style": "pipeDelimited", "explode": False}),
        ("query", ARRAY, {"style": "pipeDelimited", "explode": True}),
        ("query", POINT, {"style": "deepObject", "explode": False}),
        ("query", ARRAY, {"style": "deepObject"}),
        ("path", {"type": "integer"}, {"style": "matrix"}),
        ("path", {"type": "integer"}, {"style": "label"}),
        ("cookie", POINT, {}),
        ("cookie", POINT, {"explode": False}),
    ],
)
def test_a_style_that_would_not_be_read_right_stops_the_boot(
    tmp_path: Path, location: str, schema: Document, members: Document
) -> None:
    path = "/act/{p}" if location == "path" else "/act"

    with pytest.raises(DocumentError, match="is not supported"):
        service(tmp_path, parameter(schema, location, **members), path=path)


def test_json_is_the_only_media_type_of_a_parameter(tmp_path: Path) -> None:
    xml = {"name": "p", "in": "query", "content": {"application/xml": {"schema": {}}}}

    with pytest.raises(DocumentError, match="application/json only"):
        service(tmp_path, xml)


def test_two_parameters_with_one_name_in_python_stop_the_boot(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="'x_p' in Python"):
        service(tmp_path, parameter({}, "header", "X-P"), parameter({}, "query", "x_p"))


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
