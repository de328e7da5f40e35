"""Errors: one grammar, nothing internal, nothing of the response that did not happen."""

import httpx
import pytest

from tests.conftest import Logged
from tests.integration.conftest import Serve
from tests.integration.probe.app import SECRET
from tests.support.gunicorn import Gunicorn

JSON_500 = {"detail": "Internal server error"}


@pytest.mark.parametrize(
    "path", ["/probe/crash", "/probe/breach", "/probe/undocumented", "/probe/unrenderable", "/probe/query"]
)
async def test_a_failure_tells_the_client_nothing(api: httpx.AsyncClient, path: str) -> None:
    response = await api.get(path)

    assert response.status_code == 500
    assert response.json() == JSON_500
    assert response.headers["content-type"] == "application/json"
    assert SECRET not in str(response.headers)


@pytest.mark.parametrize("path", ["/probe/crash", "/probe/refuse", "/probe/breach"])
async def test_an_error_drops_what_the_responder_had_set(api: httpx.AsyncClient, path: str) -> None:
    response = await api.get(path)

    assert response.headers.keys().isdisjoint({"set-cookie", "location", "x-internal", "etag"})


async def test_a_client_may_prefer_a_problem_document(api: httpx.AsyncClient) -> None:
    headers = {"Accept": "application/problem+json", "X-Request-Id": "test-123"}
    response = await api.get("/probe/crash", headers=headers)

    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Internal server error",
        "status": 500,
        "detail": "Internal server error",
        "instance": "test-123",
    }


async def test_a_domain_error_has_its_feature_s_status_and_its_own_words(api: httpx.AsyncClient) -> None:
    response = await api.get("/probe/refuse")

    assert response.status_code == 409
    assert response.json() == {"detail": "That is not allowed today"}


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/health/", "/foo/health", "/HEALTH", "/health%00", "//", "/docs", "/redoc"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
async def test_an_unknown_path_is_not_found(api: httpx.AsyncClient, method: str, path: str) -> None:
    response = await api.request(method, path)

    assert response.status_code == 404
    if method != "HEAD":
        assert response.json() == {"detail": "Not found"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
async def test_a_wrong_method_is_told_the_right_ones(api: httpx.AsyncClient, method: str) -> None:
    response = await api.request(method, "/version")

    assert response.status_code == 405
    assert response.json() == {"detail": "Method not allowed"}
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


async def test_options_names_the_methods(api: httpx.AsyncClient) -> None:
    response = await api.options("/probe/notes")

    assert response.status_code == 200
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert response.content == b""


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/html", "application/json"),
        ("application/xml", "application/json"),
        ("*/*", "application/json"),
        ("application/problem+json, application/json;q=0.5", "application/problem+json"),
        ("application/json, application/problem+json;q=0.5", "application/json"),
        ("complete nonsense", "application/json"),
        ("application/problem+json;q=nonsense", "application/json"),
    ],
)
async def test_an_error_is_never_html_or_empty(api: httpx.AsyncClient, accept: str, content_type: str) -> None:
    response = await api.get("/nowhere", headers={"Accept": accept})

    assert response.status_code == 404
    assert response.headers["content-type"] == content_type
    assert response.json()["detail"] == "Not found"


def of_request(service: Gunicorn, request_id: str) -> list[dict[str, object]]:
    return [line for line in service.log() if line.get("request_id") == request_id]


def test_a_crash_is_logged_once_with_its_traceback(service: Gunicorn) -> None:
    with service.client() as client:
        client.get("/probe/crash?token=private", headers={"X-Request-Id": "crash-1"})

    failure, line = of_request(service, "crash-1")
    assert failure["event"] == "http.unhandled"
    assert failure["level"] == "error"
    assert f"RuntimeError: {SECRET}" in str(failure["exception"])
    assert "in on_get" in str(failure["exception"])
    assert (line["event"], line["status"]) == ("http.request", 500)
    assert "private" not in service.text()


def test_a_breach_is_logged_without_the_value(service: Gunicorn) -> None:
    with service.client() as client:
        client.get("/probe/breach", headers={"X-Request-Id": "breach-1"})

    breach, line = of_request(service, "breach-1")
    assert (
        breach.items()
        >= {
            "event": "contract.response_breach",
            "level": "error",
            "operation": "breakTheContract",
            "status": 200,
            "part": "body",
            "pointer": "/answer",
            "keyword": "type",
        }.items()
    )
    assert SECRET not in str(breach)
    assert (line["event"], line["status"]) == ("http.request", 500)


def test_a_failed_statement_is_logged_without_its_parameters(service: Gunicorn) -> None:
    with service.client() as client:
        client.get("/probe/query", headers={"X-Request-Id": "query-1"})

    failure, _ = of_request(service, "query-1")
    assert "division by zero" in str(failure["exception"])
    assert SECRET not in str(failure)


async def test_a_breach_can_be_only_reported(serve: Serve, logged: Logged) -> None:
    async with serve(contract_responses="report") as api:
        response = await api.get("/probe/breach")

    assert (response.status_code, response.json()) == (200, {"answer": SECRET})
    (breach,) = logged("contract.response_breach")
    assert breach["operation"] == "breakTheContract"


async def test_responses_can_go_unchecked(serve: Serve, logged: Logged) -> None:
    async with serve(contract_responses="off") as api:
        response = await api.get("/probe/breach")

    assert (response.status_code, response.json()) == (200, {"answer": SECRET})
    assert not logged("contract.response_breach")


async def test_what_json_cannot_say_is_a_failure_even_unchecked(serve: Serve, logged: Logged) -> None:
    async with serve(contract_responses="off") as api:
        response = await api.get("/probe/unrenderable")

    assert (response.status_code, response.json()) == (500, JSON_500)
    lines = logged()
    assert [line["event"] for line in lines].count("http.unhandled") == 1
    assert [line["status"] for line in lines if line["event"] == "http.request"] == [500]


async def test_a_crash_in_process_is_logged_as_over_http(serve: Serve, logged: Logged) -> None:
    async with serve() as api:
        await api.get("/probe/crash", headers={"X-Request-Id": "crash-2"})

    (failure,) = logged("http.unhandled")
    assert failure["request_id"] == "crash-2"
    assert failure["exception"].startswith("Traceback")
