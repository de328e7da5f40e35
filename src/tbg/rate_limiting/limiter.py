"""The rate limiter: one atomic script, one round trip, the server's clock."""

import asyncio
import math
from importlib.resources import files

import attrs
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

_SCRIPT = files("tbg.rate_limiting").joinpath("sliding_window.lua").read_text()
_KEY_PREFIX = "ratelimit:default:"


@attrs.frozen
class Decision:
    """The limiter's answer to one request.

    Attributes:
        admitted: Whether the request may pass.
        limit: Requests per window.
        remaining: How many more would be admitted now.
        reset_seconds: Whole seconds until one more would be admitted; 0 when one would be now.
    """

    admitted: bool
    limit: int
    remaining: int
    reset_seconds: int


class RateLimiter:
    """Count requests per client in Redis.

    Without Redis every request passes: an outage of the limiter must not become one of the service. The loss and the
    recovery are each logged once.

    Args:
        redis: The client; its own time-outs apply to each command.
        limit: Requests per window, from 1.
        window_seconds: The window's length.
        timeout_seconds: How long one check may take altogether, the wait for a connection included.
    """

    def __init__(self, redis: Redis, *, limit: int, window_seconds: float, timeout_seconds: float) -> None:
        self._script = redis.register_script(_SCRIPT)
        self._limit = limit
        self._window_microseconds = round(window_seconds * 1_000_000)
        self._timeout_seconds = timeout_seconds
        self._available = True
        self._log = structlog.stdlib.get_logger("tbg.rate_limit")

    async def check(self, client: str) -> Decision | None:
        """Count one request of ``client``; None when Redis cannot say, and the request is to pass uncounted."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer = await self._script(
                    keys=[_KEY_PREFIX + client], args=[self._limit, self._window_microseconds, 1]
                )
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            self._note(available=False, reason=type(error).__name__)
            return None
        self._note(available=True)
        admitted, remaining, wait_microseconds = answer
        return Decision(bool(admitted), self._limit, remaining, math.ceil(wait_microseconds / 1_000_000))

    def _note(self, *, available: bool, reason: str | None = None) -> None:
        if available == self._available:
            return
        self._available = available
        if available:
            self._log.warning("rate_limit.restored")
        else:
            self._log.error("rate_limit.unavailable", reason=reason, consequence="requests pass uncounted")
