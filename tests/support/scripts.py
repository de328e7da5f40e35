"""A script of the tests' own, which shows how often it ran."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

import attrs
import pytest
import typed_settings as ts
from prometheus_client import CollectorRegistry

from tbg.config import Settings
from tbg.rate_limiting import RateLimitMetrics
from tbg.rate_limiting.cluster_lanes import ClusterLanes
from tbg.rate_limiting.lanes import Lanes, OneLane, Probing
from tbg.rate_limiting.questions import UncountedError
from tbg.redis.connector import Connector
from tbg.redis.script import Call

SOURCE = """
local sum = 0
for _, key in ipairs(KEYS) do sum = sum + redis.call('INCRBY', key, ARGV[1]) end
return {sum}
"""
TIMEOUT = 0.3
SPREAD = [f"{{spread-{number}}}" for number in range(12)]  # some for every node


@attrs.frozen
class Script:
    """The script on all servers, and what becomes of it there."""

    lanes: Lanes

    async def run(self, calls: Sequence[Call]) -> list[object]:
        """Ask at once; return what each call has got: the answer's number, or why there is none."""
        return list(await asyncio.gather(*map(self._one, calls)))

    async def _one(self, call: Call) -> object:
        try:
            return (await self.lanes.ask(call))[0]
        except UncountedError as error:
            return error.__cause__

    def lane(self, key: str) -> str:
        """Return the name of the server that has a key."""
        lane = self.lanes.lane_of(key)
        return "" if lane is None else lane.name


@contextlib.asynccontextmanager
async def script_on(url: str, source: str = SOURCE, connections: int = 50) -> AsyncIterator[Script]:
    settings = Settings(redis_url=ts.SecretStr(url), redis_timeout_seconds=TIMEOUT, redis_max_connections=connections)
    connector = Connector.from_settings(settings)
    lanes = (ClusterLanes if connector.topology == "cluster" else OneLane)(
        connector,
        source,
        Probing([f"probe-{number}" for number in range(1000)], [0]),
        timeout_seconds=TIMEOUT,
        metrics=RateLimitMetrics(CollectorRegistry()),
    )
    try:
        yield Script(lanes)
    finally:
        await lanes.close()


async def increment(script: Script, *keys: str) -> list[object]:
    return await script.run([([key], [1]) for key in keys])


async def counts_again(script: Script, *keys: str) -> None:
    for _ in range(300):
        if kinds(await increment(script, *keys)) == {int}:
            return
        await asyncio.sleep(0.05)
    pytest.fail("it does not count again")


def kinds(answers: Sequence[object]) -> set[type]:
    return {type(answer) for answer in answers}


def port_of(url: str) -> int:
    return urlsplit(url).port or 0
