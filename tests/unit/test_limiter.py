"""The rate limiter without Redis: requests pass, nobody waits, and the log says so once."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest
import typed_settings as ts

from tbg.config import Settings
from tbg.logs import configure_logging
from tbg.rate_limiting import RateLimiter
from tbg.redis_client import create_redis
from tests.conftest import Logged


@pytest.fixture
async def limiter() -> AsyncIterator[RateLimiter]:
    """A limiter whose Redis refuses connections: nobody listens on port 9 of this machine."""
    client = create_redis(Settings(redis_url=ts.SecretStr("redis://127.0.0.1:9/0")))
    yield RateLimiter(client, limit=10, window_seconds=60, timeout_seconds=0.2)
    await client.aclose()


async def test_without_redis_everybody_passes(limiter: RateLimiter, logged: Logged) -> None:
    configure_logging(Settings())
    started = time.monotonic()
    decisions = [await limiter.check("10.0.0.1") for _ in range(20)]

    assert decisions == [None] * 20
    assert time.monotonic() - started < 20 * 0.2
    (line,) = logged("rate_limit.unavailable")
    assert (line["level"], line["reason"]) == ("error", "ConnectionError")
    assert "127.0.0.1" not in str(line)


async def test_many_at_once_are_one_line_too(limiter: RateLimiter, logged: Logged) -> None:
    configure_logging(Settings())
    await asyncio.gather(*(limiter.check("10.0.0.1") for _ in range(100)))

    assert len(logged("rate_limit.unavailable")) == 1


async def test_a_frozen_redis_costs_the_time_out_and_not_more(logged: Logged) -> None:
    """A listening socket that nobody reads accepts connections and commands, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        settings = Settings(redis_url=ts.SecretStr(f"redis://127.0.0.1:{frozen.getsockname()[1]}/0"))
        configure_logging(settings)
        client = create_redis(settings)
        limiter = RateLimiter(client, limit=10, window_seconds=60, timeout_seconds=0.1)
        started = time.monotonic()
        decisions = await asyncio.gather(*(limiter.check("10.0.0.1") for _ in range(200)))
        seconds = time.monotonic() - started
        await client.aclose()

    assert decisions == [None] * 200
    assert seconds < 2
    (line,) = logged("rate_limit.unavailable")
    assert line["reason"] == "TimeoutError"


async def test_the_recovery_is_logged_once(redis_url: str, logged: Logged) -> None:
    configure_logging(Settings())
    client = create_redis(Settings(redis_url=ts.SecretStr(redis_url), redis_timeout_seconds=5))
    limiter = RateLimiter(client, limit=10, window_seconds=60, timeout_seconds=5)
    limiter._timeout_seconds = 0
    lost = [await limiter.check("10.0.0.1") for _ in range(3)]
    limiter._timeout_seconds = 5
    found = [await limiter.check("10.0.0.1") for _ in range(3)]
    await client.aclose()

    assert lost == [None] * 3
    assert [decision.remaining for decision in found if decision] == [9, 8, 7]
    assert [line["event"] for line in logged()] == ["rate_limit.unavailable", "rate_limit.restored"]
