"""What a responder or a handler of errors sets wrongly is our own 500, in our form, logged, without the value."""

import httpx
import pytest

from tests.conftest import Logged
from tests.integration.conftest import Serve
from tests.integration.probe.app import BROKEN_HANDLERS, SECRET, WRONGS
from tests.support.gunicorn import Gunicorn

ORIGIN = "http://localhost:3000"
CASES = [*WRONGS, *BROKEN_HANDLERS]
CONTRACT_MODES = ["enforce", "report", "off"]


def assert_is_our_own(response: httpx.Response) -> None:
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Internal server error",
        "status": 500,
        "detail": "Internal server error",
        "instance": "wrong-1",
    }
    assert response.headers.get_list("x-request-id") == ["wrong-1"]
    assert "X-Request-Id" in response.headers["access-control-expose-headers"]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert set(response.headers["vary"].split(", ")) == {"Accept", "Origin"}
    assert not {"x-injected", "set-cookie", "location", "transfer-encoding"} & response.headers.keys()
    assert SECRET not in str(response.headers)


def headers(case: str) -> dict[str, str]:
    return {
        "X-Case": case,
        "X-Request-Id": "wrong-1",
        "Origin": ORIGIN,
        "Accept": "application/problem+json",
    }


@pytest.mark.parametrize("case", CASES)
async def test_what_is_set_wrongly_is_our_own_500(api: httpx.AsyncClient, case: str) -> None:
    response = await api.get("/probe/wrong", headers=headers(case))

    assert_is_our_own(response)
    assert (await api.get("/health")).status_code == 200, "the connection, or the worker, is of no more use"


@pytest.mark.parametrize("mode", CONTRACT_MODES)
@pytest.mark.parametrize("case", CASES)
async def test_it_is_so_in_every_mode_and_logged_once(serve: Serve, logged: Logged, case: str, mode: str) -> None:
    async with serve(contract_responses=mode) as api:
        response = await api.get("/probe/wrong", headers=headers(case))
    lines = [line for line in logged() if line.get("request_id") == "wrong-1"]

    assert_is_our_own(response)
    (line,) = (line for line in lines if line["event"] == "http.request")
    assert (line["status"], line["operation"]) == (500, "answerWrongly")
    reports = [line for line in lines if line["level"] == "error"]
    assert len(reports) == 1
    if reports[0]["event"] == "contract.response_breach":
        assert reports[0]["operation"] == "answerWrongly"
        assert SECRET not in str(reports)
    else:
        assert reports[0]["event"] == "http.unhandled"
        assert reports[0]["exception"].startswith("Traceback")


def test_the_log_names_operation_and_header(service: Gunicorn) -> None:
    with service.client() as client:
        client.get("/probe/wrong", headers=headers("line break") | {"X-Request-Id": "wrong-2"})

    lines = [line for line in service.log() if line.get("request_id") == "wrong-2"]
    report, request = lines
    assert report["event"] == "contract.response_breach"
    assert report["operation"] == "answerWrongly"
    assert report["part"] == "header x-documented"
    assert report["keyword"] == "characters"
    assert (request["event"], request["status"]) == ("http.request", 500)
    assert SECRET not in str(lines)
