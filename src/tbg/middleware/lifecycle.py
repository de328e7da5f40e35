"""What happens once per worker."""

import asyncio
from contextlib import suppress
from typing import Final

from tbg.infrastructure import Infrastructure
from tbg.rate_limiting import RateLimiter

_CLOSE_SECONDS: Final = 2.0


class LifecycleMiddleware:
    """Connect the rate limiter when the worker starts, and close all connections when it stops."""

    def __init__(self, infrastructure: Infrastructure, limiter: RateLimiter) -> None:
        self._infrastructure = infrastructure
        self._limiter = limiter

    async def process_startup(self, _scope: object, _event: object) -> None:
        """Have the first request find a connection to Redis; without Redis the worker starts as well."""
        await self._limiter.start()

    async def process_shutdown(self, _scope: object, _event: object) -> None:
        """Close everything the worker holds open."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._limiter.close()
        await self._infrastructure.close()
