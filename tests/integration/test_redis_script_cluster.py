"""One script on a Cluster: each call's own answer, in one go, counted once, whatever the servers are doing."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import SlotNotCoveredError, TryAgainError

from tbg.dev.ports import free_port
from tests.support.scripts import SPREAD, TIMEOUT, Script, counts_again, increment, kinds, port_of, script_on
from tests.support.servers import discarded, kill
from tests.support.topologies import Clustered, Valkey, add_node, add_replica, ask, clustered


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clustered]:
    """A Cluster whose nodes a test may freeze, and whose slots it may move, but not kill."""
    with clustered(tmp_path_factory.mktemp("cluster")) as servers:
        yield servers


@pytest.fixture
def fresh(cluster: Clustered) -> Clustered:
    """The same, without keys and scripts."""
    for each in cluster.masters:
        ask(each, "FLUSHALL")
        ask(each, "SCRIPT", "FLUSH")
    return cluster


def other_than(servers: Clustered, server: Valkey) -> Valkey:
    return next(each for each in servers.masters if each is not server)


def home(servers: Clustered, script: Script, key: str) -> Valkey:
    return next(each for each in servers.masters if script.lane(key).endswith(f":{each.port}"))


class TestCluster:
    async def test_keys_of_all_nodes_are_answered_in_order(self, fresh: Clustered) -> None:
        async with script_on(fresh.url) as script:
            assert {script.lane(key) for key in SPREAD} == {""}, "nobody has been asked yet"
            first = await script.run([([key], [number]) for number, key in enumerate(SPREAD)])
            again = await increment(script, *SPREAD)
            lanes = {script.lane(key) for key in SPREAD}

        assert first == list(range(len(SPREAD)))
        assert again == list(range(1, len(SPREAD) + 1))
        assert lanes == {f"127.0.0.1:{each.port}" for each in fresh.masters}

    async def test_nobody_finds_all_connections_in_use(self, fresh: Clustered) -> None:
        async with script_on(fresh.url, connections=2) as script:
            answers = await asyncio.gather(*(increment(script, *SPREAD[:3]) for _ in range(200)))

        assert [sorted(of_key) for of_key in zip(*answers, strict=True)] == [list(range(1, 201))] * 3

    async def test_a_key_that_is_not_on_a_moving_slot_yet_is_made_where_the_slot_goes(self, fresh: Clustered) -> None:
        """ASKING has to precede the command on its connection, of which there are several; the script is new there."""
        async with script_on(fresh.url) as script:
            await asyncio.gather(*(increment(script, *SPREAD) for _ in range(8)))
            source = home(fresh, script, SPREAD[0])
            target = other_than(fresh, source)
            with moving(SPREAD[0], source, target):
                ask(target, "SCRIPT", "FLUSH")
                answers = await asyncio.gather(*(increment(script, f"{SPREAD[0]}new", SPREAD[0]) for _ in range(20)))

        made, kept = zip(*answers, strict=True)
        assert sorted(made) == list(range(1, 21))
        assert sorted(kept) == list(range(9, 29))

    async def test_keys_that_a_moving_slot_has_torn_apart_are_tried_for_a_while(self, fresh: Clustered) -> None:
        async with script_on(fresh.url) as script:
            await increment(script, SPREAD[0])
            source = home(fresh, script, SPREAD[0])
            ask(source, "CONFIG", "RESETSTAT")
            with moving(SPREAD[0], source, other_than(fresh, source)):
                torn, whole = await script.run([([SPREAD[0], f"{SPREAD[0]}b"], [1]), ([SPREAD[0]], [1])])
            tries = ask(source, "INFO", "errorstats")["errorstat_TRYAGAIN"]["count"]

        assert tries > 1
        assert isinstance(torn, TryAgainError)
        assert whole == 2

    async def test_a_node_that_has_no_slots_yet_is_found(self, tmp_path: Path) -> None:
        with clustered(tmp_path) as servers, add_node(servers, tmp_path / "new") as new:
            async with script_on(servers.url) as script:
                await increment(script, SPREAD[0])
                with moving(SPREAD[0], home(servers, script, SPREAD[0]), new):
                    answers = [await increment(script, f"{SPREAD[0]}new") for _ in range(3)]

        assert answers == [[1], [2], [3]]

    async def test_a_slot_that_has_moved_is_found(self, fresh: Clustered) -> None:
        async with script_on(fresh.url) as script:
            await increment(script, *SPREAD)
            source = home(fresh, script, SPREAD[0])
            target = other_than(fresh, source)
            fresh.move_by_key(ask(source, "CLUSTER", "KEYSLOT", SPREAD[0]), source, target)
            answers = await increment(script, *SPREAD)
            lane = script.lane(SPREAD[0])

        assert answers == [2] * len(SPREAD)
        assert lane == f"127.0.0.1:{target.port}"

    async def test_a_frozen_node_fails_its_own_calls_only(self, fresh: Clustered) -> None:
        async with script_on(fresh.url) as script:
            await increment(script, *SPREAD)
            frozen = home(fresh, script, SPREAD[0])
            theirs = [home(fresh, script, key) is frozen for key in SPREAD]
            os.kill(frozen.pid, signal.SIGSTOP)
            try:
                async with asyncio.timeout(3 * TIMEOUT):
                    answers = await increment(script, *SPREAD)
            finally:
                os.kill(frozen.pid, signal.SIGCONT)
            await asyncio.sleep(TIMEOUT)
            later = await increment(script, *SPREAD)

        assert [isinstance(answer, TimeoutError) for answer in answers] == theirs
        assert kinds(later) == {int}

    async def test_without_a_cluster_every_call_has_its_error(self, redis_url: str) -> None:
        for url in ("redis+cluster://127.0.0.1:9,127.0.0.1:10", f"redis+cluster://127.0.0.1:{port_of(redis_url)}"):
            async with script_on(url) as script:
                answers = await increment(script, *SPREAD)

            assert len(answers) == len(SPREAD)
            assert all(isinstance(each, RedisConnectionError) for each in answers)

    async def test_slots_are_an_error_until_a_node_has_them(self, tmp_path: Path) -> None:
        options = {"cluster_enabled": "yes", "cluster_port": free_port(), "cluster_require_full_coverage": "no"}
        with discarded(Valkey(tmp_path / "new", **options)) as node:
            low, high = sorted(("a", "b"), key=lambda key: int(ask(node, "CLUSTER", "KEYSLOT", key)))
            slot = ask(node, "CLUSTER", "KEYSLOT", high)
            async with script_on(f"redis+cluster://127.0.0.1:{node.port}") as script:
                none = await increment(script, low, high)
                ask(node, "CLUSTER", "ADDSLOTSRANGE", 0, slot - 1)
                await counts_again(script, low)
                one = await increment(script, low, high)
                ask(node, "CLUSTER", "ADDSLOTSRANGE", slot, 16383)
                await counts_again(script, low, high)

        assert kinds(none) == {RedisConnectionError}
        assert [type(answer) for answer in one] == [int, SlotNotCoveredError]

    async def test_the_replica_of_a_dead_node_takes_over(self, tmp_path: Path) -> None:
        with clustered(tmp_path) as servers, add_replica(servers, servers.masters[0], tmp_path / "replica") as replica:
            async with script_on(servers.url) as script:
                await increment(script, *SPREAD)
                theirs = [key for key in SPREAD if home(servers, script, key) is servers.masters[0]]
                kill(servers.masters[0])
                await counts_again(script, *SPREAD)
                lanes = {script.lane(key) for key in theirs}

        assert lanes == {f"127.0.0.1:{replica.port}"}


@contextlib.contextmanager
def moving(key: str, source: Valkey, target: Valkey) -> Iterator[None]:
    """Hold a key's slot between two nodes."""
    slot = ask(source, "CLUSTER", "KEYSLOT", key)
    ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ask(source, "CLUSTER", "MYID"))
    ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", ask(target, "CLUSTER", "MYID"))
    try:
        yield
    finally:
        for each in (source, target):
            ask(each, "CLUSTER", "SETSLOT", slot, "STABLE")
        ask(target, "FLUSHALL")
