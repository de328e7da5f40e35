"""Redis gone, in this process: every request passes, uncounted; and WebSockets, which this service has none of."""

import httpx
import pytest
import typed_settings as ts
from falcon.errors import WebSocketDisconnected
from falcon.testing import ASGIConductor

from tests.conftest import Logged
from tests.integration.conftest import Serve

NOBODY = ts.SecretStr("redis://127.0.0.1:9/0")


async def test_requests_pass_uncounted(serve: Serve, logged: Logged) -> None:
    async with serve(redis_url=NOBODY, rate_limit_requests=1) as api:
        answers = [await api.get(path) for path in ("/version", "/nowhere", "/openapi.json", "/probe/notes") * 2]

    assert [answer.status_code for answer in answers] == [200, 404, 200, 200] * 2
    assert not [answer for answer in answers if any(name.startswith("x-ratelimit") for name in answer.headers)]
    assert len(logged("rate_limit.unavailable")) == 1


async def test_ready_says_so(serve: Serve) -> None:
    async with serve(redis_url=NOBODY) as api:
        ready, health = await api.get("/ready"), await api.get("/health")

    assert ready.status_code == 503
    assert ready.json() == {"status": "degraded", "checks": {"database": "ok", "redis": "error: unavailable"}}
    assert health.status_code == 200


@pytest.mark.parametrize(("path", "code"), [("/health", 3405), ("/nowhere", 3404)])
async def test_a_websocket_is_refused(client: ASGIConductor, path: str, code: int) -> None:
    with pytest.raises(WebSocketDisconnected) as refused:
        async with client.simulate_ws(path):
            pass

    assert refused.value.code == code


async def test_a_websocket_request_over_http_is_an_ordinary_one(api: httpx.AsyncClient) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"}
    response = await api.get("/health", headers=headers)

    assert (response.status_code, response.json()) == (200, {"status": "healthy"})
