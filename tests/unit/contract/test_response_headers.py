"""The headers of a response: each is judged as the client gets it, in any spelling and however often it is sent."""

from pathlib import Path

import falcon
import falcon.asgi
import pytest

from tests.unit.contract.support import Document, Resource, Respond, Service, document, load, operation, respond, serve

INTEGERS: Document = {"schema": {"type": "array", "items": {"type": "integer"}}}
PAIRS: Document = {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}}


def service(folder: Path, answer: Respond, headers: Document, status: str = "200", **members: object) -> Service:
    responses: Document = {status: {"description": "Done.", "headers": headers, **members}}
    return serve(load(folder, document({"/act": {"get": operation(responses=responses)}})), {"/act": Resource(answer)})


def breaches(tested: Service, method: str = "GET") -> list[tuple[str, str, str]]:
    tested.send(method)
    return [(each.part, each.pointer, each.keyword) for each in tested.breaches]


def setting(*headers: tuple[str, str], cookies: dict[str, str] | None = None) -> Respond:
    async def answer(_req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        for name, value in headers:
            resp.append_header(name, value)
        for name, value in (cookies or {}).items():
            resp.set_cookie(name, value, secure=False)

    return answer


@pytest.mark.parametrize(
    ("header", "value", "findings"),
    [
        (INTEGERS, "1, 2", []),
        (INTEGERS, "1,a", [("/1", "type")]),
        ({"explode": True, **INTEGERS}, "1,2", []),
        ({"schema": PAIRS}, "x,1", []),
        ({"schema": PAIRS}, "x, a", [("/x", "type")]),
        ({"schema": PAIRS}, "x", [("", "style")]),
        ({"explode": True, "schema": PAIRS}, "x=1,y=2", []),
        ({"explode": True, "schema": PAIRS}, "y=2", [("/x", "required")]),
        ({"schema": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}, "1", []),
        ({"schema": {"enum": [1, 2]}}, "2", []),
        ({"content": {"application/json": {"schema": PAIRS}}}, '{"x": 1}', []),
        ({"content": {"application/json": {"schema": PAIRS}}}, '{"x": "a"}', [("/x", "type")]),
        ({"content": {"application/json": {"schema": PAIRS}}}, "{", [("", "format")]),
        ({"content": {"text/plain": {"schema": {"type": "string", "pattern": '^"'}}}}, '"a"', []),
        ({"content": {"text/plain": {"schema": {"type": "string", "pattern": '^"'}}}}, "a", [("", "pattern")]),
        ({"content": {"text/plain": {}}}, "a", []),
    ],
)
def test_a_header_is_read_in_its_style_or_by_its_content(
    tmp_path: Path, header: Document, value: str, findings: list[tuple[str, str]]
) -> None:
    tested = service(tmp_path, setting(("x-value", value)), {"X-VALUE": {"required": True, **header}})

    assert breaches(tested) == [("header X-VALUE", *each) for each in findings]


@pytest.mark.parametrize(("second", "findings"), [("<b>", []), ("a,b", [("/2", "pattern")])])
def test_a_header_that_is_sent_twice_is_one_list(tmp_path: Path, second: str, findings: list[tuple[str, str]]) -> None:
    links = {"Link": {"schema": {"type": "array", "items": {"type": "string", "pattern": "^<|^a$"}}}}

    assert breaches(service(tmp_path, setting(("Link", "<a>"), ("link", second)), links)) == [
        ("header Link", *each) for each in findings
    ]


# Cookies.

SESSION: Document = {"type": "string", "pattern": "^session=[a-z]+; HttpOnly"}
BY_NAME: Document = {
    "type": "object",
    "required": ["session"],
    "properties": {"session": {"type": "string", "pattern": "; HttpOnly"}},
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "cookies", "finding"),
    [
        (SESSION, {"session": "abc"}, None),
        (SESSION, {"session": "ABC"}, ("", "pattern")),
        (SESSION, {"session": "abc", "other": "x"}, ("", "pattern")),  # every cookie is a value
        (SESSION, {}, ("", "required")),
        ({"type": "array", "items": SESSION, "maxItems": 1}, {"session": "abc"}, None),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 1}, {"a": "b", "c": "d"}, ("", "maxItems")),
        (BY_NAME, {"session": "abc"}, None),
        (BY_NAME, {"session": "abc", "other": "x"}, ("/other", "additionalProperties")),
    ],
)
def test_each_cookie_is_judged(
    tmp_path: Path, schema: Document, cookies: dict[str, str], finding: tuple[str, str] | None
) -> None:
    tested = service(tmp_path, setting(cookies=cookies), {"Set-Cookie": {"required": True, "schema": schema}})

    assert breaches(tested) == ([("header Set-Cookie", *finding)] if finding else [])


