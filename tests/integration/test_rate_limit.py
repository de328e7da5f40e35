"""The rate limit: exactly as many as allowed, for all workers together, and free again when it says so."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.conftest import Logged, StartGunicorn
from tests.integration.conftest import Serve
from tests.integration.probe.app import APP


@pytest.fixture(params=["in process", "gunicorn"])
async def limited(
    request: pytest.FixtureRequest, serve: Serve, start_gunicorn: StartGunicorn
) -> AsyncIterator[httpx.AsyncClient]:
    """The service, to be used up: workers remember whom they have refused."""
    if request.param == "in process":
        async with serve() as client:
            yield client
    else:
        async with httpx.AsyncClient(base_url=start_gunicorn(APP).url, trust_env=False, timeout=30) as client:
            yield client


async def test_the_101st_request_of_a_window_is_refused(limited: httpx.AsyncClient) -> None:
    api = limited
    passed = [await api.get("/version") for _ in range(100)]
    refused = await api.get("/version")

    assert [response.status_code for response in passed] == [200] * 100
    assert [response.headers["x-ratelimit-remaining"] for response in passed] == [str(n) for n in reversed(range(100))]
    assert {response.headers["x-ratelimit-limit"] for response in passed} == {"100"}
    assert {response.headers["x-ratelimit-reset"] for response in passed[:-1]} == {"0"}
    assert refused.status_code == 429
    assert refused.json() == {"detail": "Rate limit exceeded. Try again later."}
    assert refused.headers["content-type"] == "application/json"
    assert refused.headers["x-ratelimit-limit"] == "100"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.headers["x-ratelimit-reset"] == refused.headers["retry-after"]
    assert 55 <= int(refused.headers["retry-after"]) <= 60
    assert len(refused.headers["x-request-id"]) == 36


async def test_99_requests_pass(api: httpx.AsyncClient) -> None:
    responses = [await api.get("/version") for _ in range(99)]

    assert {response.status_code for response in responses} == {200}
    assert responses[-1].headers["x-ratelimit-remaining"] == "1"


async def test_who_waits_as_long_as_told_may_pass(serve: Serve) -> None:
    async with serve(rate_limit_requests=3, rate_limit_window_seconds=1) as api:
        for _ in range(3):
            await api.get("/version")
        refused = await api.get("/version")
        await asyncio.sleep(int(refused.headers["retry-after"]))
        again = await api.get("/version")

    assert refused.headers["retry-after"] == "1"
    assert again.status_code == 200


def test_who_waits_as_long_as_told_may_pass_over_http(start_gunicorn: StartGunicorn) -> None:
    server = start_gunicorn(rate_limit_requests=100, rate_limit_window_seconds=2)
    with server.client() as client:
        statuses = Counter(client.get("/version").status_code for _ in range(100))
        refused = client.get("/version")
        time.sleep(int(refused.headers["retry-after"]))
        again = client.get("/version")

    assert statuses == {200: 100}
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    assert again.status_code == 200


async def test_who_is_refused_from_memory_is_told_the_time_that_is_left(serve: Serve) -> None:
    async with serve(rate_limit_requests=1, rate_limit_window_seconds=3) as api:
        await api.get("/version")
        first = await api.get("/version")
        await asyncio.sleep(1.1)
        second = await api.get("/version")
        await asyncio.sleep(int(second.headers["retry-after"]))
        again = await api.get("/version")

    assert [first.status_code, second.status_code, again.status_code] == [429, 429, 200]
    assert [first.headers["retry-after"], second.headers["retry-after"]] == ["3", "2"]


async def test_the_slowest_policy_and_the_cost_decide_on_the_wait(serve: Serve) -> None:
    """The second request needs two of one account's three per 2 s, and one of one address's single per 1 s."""
    policies = {
        "default": {"requests": 1, "window_seconds": 1},
        "account": {"requests": 3, "window_seconds": 2},
    }
    async with serve(rate_limit_policies=policies) as api:
        passed = await api.get("/probe/account")
        refused = [await api.get("/probe/account") for _ in range(2)]
        await asyncio.sleep(int(refused[1].headers["retry-after"]))
        again = await api.get("/probe/account")

    assert [passed.status_code, again.status_code] == [200, 200]
    assert [response.status_code for response in refused] == [429, 429]
    assert [response.headers["retry-after"] for response in refused] == ["2", "2"]


async def test_a_refused_client_may_prefer_a_problem_document(serve: Serve) -> None:
    async with serve(rate_limit_requests=1) as api:
        await api.get("/version")
        response = await api.get("/version", headers={"Accept": "application/problem+json"})

    assert response.status_code == 429
    assert response.json() == {
        "type": "about:blank",
        "title": "Too many requests",
        "status": 429,
        "detail": "Rate limit exceeded. Try again later.",
        "instance": response.headers["x-request-id"],
    }


async def test_two_workers_together_admit_exactly_the_limit(start_gunicorn: StartGunicorn) -> None:
    port = start_gunicorn().port
    answers = "".join(await asyncio.gather(*(ask_six_times(port) for _ in range(50))))

    assert Counter(re.findall(r"HTTP/1\.1 (\d+)", answers)) == {"200": 100, "429": 200}
    admitted = re.findall(r"HTTP/1\.1 200(?:.*\r\n)*?x-ratelimit-remaining: (\d+)", answers)
    assert sorted(map(int, admitted)) == list(range(100))


async def ask_six_times(port: int) -> str:
    """Ask on one connection, without waiting for the answers in between: 50 of these need little of the machine."""
    request = "GET /version HTTP/1.1\r\nHost: x\r\n{}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write((request.format("") * 5 + request.format("Connection: close\r\n")).encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_probes_always_pass_and_never_count(api: httpx.AsyncClient, path: str) -> None:
    responses = [await api.get(path) for _ in range(200)]
    counted = await api.get("/version")

    assert {response.status_code for response in responses} == {200}
    assert not [name for name in responses[-1].headers if name.startswith("x-ratelimit")]
    assert counted.headers["x-ratelimit-remaining"] == "99"


async def test_probes_pass_a_client_that_is_refused(serve: Serve) -> None:
    async with serve(rate_limit_requests=1) as api:
        statuses = [(await api.get(path)).status_code for path in ("/version", "/version", "/health", "/ready")]

    assert statuses == [200, 429, 200, 200]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere"),
        ("POST", "/nowhere"),
        ("DELETE", "/version"),
        ("OPTIONS", "/version"),
        ("HEAD", "/version"),
        ("GET", "/openapi.json"),
        ("GET", "/probe/crash"),
        ("GET", "/probe/refuse"),
    ],
)
async def test_everything_else_counts(api: httpx.AsyncClient, method: str, path: str) -> None:
    first = await api.request(method, path)
    second = await api.request(method, path)

    assert (first.headers["x-ratelimit-remaining"], second.headers["x-ratelimit-remaining"]) == ("99", "98")


async def test_an_unknown_path_is_refused_too(serve: Serve) -> None:
    async with serve(rate_limit_requests=1) as api:
        statuses = [(await api.get("/nowhere")).status_code for _ in range(2)]

    assert statuses == [404, 429]


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "X-Forwarded-Host"]
)
async def test_a_client_cannot_choose_who_it_is(api: httpx.AsyncClient, header: str) -> None:
    await api.get("/version", headers={header: "for=10.0.0.1" if header == "Forwarded" else "10.0.0.1"})
    response = await api.get("/version", headers={header: "10.0.0.2"})

    assert response.headers["x-ratelimit-remaining"] == "98"


async def test_a_request_line_names_the_client(serve: Serve, logged: Logged) -> None:
    async with serve() as api:
        await api.get("/version", headers={"X-Forwarded-For": "10.9.8.7"})

    (line,) = logged("http.request")
    assert line["client"] == "127.0.0.1"
