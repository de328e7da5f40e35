"""/health, /ready and /version, in process and over HTTP."""

import asyncio

import httpx
import pytest

from tbg import __version__
from tests.integration.conftest import Serve


async def test_health_says_exactly_one_thing(api: httpx.AsyncClient) -> None:
    response = await api.get("/health")

    assert response.status_code == 200
    assert response.json() == {"status": "healthy"}
    assert response.headers["content-type"] == "application/json"


async def test_ready_reports_every_dependency(api: httpx.AsyncClient) -> None:
    response = await api.get("/ready")

    assert response.status_code == 200
    assert response.json() == {"status": "ready", "checks": {"database": "ok", "redis": "ok"}}
    assert response.headers["cache-control"] == "no-store"


async def test_version_is_the_settings(api: httpx.AsyncClient) -> None:
    response = await api.get("/version")

    assert response.status_code == 200
    assert response.json() == {"version": __version__, "environment": "development"}


async def test_version_follows_the_settings(serve: Serve) -> None:
    async with serve(app_version="9.8.7+build", environment="staging-2") as api:
        response = await api.get("/version")

    assert response.json() == {"version": "9.8.7+build", "environment": "staging-2"}


@pytest.mark.parametrize("path", ["/health", "/ready", "/version", "/openapi.yaml", "/openapi.json", "/probe/notes"])
async def test_head_is_get_without_a_body(api: httpx.AsyncClient, path: str) -> None:
    """RFC 9110, section 9.3.2: the same header fields, no content."""
    get, head = await api.get(path), await api.head(path)

    assert (head.status_code, head.content) == (get.status_code, b"")
    varying = {"date", "x-request-id", "x-ratelimit-remaining", "ratelimit", "content-length", "transfer-encoding"}
    assert {name: value for name, value in head.headers.items() if name not in varying} == {
        name: value for name, value in get.headers.items() if name not in varying
    }
    if "content-length" in head.headers:
        assert head.headers["content-length"] == str(len(get.content))


async def test_ready_callers_share_one_probe(api: httpx.AsyncClient) -> None:
    responses = await asyncio.gather(*(api.get("/ready") for _ in range(50)))

    assert {response.status_code for response in responses} == {200}
