"""Measure what many distinct clients cost: bytes per client in Redis, and in a worker.

A worker keeps nothing of those who are admitted, and a bounded number of those who are refused.
"""

import asyncio
import gc
import tempfile
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import batched
from pathlib import Path
from typing import Final

import attrs
import typed_settings as ts
from prometheus_client import CollectorRegistry

from tbg.config import Settings
from tbg.dev.valkey import EmbeddedValkey
from tbg.rate_limiting import ADDRESS, Policy, RateLimiter, RateLimitMetrics, Rule
from tbg.rate_limiting.policies import Charge
from tbg.redis.client import RedisClient, create_redis
from tbg.redis.connector import Connector

CLIENTS: Final = 100_000
TURN: Final = 500
TIMEOUT_SECONDS: Final = 5.0


@attrs.frozen
class Service:
    """What of a worker keeps or sends anything of a client's."""

    redis: RedisClient
    limiter: RateLimiter

    async def redis_bytes(self) -> int:
        """Return what the server has allocated."""
        return int((await self.redis.info("memory"))["used_memory"])

    async def ask(self, rule: Rule, clients: list[str]) -> int:
        """Ask once for each client, and return how many were admitted."""
        admitted = 0
        for some in batched(clients, TURN):
            verdicts = await asyncio.gather(*(self.limiter.check(rule, {ADDRESS: client}) for client in some))
            admitted += sum(verdict.outcome == "admitted" for verdict in verdicts)
        return admitted


@asynccontextmanager
async def service() -> AsyncIterator[Service]:
    """Run an embedded Valkey for the block, and prepare a limiter on it."""
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedValkey(Path(directory) / "valkey")
        try:
            with server:
                settings = Settings(redis_url=ts.SecretStr(server.url))
                redis, metrics = create_redis(settings), RateLimitMetrics(CollectorRegistry())
                connector = Connector.from_settings(settings)
                limiter = RateLimiter(connector, timeout_seconds=TIMEOUT_SECONDS, metrics=metrics)
                yield Service(redis, limiter)
                await limiter.close()
                await redis.aclose()
        finally:
            server.discard()


async def measure(case: str, requests: int, asks: int, expected: int) -> None:
    """Print a row: so many clients ask so often each."""
    rule = Rule((Charge(Policy(name="default", requests=requests, window_seconds=3600)),))
    clients = [f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::/64" for number in range(CLIENTS)]
    async with service() as running:
        await running.ask(rule, ["192.0.2.1"])
        gc.collect()
        tracemalloc.start()
        redis_before, (worker_before, _) = await running.redis_bytes(), tracemalloc.get_traced_memory()
        admitted = [await running.ask(rule, clients) for _ in range(asks)]
        gc.collect()
        redis_after, (worker_after, _) = await running.redis_bytes(), tracemalloc.get_traced_memory()
        tracemalloc.stop()
    if sum(admitted) != expected:
        raise AssertionError(f"{admitted} were admitted, not {expected}")
    redis_bytes, worker_bytes = redis_after - redis_before, worker_after - worker_before
    print(f"| {case} | {redis_bytes / CLIENTS:.0f} | {worker_bytes / CLIENTS:.1f} | {worker_bytes / 1e6:.2f} MB |")


def main() -> None:
    """Print a table in Markdown."""
    print(f"{CLIENTS} distinct clients\n")
    print("| each of them | bytes per client in Redis | bytes per client in a worker | worker in all |")
    print("| --- | --- | --- | --- |")
    asyncio.run(measure("asks once", 100, 1, CLIENTS))
    asyncio.run(measure("is refused", 1, 2, CLIENTS))


if __name__ == "__main__":
    main()
