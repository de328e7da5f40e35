"""Each trap of openapi-core's ready-made Falcon middleware, beside what this engine does in its place.

When a newer openapi-core closes one of these, its half of the test fails: the reason for not using it has grown weaker.
"""

import asyncio
from pathlib import Path
from typing import Any

import attrs
import falcon
import falcon.asgi
import falcon.media
import msgspec
import pytest
from falcon.testing import Result, TestClient
from openapi_core.contrib.falcon.middlewares import FalconASGIOpenAPIMiddleware

from tbg.contract import Contract
from tests.unit.contract.support import (
    Document,
    Resource,
    Respond,
    Service,
    body,
    document,
    exchange,
    findings,
    load,
    operation,
    respond,
    serve,
)
from tests.unit.contract.test_bodies import MULTIPART, multipart
from tests.unit.contract.test_responses import Endless, first_events

SECRET = "hunter2-marker"
ORIGIN = {"Origin": "https://example.com"}
RESPONSES: Document = {
    "200": {
        "description": "Done.",
        "content": {"application/json": {"schema": {"type": "object", "properties": {"id": {"type": "integer"}}}}},
    }
}


@attrs.frozen
class Pair:
    """The same contract and the same resources, once behind the stock middleware and once behind this engine."""

    stock: TestClient
    ours: Service

    def send(self, method: str = "GET", path: str = "/act", **options: Any) -> tuple[Result, Result]:  # noqa: ANN401 - Falcon's
        return self.stock.simulate_request(method, path, **options), self.ours.send(method, path, **options)


def pair(folder: Path, act: Document, answer: Respond | None = None, method: str = "get") -> Pair:
    contract = load(folder, document({"/act": {method: act}}))
    resources = {"/act": Resource(answer or respond(media={}), [method])}
    cors: Any = falcon.CORSMiddleware(allow_origins="*")
    return Pair(TestClient(stock_app(contract, resources, cors)), serve(contract, resources, middleware=[cors]))


def stock_app(
    contract: Contract, resources: dict[str, Any], *first: falcon.CORSMiddleware[Any, Any]
) -> falcon.asgi.App[Any, Any]:
    stock = FalconASGIOpenAPIMiddleware.from_spec(contract.document.spec)
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App(middleware=[*first, stock])
    handler = falcon.media.JSONHandler(dumps=msgspec.json.encode, loads=msgspec.json.decode)
    app.resp_options.media_handlers[falcon.MEDIA_JSON] = handler
    for path, resource in resources.items():
        app.add_route(path, resource)
    return app


def parameter(schema: Document, name: str = "p") -> Document:
    return {"name": name, "in": "query", "schema": schema}


def test_an_invalid_response_is_not_the_clients_fault_and_is_not_shown(tmp_path: Path) -> None:
    stock, ours = pair(tmp_path, operation(responses=RESPONSES), respond(media={"id": SECRET})).send()

    assert stock.status_code == 400
    assert SECRET in stock.text
    assert "class" in stock.text
    assert (ours.status_code, ours.json) == (500, {"detail": "Internal server error"})


def test_a_real_error_is_not_overwritten(tmp_path: Path) -> None:
    act = operation(parameters=[parameter({"type": "integer"})])
    act["responses"] = RESPONSES | {"5XX": act["responses"]["5XX"], "422": act["responses"]["4XX"]}
    contract = load(tmp_path, document({"/act": {"get": act | {"parameters": []}}}))

    async def teapot(_req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        raise falcon.HTTPConflict(title="The real reason")

    resources = {"/act": Resource(teapot)}
    stock = TestClient(stock_app(contract, resources)).simulate_get("/act")
    tested = serve(contract, resources, mode="report")

    assert stock.status_code == 400
    assert "Unknown response http status: 409" in stock.text
    assert tested.send().status_code == 409
    assert [breach.part for breach in tested.breaches] == ["status"]


def test_an_error_keeps_its_status_with_a_contract_of_problem_documents(tmp_path: Path) -> None:
    act = operation(parameters=[parameter({"type": "integer"})])
    problem = {"description": "No.", "content": {"application/problem+json": {}, "application/json": {}}}
    act["responses"] |= {"4XX": problem}
    stock_act = operation(parameters=[parameter({"type": "integer"})])
    stock_act["responses"] |= {"4XX": {"description": "No.", "content": {"application/problem+json": {}}}}
    stock_contract = load(tmp_path, document({"/act": {"get": stock_act}}))

    stock = TestClient(stock_app(stock_contract, {"/act": Resource()})).simulate_get("/act", params={"p": "x"})
    ours = serve(load(tmp_path, document({"/act": {"get": act}}))).send(params={"p": "x"})

    assert stock.status_code == 415
    assert ours.status_code == 422


def test_options_and_preflight_pass(tmp_path: Path) -> None:
    preflight = ORIGIN | {"Access-Control-Request-Method": "GET"}
    both = pair(tmp_path, operation())

    stock, ours = both.send("OPTIONS", headers=preflight)

    assert stock.status_code == 405
    assert ours.status_code == 200
    assert ours.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert [result.status_code for result in both.send("OPTIONS")] == [405, 200]


def test_an_error_carries_cors_headers(tmp_path: Path) -> None:
    _, ours = pair(tmp_path, operation(parameters=[parameter({"type": "integer"})])).send(
        params={"p": "x"}, headers=ORIGIN
    )

    assert (ours.status_code, ours.headers["access-control-allow-origin"]) == (422, "*")


def test_a_path_that_only_ends_like_a_known_one_is_not_found(tmp_path: Path) -> None:
    stock, ours = pair(tmp_path, operation()).send(path="/foo/act")

    assert (stock.status_code, ours.status_code) == (400, 404)


def test_head_works_with_get(tmp_path: Path) -> None:
    stock, ours = pair(tmp_path, operation()).send("HEAD")

    assert (stock.status_code, ours.status_code) == (405, 200)


def test_a_required_body_is_required(tmp_path: Path) -> None:
    stock, ours = pair(tmp_path, operation(requestBody=body({"type": "object"})), method="post").send(
        "POST", headers={"Content-Type": "application/json"}
    )

    assert stock.status_code == 200
    assert findings(ours) == [("body", "", "required")]


def test_multipart_is_read(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"count": {"type": "integer"}}}
    both = pair(tmp_path, operation(requestBody=body(schema, "multipart/form-data")), method="post")

    stock, ours = both.send("POST", body=multipart(("count", b"7")), headers={"Content-Type": MULTIPART})

    assert stock.status_code >= 400
    assert ours.status_code == 200


