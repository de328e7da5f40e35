"""BlackSheep with a limit in Redis (INCR, and EXPIRE for the first request); no contract, no log, no request id.

BlackSheep limits failed log-ins only, so the limit is a middleware written by hand, as its documentation has it.
"""

from collections.abc import Awaitable, Callable

from blacksheep import Application, Request, Response, json
from redis.asyncio import BlockingConnectionPool, Redis

from benchmarks.peers.environment import HEALTH, LIMIT, REDIS_URL, VERSION, WINDOW_SECONDS

_redis: Redis = Redis.from_pool(BlockingConnectionPool.from_url(REDIS_URL, max_connections=50))
app = Application()


async def limit(request: Request, handler: Callable[[Request], Awaitable[Response]]) -> Response:
    """Charge the request to its client's window, or refuse it; health checks are free."""
    if request.path == "/health":
        return await handler(request)
    key = f"bench:blacksheep:{request.client_ip}"
    used = await _redis.incr(key)
    if used == 1:
        await _redis.expire(key, WINDOW_SECONDS)
    response = await handler(request) if used <= LIMIT else json({"detail": "Rate limit exceeded."}, 429)
    response.add_header(b"X-RateLimit-Remaining", str(max(0, LIMIT - used)).encode())
    return response


app.middlewares.append(limit)


@app.router.get("/version")
async def version() -> Response:
    """Name what runs here."""
    return json(VERSION)


@app.router.get("/health")
async def health() -> Response:
    """Say that the process answers."""
    return json(HEALTH)
