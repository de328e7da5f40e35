"""A rate limiter on a given Redis, as the service makes it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import typed_settings as ts
from prometheus_client import CollectorRegistry

from tbg.config import Settings
from tbg.rate_limiting import ADDRESS, SCRIPT, RateLimiter, RateLimitMetrics, Rule, Verdict
from tbg.rate_limiting.policies import Charge, Policy
from tbg.rate_limiting.refusals import Clock
from tbg.redis.connector import Connector


@attrs.frozen
class Limiter:
    """A limiter, what it counts into, and a short way to ask it."""

    limiter: RateLimiter
    registry: CollectorRegistry

    async def check(self, rule: Rule, client: str = "192.0.2.1", **clients: str) -> Verdict:
        return await self.limiter.check(rule, {ADDRESS: client, **clients})

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"tbg_rate_limit_{name}_total", labels) or 0.0


@asynccontextmanager
async def limiter_on(
    redis_url: str, timeout_seconds: float = 5.0, *, source: str = SCRIPT, clock: Clock = time.monotonic
) -> AsyncIterator[Limiter]:
    """Make a limiter that has not connected yet."""
    settings = Settings(redis_url=ts.SecretStr(redis_url), redis_timeout_seconds=timeout_seconds)
    connector, registry = Connector.from_settings(settings), CollectorRegistry()
    metrics = RateLimitMetrics(registry)
    limiter = RateLimiter(connector, timeout_seconds=timeout_seconds, metrics=metrics, script=source, clock=clock)
    try:
        yield Limiter(limiter, registry)
    finally:
        await limiter.close()


def rule(requests: int = 10, window_seconds: int = 60, *, cost: int = 1, **others: object) -> Rule:
    """Return a rule of one policy."""
    return Rule((Charge(policy(requests, window_seconds, **others), cost),))


def policy(requests: int = 10, window_seconds: int = 60, **others: object) -> Policy:
    values = {"name": "default", "requests": requests, "window_seconds": window_seconds, **others}
    return Policy(**values)  # type: ignore[arg-type]  # whatever a test wants


async def counts_again(limiter: Limiter, within_seconds: float = 3.0, client: str = "192.0.2.1") -> float:
    """Return how many seconds it takes until a client's requests are counted."""
    started = time.monotonic()
    while (await limiter.check(rule(1_000_000), client)).outcome != "admitted":
        assert time.monotonic() - started < within_seconds, "it does not count again"
        await asyncio.sleep(0.02)
    return time.monotonic() - started


def own_tasks() -> int:
    """Return how much of what the service itself has begun has not ended."""
    files = [getattr(task.get_coro(), "cr_code").co_filename for task in asyncio.all_tasks()]  # noqa: B009 - for the type
    return sum("/src/tbg/" in file for file in files)
