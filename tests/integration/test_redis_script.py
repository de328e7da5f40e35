"""One script on one server and behind Sentinel: each call has its own answer, in one go, and counts once."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from tests.support.gunicorn import wait_until
from tests.support.scripts import SPREAD, TIMEOUT, counts_again, increment, kinds, port_of, script_on
from tests.support.servers import kill
from tests.support.topologies import Replicated, replicated


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicated]:
    """A master, of which the last test makes an end, a replica and Sentinels."""
    with replicated(tmp_path_factory.mktemp("replicated")) as servers:
        yield servers


def flush_scripts(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.script_flush()


def through(port: int, url: str) -> str:
    """Return the URL of a server behind a port of this test's."""
    return url.replace(f":{port_of(url)}/", f":{port}/")


@contextlib.asynccontextmanager
async def losing_an_answer(target: int) -> AsyncIterator[int]:
    """Pass on everything to a server and back, but close the connection instead of the answer 2."""

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", target)
        while data := await reader.read(65536):
            inner_writer.write(data)
            answer = await inner_reader.read(65536)
            if answer.endswith(b":2\r\n"):
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
            flush_scripts(redis_url)
            assert await increment(script, "a", "b", "a") == [3, 2, 4]

    async def test_a_call_that_fails_does_so_alone(self, redis_url: str) -> None:
        async with script_on(redis_url) as script:
            first, broken, last = await script.run([(["a"], [1]), (["a"], ["x"]), (["a"], [1])])

        assert (first, last) == (1, 2)
        assert isinstance(broken, ResponseError)

    async def test_a_call_whose_answer_is_lost_is_not_repeated(self, redis_url: str) -> None:
        """Sent again it would count twice."""
        async with losing_an_answer(port_of(redis_url)) as port, script_on(through(port, redis_url)) as script:
            first, lost, later = [(await increment(script, "a"))[0] for _ in range(3)]

        assert first == 1
        assert isinstance(lost, RedisConnectionError)
        assert later == 3

    async def test_everything_has_one_lane(self, redis_url: str) -> None:
        async with script_on(redis_url) as script:
            assert {script.lane(key) for key in SPREAD} == {""}


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
                for _ in range(12):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(TIMEOUT / 2):
                            answers += await increment(script, "found")
        finally:
            os.kill(silent.pid, signal.SIGCONT)

        assert isinstance(answers[-1], int)

    async def test_a_new_master_is_found_and_learns_the_script(self, servers: Replicated) -> None:
        async with script_on(servers.url) as script:
            assert kinds(await increment(script, "before")) == {int}
            old = servers.master
            kill(old)
            wait_until(lambda: servers.master is not old, 15, "another master")
            await counts_again(script, "after")
