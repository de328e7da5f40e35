"""One script on every topology: each call's own answer, in one go, counted once, whatever the servers are doing."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import typed_settings as ts
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError, SlotNotCoveredError, TryAgainError

from tbg.config import Settings
from tbg.dev.ports import free_port
from tbg.redis_client import create_redis
from tbg.redis_script import RedisScript, redis_script
from tests.support.gunicorn import wait_until
from tests.support.servers import discarded, kill
from tests.support.topologies import Clustered, Replicated, Valkey, add_node, add_replica, ask, clustered, replicated

SOURCE = "local sum = 0; for _, key in ipairs(KEYS) do sum = sum + redis.call('INCRBY', key, ARGV[1]) end; return sum"
TIMEOUT = 0.3
SPREAD = [f"{{spread-{number}}}" for number in range(12)]  # some for every node


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clustered]:
    """A Cluster whose nodes a test may freeze, and whose slots it may move, but not kill."""
    with clustered(tmp_path_factory.mktemp("cluster")) as servers:
        yield servers


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicated]:
    """A master, of which the last test makes an end, a replica and Sentinels."""
    with replicated(tmp_path_factory.mktemp("replicated")) as servers:
        yield servers


@pytest.fixture
def fresh(cluster: Clustered) -> Clustered:
    """The same, without keys and scripts."""
    for each in cluster.masters:
        ask(each, "FLUSHALL")
        ask(each, "SCRIPT", "FLUSH")
    return cluster


@contextlib.asynccontextmanager
async def script_on(url: str, source: str = SOURCE, connections: int = 50) -> AsyncIterator[RedisScript]:
    settings = Settings(redis_url=ts.SecretStr(url), redis_timeout_seconds=TIMEOUT, redis_max_connections=connections)
    client = create_redis(settings)
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


def other_than(servers: Clustered, server: Valkey) -> Valkey:
    return next(each for each in servers.masters if each is not server)


def home(servers: Clustered, script: RedisScript, key: str) -> Valkey:
    return next(each for each in servers.masters if script.lane(key).endswith(f":{each.port}"))


def kinds(answers: Sequence[object]) -> set[type]:
    return {type(answer) for answer in answers}


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


@contextlib.asynccontextmanager
async def losing_an_answer(target: int) -> AsyncIterator[int]:
    """Pass on everything to a server and back, but close the connection instead of the answer 2."""

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", target)
        while data := await reader.read(65536):
            inner_writer.write(data)
            answer = await inner_reader.read(65536)
            if answer == b":2\r\n":
                break
            writer.write(answer)
        for each in (inner_writer, writer):
            each.close()

    async with await asyncio.start_server(accepted, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


class TestOneServer:
    async def test_a_script_is_loaded_when_the_server_does_not_know_it(self, redis_url: str) -> None:
        async with script_on(redis_url) as script:
            assert await increment(script, "a", "b", "a") == [1, 1, 2]
            ask(port_of(redis_url), "SCRIPT", "FLUSH")
            assert await increment(script, "a", "b", "a") == [3, 2, 4]

    async def test_a_call_that_fails_does_so_alone(self, redis_url: str) -> None:
        async with script_on(redis_url) as script:
            first, broken, last = await script.run([(["a"], [1]), (["a"], ["x"]), (["a"], [1])])

        assert (first, last) == (1, 2)
        assert isinstance(broken, ResponseError)

    async def test_a_call_whose_answer_is_lost_is_not_repeated(self, redis_url: str) -> None:
        """Sent again it would count twice."""
        async with losing_an_answer(port_of(redis_url)) as port, script_on(f"redis://127.0.0.1:{port}/0") as script:
            first, lost, later = [(await increment(script, "a"))[0] for _ in range(3)]

        assert first == 1
        assert isinstance(lost, RedisConnectionError)
        assert later == 3

    async def test_everything_has_one_lane(self, redis_url: str) -> None:
        async with script_on(redis_url) as script:
            assert {script.lane(key) for key in SPREAD} == {""}


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

        assert sorted(answers) == [[number] * 3 for number in range(1, 201)]

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

        assert [isinstance(answer, RedisError) for answer in answers] == theirs
        assert kinds(later) == {int}

    async def test_without_a_cluster_every_call_has_its_error(self, redis_url: str) -> None:
        for url in ("redis+cluster://127.0.0.1:9,127.0.0.1:10", f"redis+cluster://127.0.0.1:{port_of(redis_url)}"):
            async with script_on(url) as script:
                answers = await increment(script, *SPREAD)

            assert len(answers) == len(SPREAD)
            assert kinds(answers) == {RedisConnectionError}

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


class TestSentinel:
    async def test_who_finds_all_connections_in_use_waits(self, servers: Replicated) -> None:
        async with script_on(servers.url, connections=2) as script:
            answers = await asyncio.gather(*(increment(script, "busy") for _ in range(100)))

        assert sorted(answers) == [[number] for number in range(1, 101)]

    async def test_a_sentinel_that_is_silent_keeps_nobody_from_the_others(self, servers: Replicated) -> None:
        """Each attempt is given up before the silent one's time is over."""
        silent = servers.sentinels[0]
        os.kill(silent.pid, signal.SIGSTOP)
        try:
            async with script_on(servers.url) as script:
                answers = []
                for _ in range(6):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(TIMEOUT / 2):
                            answers += await increment(script, "found")
        finally:
            os.kill(silent.pid, signal.SIGCONT)

        assert answers[-1:] == [len(answers)]

    async def test_a_new_master_is_found_and_learns_the_script(self, servers: Replicated) -> None:
        async with script_on(servers.url) as script:
            assert kinds(await increment(script, "before")) == {int}
            old = servers.master
            kill(old)
            wait_until(lambda: servers.master is not old, 15, "another master")
            await counts_again(script, "after")
