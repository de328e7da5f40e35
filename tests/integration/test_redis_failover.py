"""A master that is lost is left as soon as another one is elected, by every worker, and nothing of it stays."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tbg.config import Settings
from tests.support.limiting import Limiter, counts_again, limiter_on, own_tasks
from tests.support.scripts import SPREAD, increment, kinds, script_on
from tests.support.servers import kill
from tests.support.topologies import Clustered, Valkey, add_replica, ask, clustered, replicated

WORKERS = 8
LEFT_SECONDS = 2.0
DEFAULT = Settings().redis_timeout_seconds


def freeze(server: Valkey) -> None:
    os.kill(server.pid, signal.SIGSTOP)


@contextlib.asynccontextmanager
async def workers(url: str) -> AsyncIterator[list[Limiter]]:
    async with contextlib.AsyncExitStack() as stack:
        limiters = [await stack.enter_async_context(limiter_on(url, DEFAULT)) for _ in range(WORKERS)]
        await asyncio.gather(*(each.limiter.start() for each in limiters))
        yield limiters


async def asking(limiter: Limiter, client: str) -> None:
    """Ask all the time, as the clients of a service do."""
    while True:
        await counts_again(limiter, 60, client)
        await asyncio.sleep(0.02)


async def left_after(limiters: list[Limiter], client: str, is_elected: Callable[[], bool]) -> float:
    """Return how long after an election the last limiter counts a client again."""
    load = [asyncio.create_task(asking(limiter, client)) for limiter in limiters]
    await asyncio.sleep(DEFAULT)
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(is_elected):  # noqa: ASYNC110 - a server's state
            await asyncio.sleep(0.02)
    elected = time.monotonic()
    await asyncio.gather(*(counts_again(limiter, 10, client) for limiter in limiters))
    seconds = time.monotonic() - elected
    for each in load:
        each.cancel()
    await asyncio.gather(*load, return_exceptions=True)
    return seconds


@pytest.mark.parametrize("lose", [freeze, kill])
async def test_a_lost_master_of_a_cluster(tmp_path: Path, lose: Callable[[Valkey], None]) -> None:
    with clustered(tmp_path / "nodes") as servers, add_replica(servers, servers.masters[0], tmp_path / "r") as replica:
        async with script_on(servers.url) as script:
            await increment(script, *[f"{{192.0.2.{number}}}" for number in range(20)])
            names = {number: script.lane(f"ratelimit:{{192.0.2.{number}}}:default") for number in range(20)}
        lost = servers.masters[0]
        client = next(f"192.0.2.{number}" for number, name in names.items() if name.endswith(f":{lost.port}"))
        async with workers(servers.url) as limiters:
            await asyncio.gather(*(counts_again(limiter, client=client) for limiter in limiters))
            lose(lost)
            seconds = await left_after(limiters, client, lambda: ask(replica, "ROLE")[0] == "master")
            tasks = own_tasks()

    assert seconds < LEFT_SECONDS
    assert tasks < WORKERS * 3 * 8


async def test_a_frozen_master_behind_sentinel(tmp_path: Path) -> None:
    with replicated(tmp_path) as servers:
        async with workers(servers.url) as limiters:
            old = servers.master
            freeze(old)
            seconds = await left_after(limiters, "192.0.2.1", lambda: servers.master is not old)

    assert seconds < LEFT_SECONDS


async def test_a_node_that_is_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    with clustered(tmp_path / "nodes") as servers, add_replica(servers, servers.masters[0], tmp_path / "r") as replica:
        async with script_on(servers.url) as script:
            await increment(script, *SPREAD)
            kill(servers.masters[0])
            async with asyncio.timeout(20):
                while kinds(await increment(script, *SPREAD)) != {int}:  # noqa: ASYNC110 - a server's state
                    await asyncio.sleep(0.05)
            names = {lane.name for lane in script.lanes.lanes}

    assert names == {f"127.0.0.1:{each.port}" for each in (replica, *servers.masters[1:])}


@pytest.mark.parametrize("named", ["hostname", "unknown-endpoint", "announced"])
async def test_nodes_are_reached_by_whatever_they_are_called(tmp_path: Path, named: str) -> None:
    """Without a name of their own, nodes that prefer one are called ``?``; unknown endpoints have none at all."""
    with clustered(tmp_path) as servers:
        for each in servers.masters:
            if named == "announced":
                ask(each, "CONFIG", "SET", "cluster-announce-hostname", "localhost")
            ask(
                each,
                "CONFIG",
                "SET",
                "cluster-preferred-endpoint-type",
                "hostname" if named == "announced" else named,
            )
        await asyncio.to_thread(heard_of_names, servers, "localhost" if named == "announced" else None)
        async with script_on(f"redis+cluster://127.0.0.1:{servers.masters[0].port}") as script:
            answers = await increment(script, *SPREAD)
            source = next(each for each in servers.masters if script.lane(SPREAD[0]).endswith(f":{each.port}"))
            target = next(each for each in servers.masters if each is not source)
            servers.move_by_key(ask(source, "CLUSTER", "KEYSLOT", SPREAD[0]), source, target)
            moved = await increment(script, *SPREAD)

    assert answers == [1] * len(SPREAD)
    assert moved == [2] * len(SPREAD)


def heard_of_names(servers: Clustered, name: str | None) -> None:
    """Return when every node knows what the others are called."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        told = [master[0] for each in servers.masters for _, _, master, *_ in ask(each, "CLUSTER", "SLOTS")]
        if name is None or set(told) == {name}:
            return
        time.sleep(0.05)
    pytest.fail("the nodes do not hear of each other's names")
