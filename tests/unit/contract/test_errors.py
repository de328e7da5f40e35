"""One grammar for everything that is refused, and nothing of what the client sent in it."""

import json
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

import falcon
import falcon.asgi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tbg.contract import Contract, InvalidRequestError
from tbg.contract.schemas import MAX_FINDINGS, Finding, describe
from tests.unit.contract.support import Document, Resource, Service, body, document, findings, load, operation, serve

PROBLEM = "application/problem+json"
JSON = "application/json"
SCHEMA: Document = {
    "type": "object",
    "required": ["id", "kind"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 10, "multipleOf": 5},
        "kind": {"enum": ["a", "b", None]},
        "on": {"const": True},
        "name": {"type": ["string", "null"], "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 4},
        "when": {"type": "string", "format": "date-time"},
        "list": {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 1, "maxItems": 2},
        "one": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
        "any": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "no": {"not": {"type": "string"}},
        "never": False,
        "map": {"type": "object", "minProperties": 1, "maxProperties": 2, "propertyNames": {"maxLength": 3}},
        "pair": {"type": "object", "dependentRequired": {"a": ["b"]}},
        "has": {"type": "array", "contains": {"const": 1}},
        "closed": {"type": "object", "unevaluatedProperties": False},
        "patterned": {"type": "object", "patternProperties": {"^x-": {}}, "additionalProperties": False},
        "slash/and~tilde": {"type": "integer"},
        "below": {"exclusiveMaximum": 5, "exclusiveMinimum": 1},
    },
}
GOOD: Document = {"id": 10, "kind": "a"}


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    parameters = [
        {"name": "count", "in": "query", "schema": {"type": "integer", "maximum": 5}},
        {"name": "kind", "in": "query", "schema": {"enum": ["a", "b"]}},
        {"name": "deep", "in": "query", "style": "deepObject", "explode": True, "schema": SCHEMA},
        {"name": "json", "in": "query", "content": {"application/json": {"schema": SCHEMA}}},
        {"name": "X-Level", "in": "header", "schema": {"type": "integer"}},
        {"name": "level", "in": "cookie", "schema": {"type": "integer"}},
    ]
    worker = {"name": "worker_id", "in": "path", "required": True, "schema": {"type": "integer"}}
    return load(
        tmp_path_factory.mktemp("contract"),
        document(
            {
                "/act": {"post": operation(requestBody=body(SCHEMA), parameters=parameters)},
                "/workers/{worker_id}": {"get": operation("get", parameters=[worker])},
            }
        ),
    )


@pytest.fixture
def service(contract: Contract) -> Service:
    return serve(contract)


@pytest.mark.parametrize(
    ("changes", "pointer", "code", "detail"),
    [
        ({"id": "10"}, "/id", "type", "must be of type integer"),
        ({"id": 5}, "/id", "minimum", "must be at least 10"),
        ({"id": 11}, "/id", "multipleOf", "must be a multiple of 5"),
        ({"kind": "c"}, "/kind", "enum", "must be one of a, b, null"),
        ({"on": False}, "/on", "const", "must be true"),
        ({"name": 1}, "/name", "type", "must be of type string, null"),
        ({"name": "ABC"}, "/name", "pattern", "must match the pattern ^[a-z]+$"),
        ({"name": "a"}, "/name", "minLength", "must have at least 2 characters"),
        ({"name": "abcde"}, "/name", "maxLength", "must have at most 4 characters"),
        ({"when": "today"}, "/when", "format", "must be a valid date-time"),
        ({"list": [1]}, "/list/0", "type", "must be of type boolean"),
        ({"list": []}, "/list", "minItems", "must have at least 1 items"),
        ({"list": [True, True]}, "/list", "uniqueItems", "must have no item twice"),
        ({"one": None}, "/one", "oneOf", "must match exactly one of the allowed forms"),
        ({"any": None}, "/any", "anyOf", "must match one of the allowed forms"),
        ({"no": "a"}, "/no", "not", "has a form that is not allowed"),
        ({"never": 1}, "", "false", "is not allowed"),
        ({"map": {}}, "/map", "minProperties", "must have at least 1 properties"),
        ({"map": {"long": 1}}, "/map", "maxLength", "must have at most 3 characters"),
        ({"pair": {"a": 1}}, "/pair", "dependentRequired", "lacks a property that another one asks for"),
        ({"has": [2]}, "/has", "contains", "lacks a required item"),
        ({"closed": {"a": 1}}, "/closed", "unevaluatedProperties", "does not satisfy unevaluatedProperties"),
        ({"patterned": {"x-a": 1, "y": 2}}, "/patterned/y", "additionalProperties", "is not a known property"),
        ({"slash/and~tilde": "a"}, "/slash~1and~0tilde", "type", "must be of type integer"),
        ({"below": 5}, "/below", "exclusiveMaximum", "must be less than 5"),
        ({"below": 1}, "/below", "exclusiveMinimum", "must be greater than 1"),
        ({"extra": 1}, "/extra", "additionalProperties", "is not a known property"),
    ],
)
def test_a_finding_says_where_and_what_the_contract_wants(
    service: Service, changes: Document, pointer: str, code: str, detail: str
) -> None:
    result = service.send("POST", json=GOOD | changes)

    assert result.status_code == 422
    assert result.headers["content-type"] == JSON
    assert result.json == {
        "detail": "The request does not satisfy the contract",
        "errors": [{"in": "body", "pointer": pointer, "code": code, "detail": detail}],
    }