def test_a_stream_is_not_drained_before_it_starts(tmp_path: Path) -> None:
    responses = {"200": {"description": "A stream.", "content": {"text/csv": {}}}}
    contract = load(tmp_path, document({"/act": {"get": operation(responses=responses)}}))
    drained, lazy = Endless(), Endless()

    async def finite() -> Any:  # noqa: ANN401 - an async generator
        for _ in range(1000):
            drained.asked += 1
            yield b"line\n"

    stock = stock_app(contract, {"/act": Resource(respond(content_type="text/csv", stream=finite()))})
    asked_at_start: list[int] = []

    async def first() -> None:
        async def send(_event: object) -> None:
            asked_at_start.append(drained.asked)

        async def receive() -> dict[str, object]:
            return {"type": "http.request"}

        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": "/act"}
        await stock(scope | {"query_string": b"", "headers": [], "server": ("a", 1), "scheme": "http"}, receive, send)

    asyncio.run(first())
    start, *_ = first_events(serve(contract, {"/act": Resource(respond(content_type="text/csv", stream=lazy.lines()))}))

    assert asked_at_start[0] == 1000
    assert (start["status"], lazy.asked) == (200, 2)


@pytest.mark.parametrize("data", [b"NaN", b"[" * 100_000])
def test_json_that_is_none_is_malformed_and_no_500(tmp_path: Path, data: bytes) -> None:
    stock, ours = pair(tmp_path, operation(requestBody=body({})), method="post").send(
        "POST", body=data, headers={"Content-Type": "application/json"}
    )

    assert stock.status_code != 400
    assert ours.status_code == 400


def test_a_type_may_be_a_list(tmp_path: Path) -> None:
    stock, ours = pair(tmp_path, operation(parameters=[parameter({"type": ["integer", "null"]})])).send(
        params={"p": "7"}
    )

    assert stock.status_code >= 400
    assert ours.status_code == 200


def test_a_media_type_may_end_with_a_semicolon(tmp_path: Path) -> None:
    stock, ours = pair(tmp_path, operation(requestBody=body({})), method="post").send(
        "POST", body=b"{}", headers={"Content-Type": "application/json;"}
    )

    assert stock.status_code >= 400
    assert ours.status_code == 200


def test_what_is_said_of_a_body_that_is_no_utf_8_repeats_nothing_of_it(tmp_path: Path) -> None:
    stock, ours = pair(tmp_path, operation(requestBody=body({})), method="post").send(
        "POST", body=b'"\xff"', headers={"Content-Type": "application/json"}
    )

    assert "byte 0xff" in stock.text
    assert (ours.status_code, ours.json) == (400, {"detail": "The body is not valid UTF-8"})


@pytest.mark.parametrize(
    ("kind", "text"),
    [("integer", "1_000"), ("integer", " 7 "), ("integer", "\u0663"), ("integer", "+5"), ("boolean", "on")],
)
def test_casting_is_strict(tmp_path: Path, kind: str, text: str) -> None:
    stock, ours = pair(tmp_path, operation(parameters=[parameter({"type": kind})])).send(params={"p": text})

    assert (stock.status_code, ours.status_code) == (200, 422)


def test_nan_is_no_number_below_a_maximum(tmp_path: Path) -> None:
    stock, ours = pair(tmp_path, operation(parameters=[parameter({"type": "number", "maximum": 5})])).send(
        params={"p": "nan"}
    )

    assert (stock.status_code, ours.status_code) == (200, 422)


def test_a_scalar_stands_once(tmp_path: Path) -> None:
    stock, ours = pair(tmp_path, operation(parameters=[parameter({"type": "integer"})])).send(query_string="p=1&p=2")

    assert (stock.status_code, ours.status_code) == (200, 422)


def test_a_refused_value_is_not_repeated(tmp_path: Path) -> None:
    stock, ours = pair(tmp_path, operation(parameters=[parameter({"enum": ["a"]})])).send(params={"p": SECRET})

    assert stock.status_code == 400
    assert ours.status_code == 422
    assert SECRET not in ours.text


def test_a_body_in_chunks_has_a_limit(tmp_path: Path) -> None:
    both = pair(tmp_path, operation(requestBody=body({"type": "string"}, "text/plain")), method="post")
    chunks = [{"type": "http.request", "body": b"x" * 65536, "more_body": True}] * 32 + [{"type": "http.request"}]
    headers = {"headers": [(b"content-type", b"text/plain")]}

    wire = asyncio.run(exchange(both.ours.app, headers, chunks))

    assert wire.status == 413
