"""Measure what many distinct clients cost: bytes per client in Redis, and in a worker.

    .venv/bin/python benchmarks/rate_limit_memory.py [--clients 200000] [--redis-url redis://127.0.0.1:6379/0]

A worker keeps nothing of those who are admitted, and a bounded number of those who are refused. Without a URL the
server is the embedded Valkey; one that is named must be empty, and is empty afterwards.
"""

import argparse
import asyncio
import gc
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
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
async def service(redis_url: str) -> AsyncIterator[Service]:
    """Prepare a limiter on an empty server for the block."""
    settings = Settings(redis_url=ts.SecretStr(redis_url), redis_timeout_seconds=TIMEOUT_SECONDS)
    redis = create_redis(settings)
    if await redis.dbsize():
        raise SystemExit("the database is not empty")
    metrics = RateLimitMetrics(CollectorRegistry())
    connector = Connector.from_settings(settings)
    limiter = RateLimiter(connector, timeout_seconds=TIMEOUT_SECONDS, metrics=metrics)
    try:
        yield Service(redis, limiter)
    finally:
        await limiter.close()
        await redis.flushdb()
        await redis.aclose()


@contextmanager
def embedded() -> Iterator[str]:
    """Run the embedded Valkey for the block, and give its URL."""
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedValkey(Path(directory) / "valkey")
        try:
            with server:
                yield server.url
        finally:
            server.discard()


async def measure(case: str, redis_url: str, count: int, *, requests: int, asks: int) -> None:
    """Print a row: so many clients ask so often each."""
    rule = Rule((Charge(Policy(name="default", requests=requests, window_seconds=3600)),))
    clients = [f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::/64" for number in range(count)]
    async with service(redis_url) as running:
        await running.ask(rule, ["192.0.2.1"])
        gc.collect()
        tracemalloc.start()
        redis_before, (worker_before, _) = await running.redis_bytes(), tracemalloc.get_traced_memory()
        admitted = [await running.ask(rule, clients) for _ in range(asks)]
        gc.collect()
        redis_after, (worker_after, _) = await running.redis_bytes(), tracemalloc.get_traced_memory()
        tracemalloc.stop()
    if sum(admitted) != count:
        raise AssertionError(f"{admitted} were admitted, not {count}")
    redis_bytes, worker_bytes = redis_after - redis_before, worker_after - worker_before
    print(f"| {case} | {redis_bytes / count:.0f} | {worker_bytes / count:.1f} | {worker_bytes / 1e6:.2f} MB |")


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=100_000)
    parser.add_argument("--redis-url", help="the embedded Valkey by default")
    chosen = parser.parse_args()
    print(f"{chosen.clients} distinct clients\n")
    print("| each of them | bytes per client in Redis | bytes per client in a worker | worker in all |")
    print("| --- | --- | --- | --- |")
    for case, requests, asks in (("asks once", 100, 1), ("is refused", 1, 2)):
        with nullcontext(chosen.redis_url) if chosen.redis_url else embedded() as url:
            asyncio.run(measure(case, url, chosen.clients, requests=requests, asks=asks))


if __name__ == "__main__":
    main()
