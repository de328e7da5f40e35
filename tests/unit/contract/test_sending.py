"""What cannot be sent is our own 500, whatever contract and mode say; it is reported without the value."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import falcon
import falcon.asgi
import pytest

from tbg.contract import Breach, Mode
from tests.unit.contract.support import Document, Resource, Respond, Service, document, load, operation, respond, serve

SECRET = "s3cret"
INTERNAL = {"detail": "Internal server error"}
_CONTENT: Document = {"application/json": {}, "application/problem+json": {}, "*/*": {}}
ANYTHING: Document = {f"{digit}XX": {"description": "Anything.", "content": _CONTENT} for digit in range(2, 6)}


def service(folder: Path, answer: Respond, mode: Mode = "enforce") -> Service:
    contract = load(folder, document({"/act": {"get": operation(responses=ANYTHING)}}))
    return serve(contract, {"/act": Resource(answer)}, mode=mode)


def append(name: str, value: str) -> Respond:
    async def answer(_req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.media = 1
        resp.append_header(name, value)

    return answer


def cookie(**attributes: Any) -> Respond:  # noqa: ANN401 - Falcon's
    async def answer(_req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.media = 1
        resp.set_cookie("a", "b", **attributes)

    return answer


def header(name: str, value: str) -> Respond:
    return respond(media=1, headers={name: value})


def fail(error: Exception) -> Respond:
    async def answer(_req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        raise error

    return answer


WRONG_VALUES = ["€", "\r\nX-Injected: 1", "a\nb", "a\rb", "\x00", "\x1b[31m", "\x7f", "\x85", "\u202e", "\ud800"]
WRONG_NAMES = ["X Y", "X:Y", "X\r\nY", "Ü", "X€", "", "X\x00", "(x)", "x" * 300]


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("value", WRONG_VALUES)
@pytest.mark.parametrize("name", ["X-Made-Up", "Location", "Content-Type", "Vary", "X-Request-Id"])
def test_a_header_with_a_wrong_value_is_a_500(tmp_path: Path, name: str, value: str, mode: Mode) -> None:
    tested = service(tmp_path, header(name, SECRET + value), mode)

    result = tested.send()

    assert (result.status_code, result.json) == (500, INTERNAL)
    assert SECRET not in str(result.headers)
    assert tested.breaches == [Breach("act", 200, f"header {name.lower()}", "", "characters")]


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_header_with_a_wrong_name_is_a_500(tmp_path: Path, name: str, mode: Mode) -> None:
    tested = service(tmp_path, header(name, SECRET), mode)

    result = tested.send()

    assert (result.status_code, result.json) == (500, INTERNAL)
    (breach,) = tested.breaches
    assert (breach.operation_id, breach.keyword) == ("act", "name")
    assert breach.part.isascii()
    assert breach.part.isprintable()
    assert len(breach.part) < 300


@pytest.mark.parametrize(
    "answer",
    [
        *(append("Set-Cookie", f"a={value}") for value in WRONG_VALUES),
        append("Set-Cookie", "a=ü"),
        cookie(path="/\r\nX-Injected: 1"),
        cookie(domain="ü"),
        cookie(same_site="Lax", path="\x1b"),
    ],
)
def test_a_wrong_cookie_is_a_500(tmp_path: Path, answer: Respond) -> None:
    tested = service(tmp_path, answer)

    result = tested.send()

    assert (result.status_code, result.json) == (500, INTERNAL)
    assert tested.breaches == [Breach("act", 200, "header Set-Cookie", "", "characters")]


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("status", [0, 99, 100, 101, 199, 600, 1000, -1, "abc", "", "99", "1000", b"\xff", None, []])
def test_what_is_no_status_is_a_500(tmp_path: Path, status: Any, mode: Mode) -> None:  # noqa: ANN401 - anything
    tested = service(tmp_path, respond(status=status, media=1), mode)

    result = tested.send()

    assert (result.status_code, result.json) == (500, INTERNAL)
    assert tested.breaches == [Breach("act", 0, "status", "", "range")]


@pytest.mark.parametrize("status", [200, 299, 399, 418, 599, "200", "201 Made", falcon.HTTP_404])
def test_every_other_status_can_be_sent(tmp_path: Path, status: str | int) -> None:
    tested = service(tmp_path, respond(status=status, media={"detail": "x", "status": 1}))

    assert tested.send().status_code == int(str(status)[:3])
    assert tested.breaches == []


@pytest.mark.parametrize("name", ["Transfer-Encoding", "transfer-encoding"])
def test_the_servers_framing_is_not_a_responders(tmp_path: Path, name: str) -> None:
    assert service(tmp_path, header(name, "chunked")).send().status_code == 500


@pytest.mark.parametrize("value", ["abc", "-1", "1, 1", "1 ", "٣", "1" * 30])
def test_a_length_is_a_number(tmp_path: Path, value: str) -> None:
    tested = service(tmp_path, header("Content-Length", value))

    assert tested.send().status_code == 500
    assert tested.breaches == [Breach("act", 200, "header content-length", "", "format")]


async def generator() -> AsyncIterator[bytes]:
    yield b""


@pytest.mark.parametrize(
    "attributes", [{"stream": [b"a"]}, {"stream": generator}, {"sse": [b"a"]}, {"sse": generator}, {"stream": 5}]
)
def test_what_is_no_stream_is_a_500(tmp_path: Path, attributes: dict[str, Any]) -> None:
    tested = service(tmp_path, respond(**attributes))

    assert tested.send().status_code == 500
    assert tested.breaches == [Breach("act", 200, "body", "", "type")]


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize(
    "attributes",
    [
        {"data": "text"},
        {"text": 5},
        {"text": "\ud800"},
        {"media": object()},
        {"media": 1, "content_type": "image/png"},
        {"media": 1, "content_type": "nonsense"},
        {"data": [b"a"]},
    ],
)
def test_a_body_that_cannot_be_written_is_a_500(tmp_path: Path, attributes: dict[str, Any], mode: Mode) -> None:
    result = service(tmp_path, respond(**attributes), mode).send()

    assert (result.status_code, result.json) == (500, INTERNAL)
    assert result.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "error",
    [
        falcon.HTTPError(404, headers={"X-A": "\r\n"}),
        falcon.HTTPError(404, headers=[("X A", "1")]),
        falcon.HTTPError(101),
        falcon.HTTPError(700, headers={"Location": "€"}),
        falcon.HTTPStatus(101),
        falcon.HTTPStatus(200, headers={"X-A": "\x00"}),
    ],
)
def test_an_exception_can_be_wrong_too(tmp_path: Path, error: Exception) -> None:
    tested = service(tmp_path, fail(error))

    result = tested.send()

    assert (result.status_code, result.json) == (500, INTERNAL)
    assert len(tested.breaches) == 1


@pytest.mark.parametrize("path", ["/nowhere", "/act"])
def test_it_holds_for_what_no_operation_serves(tmp_path: Path, path: str) -> None:
    class Headers:
        async def process_response(
            self, _req: object, resp: falcon.asgi.Response, _resource: object, _ok: object
        ) -> None:
            resp.set_header("X-Added", "\r\n")

    contract = load(tmp_path, document({"/act": {"get": operation(responses=ANYTHING)}}))
    tested = serve(contract, middleware=[Headers()])

    result = tested.send("OPTIONS", path)

    assert (result.status_code, result.json) == (500, INTERNAL)
    assert tested.breaches[0].operation_id == ""
    assert tested.breaches[0].part == "header x-added"


@pytest.mark.parametrize("value", ["é", "\xff", "", " a ", "a" * 10_000])
def test_what_http_allows_is_sent(tmp_path: Path, value: str) -> None:
    tested = service(tmp_path, header("X-Made-Up", value))

    assert tested.send().status_code == 200
    assert tested.breaches == []


def test_made_up_names_fill_no_memory(tmp_path: Path) -> None:
    async def answer(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.media = 1
        resp.set_header(f"X-{req.query_string}", "1")

    tested = service(tmp_path, answer)
    for number in range(300):
        assert tested.send(query_string=str(number)).status_code == 200

    middleware: Any = tested.app._unprepared_middleware[0]
    assert len(middleware._sending._known) == 256
    assert tested.send(query_string="a:b").status_code == 500
