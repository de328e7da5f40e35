"""Where openapi-core judges responses wrongly: each test fails once upstream is right, and then ours can go."""

from pathlib import Path

import pytest
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from tests.unit.contract.support import Document, Resource, document, load, operation, respond, serve

OBJECT: Document = {"schema": {"type": "object"}}
JSON: Document = {"application/json": OBJECT}


def theirs_and_ours(  # noqa: PLR0913 - what a response is made of
    folder: Path,
    response: Document,
    data: bytes,
    *,
    method: str = "GET",
    status: int = 200,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> tuple[bool, bool]:
    """Return whether openapi-core and this engine let a response pass."""
    described = operation(responses={str(status): {"description": "Done.", **response}})
    content = document({"/act": {method.lower(): described}}, servers=[{"url": "http://test"}])
    sent = MockResponse(data, status_code=status, content_type=content_type, headers=headers or {})
    try:
        OpenAPI.from_dict(content).validate_response(MockRequest("http://test", method.lower(), "/act"), sent)
        theirs = True
    except OpenAPIError:
        theirs = False
    answer = respond(status=status, data=data, content_type=content_type, headers={})

    async def answer_with_headers(req: object, resp: object) -> None:
        await answer(req, resp)  # type: ignore[arg-type]
        for name, value in (headers or {}).items():
            resp.append_header(name, value)  # type: ignore[attr-defined]

    tested = serve(load(folder, content), {"/act": Resource(answer_with_headers, [method.lower()])})
    tested.send(method)
    return theirs, not tested.breaches


def test_openapi_core_wants_a_body_where_http_has_none(tmp_path: Path) -> None:
    """RFC 9110, sections 9.3.2 and 15.4.5."""
    assert theirs_and_ours(tmp_path, {"content": JSON}, b"", status=304) == (False, True)
    assert theirs_and_ours(tmp_path, {"content": JSON}, b"", method="HEAD") == (False, True)


@pytest.mark.parametrize("content_type", ['application/json;Version="1"', "application/json; charset=utf-8; version=1"])
def test_openapi_core_compares_media_types_as_texts(tmp_path: Path, content_type: str) -> None:
    """RFC 9110, section 8.3.1: names have no case, values may be quoted, their order means nothing."""
    content = {"application/json; version=1": OBJECT}

    assert theirs_and_ours(tmp_path, {"content": content}, b"{}", content_type=content_type) == (False, True)


@pytest.mark.parametrize(
    ("media_type", "data"), [("application/jsonl", b"{}\n{}\n"), ("text/event-stream", b"data: {}\n\n")]
)
def test_openapi_core_takes_a_sequence_for_one_value(tmp_path: Path, media_type: str, data: bytes) -> None:
    """OpenAPI 3.2, "Sequential Media Types", says what 3.1 left open."""
    content = {media_type: OBJECT}

    assert theirs_and_ours(tmp_path, {"content": content}, data, content_type=media_type) == (False, True)


def test_openapi_core_splits_a_cookie_at_its_comma(tmp_path: Path) -> None:
    """RFC 9110, section 5.3."""
    one = {"Set-Cookie": {"schema": {"type": "array", "items": {"type": "string"}, "maxItems": 1}}}
    cookie = {"Set-Cookie": "a=b; Expires=Wed, 09 Jun 2027 10:18:14 GMT"}

    assert theirs_and_ours(tmp_path, {"headers": one, "content": JSON}, b"{}", headers=cookie) == (False, True)