def test_each_missing_property_is_named_once(service: Service) -> None:
    result = service.send("POST", json={})

    assert findings(result) == [("body", "/id", "required"), ("body", "/kind", "required")]


def test_many_missing_properties_do_not_hide_what_else_is_wrong(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "required": [f"p{number}" for number in range(10)],
        "properties": {"size": {"type": "integer"}},
    }

    result = serve(load(tmp_path, document({"/act": {"post": operation(requestBody=body(schema))}}))).send(
        "POST", json={"size": "a"}
    )

    assert len(findings(result)) == 11
    assert ("body", "/size", "type") in findings(result)


def test_a_message_lists_a_bounded_number_of_findings(service: Service) -> None:
    result = service.send("POST", json=GOOD | {f"x{number}": 1 for number in range(1000)})

    assert len(result.json["errors"]) == MAX_FINDINGS


def test_long_names_and_patterns_are_cut(service: Service) -> None:
    result = service.send("POST", json=GOOD | {"x" * 5000: 1})

    assert [len(error["pointer"]) for error in result.json["errors"]] == [65]
    assert len(describe("pattern", "a" * 5000)) < 300


@pytest.mark.parametrize(
    "accept",
    [
        PROBLEM,
        f"{PROBLEM}, */*;q=0.1",
        f"{JSON};q=0.5, {PROBLEM}",
    ],
)
def test_a_client_that_prefers_problem_documents_gets_one(service: Service, accept: str) -> None:
    result = service.send("POST", json={"id": 10}, headers={"Accept": accept})

    assert result.headers["content-type"] == PROBLEM
    assert result.json == {
        "type": "about:blank",
        "title": HTTPStatus(422).phrase.capitalize(),
        "status": 422,
        "detail": "The request does not satisfy the contract",
        "instance": "",
        "errors": [{"in": "body", "pointer": "/kind", "code": "required", "detail": "is required"}],
    }


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "*/*",
        JSON,
        "text/html",
        "application/xml",
        f"{JSON}, {PROBLEM}",
        f"{JSON}, {PROBLEM};q=0.9",
        f"{PROBLEM};q=0",
        f"{PROBLEM};q=nonsense",
        "problem+json",
        "application/problem+json;;;,,,q=",
        "",
    ],
)
def test_every_other_client_gets_plain_json(service: Service, accept: str | None) -> None:
    result = service.send("POST", json={"id": 10}, headers={} if accept is None else {"Accept": accept})

    assert result.status_code == 422
    assert result.headers["content-type"] == JSON
    assert result.json.keys() == {"detail", "errors"}


@settings(database=None, derandomize=True, max_examples=60, deadline=None)
@given(accept=st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=30))
def test_no_accept_header_breaks_an_error(contract: Contract, accept: str) -> None:
    result = serve(contract).send("POST", json={}, headers={"Accept": f"{accept}problem+json{accept}"})

    assert result.status_code == 422


