"""A script of the tests' own, which shows how often it ran."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

import pytest
import typed_settings as ts

from tbg.config import Settings
from tbg.redis.client import create_limiter_redis
from tbg.redis.script import RedisScript, redis_script

SOURCE = "local sum = 0; for _, key in ipairs(KEYS) do sum = sum + redis.call('INCRBY', key, ARGV[1]) end; return sum"
TIMEOUT = 0.3
SPREAD = [f"{{spread-{number}}}" for number in range(12)]  # some for every node


@contextlib.asynccontextmanager
async def script_on(url: str, source: str = SOURCE, connections: int = 50) -> AsyncIterator[RedisScript]:
    settings = Settings(redis_url=ts.SecretStr(url), redis_timeout_seconds=TIMEOUT, redis_max_connections=connections)
    client = create_limiter_redis(settings)
    try:
        yield redis_script(client, source)
    finally:
        await client.aclose()


async def increment(script: RedisScript, *keys: str) -> list[object]:
    return await script.run([([key], [1]) for key in keys])


async def counts_again(script: RedisScript, *keys: str) -> None:
    for _ in range(300):
        if kinds(await increment(script, *keys)) == {int}:
            return
        await asyncio.sleep(0.05)
    pytest.fail("it does not count again")


def kinds(answers: Sequence[object]) -> set[type]:
    return {type(answer) for answer in answers}


def port_of(url: str) -> int:
    return urlsplit(url).port or 0