def test_a_cookie_that_is_added_as_a_header_is_judged_too(tmp_path: Path) -> None:
    headers: Document = {"set-cookie": {"schema": SESSION}}

    assert breaches(service(tmp_path, setting(("Set-Cookie", "session=a; HttpOnly")), headers)) == []
    assert breaches(service(tmp_path, setting(("Set-Cookie", "a=b, c=d")), headers)) == [
        ("header set-cookie", "", "pattern")
    ]


def test_cookies_can_be_described_as_text(tmp_path: Path) -> None:
    text = {"content": {"text/plain": {"schema": {"type": "string", "pattern": "^a=b; HttpOnly.*\\nc=d;"}}}}

    assert breaches(service(tmp_path, setting(cookies={"a": "b", "c": "d"}), {"Set-Cookie": text})) == []


# What Falcon or the server adds.

LENGTH: Document = {"Content-Length": {"required": True, "schema": {"type": "integer", "maximum": 8}}}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("media", "findings"), [({"id": 1}, []), ({"id": 12345}, [("", "maximum")])])
def test_the_length_is_that_of_what_leaves(
    tmp_path: Path, method: str, media: object, findings: list[tuple[str, str]]
) -> None:
    tested = service(tmp_path, respond(media=media), LENGTH, content={"application/json": {}})

    assert breaches(tested, method) == [("header Content-Length", *each) for each in findings]


@pytest.mark.parametrize("name", ["Date", "server", "Connection", "Transfer-Encoding"])
def test_what_the_server_adds_is_not_missed(tmp_path: Path, name: str) -> None:
    tested = service(tmp_path, respond(), {name: {"required": True, "schema": {"type": "string"}}})

    assert breaches(tested) == []


@pytest.mark.parametrize("name", ["Content-Type", "content-type"])
def test_a_definition_of_the_media_type_is_ignored(tmp_path: Path, name: str) -> None:
    """OpenAPI 3.1.1, section 4.8.17: it SHALL be."""
    wrong = {name: {"required": True, "schema": {"type": "string", "const": "a/b"}}}

    assert breaches(service(tmp_path, respond(media=1), wrong, content={"application/json": {}})) == []


# Responses that have no content, whatever is documented.

JSON: Document = {"application/json": {"schema": {"type": "object", "required": ["id"]}}}


@pytest.mark.parametrize("status", [204, 205, 304])
@pytest.mark.parametrize("documented", ["own", "range", "default"])
def test_a_status_without_content_passes_where_content_is_documented(
    tmp_path: Path, status: int, documented: str
) -> None:
    key = {"own": str(status), "range": f"{status // 100}XX", "default": "default"}[documented]
    content = JSON | {"application/problem+json": {}}

    assert breaches(service(tmp_path, respond(status=status), {}, key, content=content)) == []
    assert breaches(service(tmp_path, respond(status=status, media={"id": 1}), {}, key, content=content)) == [
        ("body", "", "content")
    ]


def test_the_headers_of_a_response_without_content_are_judged(tmp_path: Path) -> None:
    etag = {"ETag": {"required": True, "schema": {"type": "string"}}}

    assert breaches(service(tmp_path, respond(status=304), etag, "304", content=JSON)) == [
        ("header ETag", "", "required")
    ]
    assert breaches(service(tmp_path, respond(status=304, headers={"etag": '"a"'}), etag, "304", content=JSON)) == []


@pytest.mark.parametrize("content_type", ["application/json", "text/csv", None])
def test_an_answer_to_head_needs_no_body(tmp_path: Path, content_type: str | None) -> None:
    tested = service(tmp_path, respond(content_type=content_type), {}, content=JSON)

    assert breaches(tested, "HEAD") == []
    assert len(breaches(tested, "GET")) == 1
