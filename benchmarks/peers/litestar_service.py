"""Litestar with its own rate limit, in its own Redis store; no contract, no log, no request id, no CORS.

The limit remembers the time of every request of its window in one JSON list, and asks one request at a time, so its
cost grows with what a client has asked. So as not to hold that against it, the window is a second here, not a minute;
the instance that is to refuse has a day.
"""

from typing import Final

from litestar import Litestar, get
from litestar.middleware.rate_limit import RateLimitConfig
from litestar.stores.redis import RedisStore
from redis.asyncio import BlockingConnectionPool, Redis

from benchmarks.peers.environment import HEALTH, LIMIT, REDIS_URL, VERSION

_REFUSES: Final = LIMIT < 100  # noqa: PLR2004 - the contract's limit


@get("/version")
async def version() -> dict[str, str]:
    """Name what runs here."""
    return VERSION


@get("/health")
async def health() -> dict[str, str]:
    """Say that the process answers."""
    return HEALTH


_limit = RateLimitConfig(rate_limit=("day" if _REFUSES else "second", LIMIT), exclude=["/health"])
_redis = Redis.from_pool(BlockingConnectionPool.from_url(REDIS_URL, max_connections=50))
app = Litestar(
    [version, health],
    middleware=[_limit.middleware],
    stores={"rate_limit": RedisStore(_redis, handle_client_shutdown=True)},
    openapi_config=None,
)
