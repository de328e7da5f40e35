"""The constant answer after one rate-limit check in Redis: the least that a limited request can cost with redis-py.

One EVALSHA of a fixed window (INCR, and EXPIRE for the first request) on one key, in plain ``redis.asyncio`` with a
pool of 50 connections that waits. No route, no header, no log, no error handling; the verdict is not even looked at.
"""

from redis.asyncio import BlockingConnectionPool, Redis

from benchmarks.peers.constant import Message, Receive, Send, answer
from benchmarks.peers.environment import REDIS_URL, WINDOW_SECONDS

_SCRIPT = """
local used = redis.call('INCR', KEYS[1])
if used == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return used
"""

_redis = Redis.from_pool(BlockingConnectionPool.from_url(REDIS_URL, max_connections=50))
_charge = _redis.register_script(_SCRIPT)


async def app(scope: Message, _receive: Receive, send: Send) -> None:
    """Charge the request, then answer."""
    if scope["type"] != "http":
        raise NotImplementedError
    await _charge(keys=["bench:constant-redis"], args=[WINDOW_SECONDS])
    await answer(send)