def test_the_request_id_is_the_instance(contract: Contract) -> None:
    class Identify:
        async def process_request(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
            resp.set_header("X-Request-Id", "id-1")

    result = serve(contract, middleware=[Identify()]).send("POST", headers={"Accept": PROBLEM})

    assert result.json["instance"] == "id-1"
    assert result.headers["x-request-id"] == "id-1"


def test_an_unknown_path_is_not_found(service: Service) -> None:
    result = service.send(path="/other")

    assert (result.status_code, result.json) == (404, {"detail": "Not found"})


def test_a_path_below_a_known_one_is_not_found(service: Service) -> None:
    assert service.send(path="/foo/act").status_code == 404


def test_another_method_is_not_allowed(service: Service) -> None:
    result = service.send("GET", "/act")

    assert (result.status_code, result.json) == (405, {"detail": "Method not allowed"})
    assert result.headers["allow"] == "OPTIONS, POST"


def test_head_is_allowed_where_get_is(service: Service) -> None:
    refused = service.send("POST", "/workers/7")
    answered = service.send("HEAD", "/workers/7")

    assert refused.status_code == 405
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert (answered.status_code, answered.content) == (200, b"")


def test_head_is_validated_as_get(service: Service) -> None:
    assert service.send("HEAD", "/workers/x").status_code == 422


def test_options_is_falcons_own_and_not_validated(service: Service) -> None:
    result = service.send("OPTIONS", "/workers/x", params={"count": "x"})

    assert result.status_code == 200
    assert result.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW", "PROPFIND"])
def test_an_odd_method_is_refused_in_the_same_grammar(service: Service, method: str) -> None:
    result = service.send(method, "/act")

    assert result.status_code in {400, 405}
    assert result.json.keys() == {"detail"}


def test_what_a_responder_set_for_its_success_does_not_stay_on_an_error(contract: Contract) -> None:
    async def fail(_req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.set_header("Location", "/secret")
        resp.set_header("Access-Control-Allow-Origin", "*")
        resp.etag = "secret"
        resp.set_cookie("secret", "secret")
        resp.media = {"secret": 1}
        raise falcon.HTTPConflict(description="Taken", headers={"X-Own": "1"})

    result = serve(contract, {"/act": Resource(methods=["post"]), "/workers/{worker_id}": Resource(fail)}).send(
        path="/workers/7"
    )

    assert (result.status_code, result.json) == (409, {"detail": "Taken"})
    added = {"cache-control", "vary", "x-content-type-options"}
    assert result.headers.keys() - added == {"content-type", "content-length", "access-control-allow-origin", "x-own"}
    assert result.cookies == {}


def test_a_status_without_a_name_has_a_detail_all_the_same(contract: Contract) -> None:
    async def fail(_req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        raise falcon.HTTPError("477 Odd")

    result = serve(contract, {"/act": Resource(methods=["post"]), "/workers/{worker_id}": Resource(fail)}).send(
        path="/workers/7"
    )

    assert (result.status_code, result.json) == (477, {"detail": "Error 477"})


MARKER = "zqMARKERqz"
LEAVES = st.sampled_from([MARKER, f"{MARKER}\x00\u2028", [MARKER], {"a": MARKER}, {"one": {"b": [MARKER]}}])
BODIES = st.dictionaries(st.sampled_from([*SCHEMA["properties"], "unknown"]), LEAVES, max_size=4)


@settings(
    database=None,
    derandomize=True,
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    media=st.one_of(BODIES.map(json.dumps), LEAVES.map(json.dumps), st.just(MARKER), st.just("{" + MARKER)),
    query=st.dictionaries(
        st.sampled_from(["count", "kind", "deep", "deep[id]", "deep[kind]", "deep[name]", "json", "unknown"]),
        st.sampled_from([MARKER, f'{{"id": "{MARKER}"}}', f'["{MARKER}', f"%ff{MARKER}"]),
    ),
    headers=st.dictionaries(
        st.sampled_from(["X-Level", "Cookie", "Accept", "Content-Type", "Range", "If-None-Match"]),
        st.sampled_from([MARKER, f"level={MARKER}", f"application/json; charset={MARKER}"]),
    ),
    target=st.sampled_from(
        [("POST", "/act"), ("GET", f"/act/{MARKER}"), ("GET", f"/workers/{MARKER}"), ("PUT", "/act")]
    ),
)
def test_nothing_that_was_sent_comes_back_in_an_error(
    contract: Contract, media: str, query: dict[str, str], headers: dict[str, str], target: tuple[str, str]
) -> None:
    result: Any = serve(contract).send(*target, body=media, params=query, headers={"Content-Type": JSON} | headers)

    if result.status_code >= 400:
        assert MARKER not in result.text
        assert MARKER not in str(result.headers)


# An error repeats a bounded part of the client's own keys.

LARGEST = 32 * 1024


def keys(count: int, length: int) -> list[str]:
    return [f"{number:0{length}}" for number in range(count)]


def nested(depth: int, key: str) -> str:
    return f'{{"{key}":' * depth + "1" + "}" * depth


WRONG_BODIES = [
    json.dumps(GOOD | {"x" * 1_000_000: 1}),
    json.dumps(GOOD | {"\u202e" * 100_000: 1}),
    json.dumps(GOOD | dict.fromkeys(keys(10_000, 10), 1)),
    json.dumps(GOOD | dict.fromkeys(keys(100, 9_000), 1)),
    json.dumps(GOOD | {"~/\x01" * 100_000: 1}),
    json.dumps(GOOD | {"map": dict.fromkeys(keys(1000, 500), 1)}),
    json.dumps(GOOD | {"list": ["x"] * 100_000}),
]


@pytest.mark.parametrize("accept", [JSON, PROBLEM])
@pytest.mark.parametrize("wrong", WRONG_BODIES, ids=range(len(WRONG_BODIES)))
def test_an_error_is_small_whatever_the_keys(service: Service, wrong: str, accept: str) -> None:
    result = service.send("POST", body=wrong, headers={"Content-Type": JSON, "Accept": accept})

    assert result.status_code == 422
    assert len(result.content) <= LARGEST
    assert 0 < len(result.json["errors"]) <= 50
    assert all(len(error["pointer"]) <= 200 for error in result.json["errors"])


@pytest.mark.parametrize(("depth", "key"), [(100, "k" * 9_000), (60, "\u202e" * 9), (2, "k" * 400_000), (60, "~" * 9)])
def test_an_error_deep_inside_is_small(tmp_path: Path, depth: int, key: str) -> None:
    schemas = {"Deep": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Deep"}}}
    post = operation(requestBody=body({"$ref": "#/components/schemas/Deep"}))
    responses = {"responses": document({})["components"]["responses"]}
    contract = load(tmp_path, document({"/act": {"post": post}}, components=responses | {"schemas": schemas}))

    result = serve(contract).send("POST", body=nested(depth, key), headers={"Content-Type": JSON})

    (error,) = result.json["errors"]
    assert (error["code"], len(error["pointer"])) == ("type", 200)
    assert error["pointer"][-1] == "…"
    assert len(result.content) <= LARGEST


def test_one_long_key_above_many_findings_takes_no_time(tmp_path: Path) -> None:
    """The pointer of each would have as many characters as the body."""
    schema = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
    tested = serve(load(tmp_path, document({"/act": {"post": operation(requestBody=body(schema))}})))
    sent = json.dumps({"x" * 900_000: [1] * 20_000})

    began = time.process_time()
    result = tested.send("POST", body=sent, headers={"Content-Type": JSON})

    assert time.process_time() - began < 1
    assert len(result.json["errors"]) == 1


@pytest.mark.parametrize("count", [1, 900])
def test_an_error_about_a_form_is_small(tmp_path: Path, count: int) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
    form = "application/x-www-form-urlencoded"
    tested = serve(load(tmp_path, document({"/act": {"post": operation(requestBody=body(schema, form))}})))
    sent = "&".join(f"{key}=1" for key in keys(count, 900_000 // count))

    result = tested.send("POST", body=sent, headers={"Content-Type": form})

    assert result.status_code == 422
    assert len(result.content) <= LARGEST


@pytest.mark.parametrize("count", [1, 900])
def test_an_error_about_an_object_in_the_query_is_small(tmp_path: Path, count: int) -> None:
    schema = {"type": "object", "additionalProperties": False, "properties": {"a": {"type": "string"}}}
    where = {"name": "where", "in": "query", "style": "deepObject", "explode": True, "schema": schema}
    tested = serve(load(tmp_path, document({"/act": {"get": operation(parameters=[where])}})))
    pairs = [f"where[{key}]=1" for key in keys(count, 60_000 // count)]

    for query in ("&".join(pairs), f"{pairs[0]}&{pairs[0]}"):
        result = tested.send(query_string=query)
        assert result.status_code == 422
        assert all(error["pointer"].startswith("/where") for error in result.json["errors"])
        assert len(result.content) <= LARGEST


def test_many_parameters_that_are_wrong_make_a_small_error(tmp_path: Path) -> None:
    wrong = {"type": "array", "items": {"type": "integer"}}
    listed = [{"name": f"{'n' * 150}{number}", "in": "query", "schema": wrong} for number in range(100)]
    tested = serve(load(tmp_path, document({"/act": {"get": operation(parameters=listed)}})))

    result = tested.send(query_string="&".join(f"{each['name']}=x" for each in listed))

    assert len(result.json["errors"]) == 50
    assert len(result.content) <= LARGEST


def test_findings_of_many_bytes_are_fewer() -> None:
    findings = [("body", Finding("\x01" * 200 + str(number), "c", "d" * 5000)) for number in range(50)]

    errors = InvalidRequestError(findings).errors

    assert 5 < len(errors) < 50
    assert len(json.dumps(errors)) < LARGEST


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\x01" * 1_000_000, "€" * 1_000_000, "\ud800"])
def test_a_long_message_is_cut(tmp_path: Path, text: str) -> None:
    """A domain error's message may be made of what the client sent."""

    async def fail(_req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        raise falcon.HTTPConflict(description=text)

    tested = serve(load(tmp_path, document({"/act": {"get": operation()}})), {"/act": Resource(fail)})

    result = tested.send()

    assert (result.status_code, len(result.json["detail"])) == (409, min(len(text), 1000))
    assert len(result.content) <= LARGEST
