"""Cross-origin requests: every answer, an error too, tells the browser whether the page may read it."""

import httpx
import pytest

from tbg.middleware.cors import exposed_headers
from tests.integration.conftest import Serve

ORIGIN = "http://localhost:5173"
EXPOSED = {
    "X-Request-Id",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "RateLimit-Policy",
    "RateLimit",
    "Retry-After",
    "ETag",
    "X-Documented",
}
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "X-Own, Content-Type",
}


def varies_by(response: httpx.Response) -> set[str]:
    (field,) = response.headers.get_list("vary")
    return set(field.split(", "))


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://localhost:3000"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/health", 405),
        ("GET", "/probe/refuse", 409),
        ("POST", "/probe/notes", 422),
        ("GET", "/probe/crash", 500),
        ("GET", "/probe/breach", 500),
    ],
)
async def test_a_known_page_may_read_every_answer(
    api: httpx.AsyncClient, origin: str, method: str, path: str, status: int
) -> None:
    response = await api.request(method, path, headers={"Origin": origin})

    assert response.status_code == status
    assert response.headers.get_list("access-control-allow-origin") == [origin]
    assert response.headers["access-control-allow-credentials"] == "true"
    assert set(response.headers["access-control-expose-headers"].split(", ")) == EXPOSED
    assert varies_by(response) == ({"Origin"} if status == 200 else {"Accept", "Origin"})


async def test_a_page_may_read_that_it_asks_too_often(serve: Serve) -> None:
    async with serve(rate_limit_requests=1) as api:
        await api.get("/version")
        response = await api.get("/version", headers={"Origin": ORIGIN})

    assert response.status_code == 429
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert "Retry-After" in response.headers["access-control-expose-headers"]
    assert varies_by(response) == {"Accept", "Origin"}


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:5173.evil.example", "", "http://localhost:5174"]
)
@pytest.mark.parametrize("path", ["/health", "/nowhere", "/probe/crash"])
async def test_another_page_may_read_nothing(api: httpx.AsyncClient, origin: str, path: str) -> None:
    response = await api.get(path, headers={"Origin": origin})

    assert not [name for name in response.headers if name.startswith("access-control")]
    assert "Origin" in varies_by(response)


async def test_an_answer_varies_by_origin_even_without_one(api: httpx.AsyncClient) -> None:
    """A shared cache must not keep an answer without CORS headers for pages that need them."""
    response = await api.get("/health")

    assert response.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("path", ["/health", "/version", "/probe/notes", "/nowhere"])
async def test_a_preflight_is_answered_for_any_path(api: httpx.AsyncClient, path: str) -> None:
    response = await api.options(path, headers=PREFLIGHT)

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    methods = set(response.headers["access-control-allow-methods"].split(", "))
    assert methods == {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    assert response.headers["access-control-allow-headers"] == "X-Own, Content-Type"
    assert int(response.headers["access-control-max-age"]) > 0
    assert "allow" not in response.headers
    assert response.content == b""


async def test_a_preflight_of_another_page_is_refused(api: httpx.AsyncClient) -> None:
    response = await api.options("/version", headers={**PREFLIGHT, "Origin": "http://evil.example"})

    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_a_preflight_costs_nothing(api: httpx.AsyncClient) -> None:
    for _ in range(5):
        preflight = await api.options("/version", headers=PREFLIGHT)
    response = await api.get("/version")

    assert "x-ratelimit-remaining" not in preflight.headers
    assert response.headers["x-ratelimit-remaining"] == "99"


async def test_every_page_may_be_let_in_but_without_credentials(serve: Serve) -> None:
    async with serve(cors_origins=("*",)) as api:
        response = await api.get("/health", headers={"Origin": "http://anywhere.example"})

    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers
    assert "vary" not in response.headers


async def test_a_page_may_read_every_header_that_a_feature_documents(api: httpx.AsyncClient) -> None:
    """Those that any page may read (https://fetch.spec.whatwg.org/) are left out, and cookies."""
    response = await api.get("/health", headers={"Origin": ORIGIN})

    exposed = response.headers["access-control-expose-headers"].split(", ")
    assert len({name.lower() for name in exposed}) == len(exposed)
    assert "X-Documented" in exposed
    assert not {"cache-control", "content-type", "set-cookie"} & {name.lower() for name in exposed}


def test_names_are_exposed_once_and_none_in_vain() -> None:
    documented = ["Link", "location", "LINK", "Set-Cookie", "Content-Type", "x-request-id", "Last-Modified", "Expires"]

    exposed = exposed_headers(["X-Request-Id", "Retry-After"], documented)

    assert sorted(name.lower() for name in exposed) == ["link", "location", "retry-after", "x-request-id"]
