"""One limit for four gunicorns with two workers each, under a load that none of them can serve at leisure.

Exactly the limit is admitted. A flush of Redis frees a client once, so at most twice the limit is admitted within a
window; a restart without its data is a flush, after a time in which nobody is counted.
"""

import asyncio
import re
import struct
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest
import redis

from tbg.dev.valkey import EmbeddedValkey
from tests.conftest import gunicorn
from tests.support.gunicorn import Gunicorn, wait_until
from tests.support.servers import discarded, kill

SERVERS = 4
WORKERS = 2
CONNECTIONS = 256
LIMIT = 2_000
BACK_SECONDS = 1.0 + 3.0  # a probe is sent once a second; the rest is for a machine that is busy


HEAD = re.compile(rb"HTTP/1\.1 (\d+).*?\r\n\r\n", re.DOTALL)


@attrs.frozen
class Answer:
    """One response: when it came, and how many requests were left then, or None if nobody has counted."""

    at: float
    status: int
    remaining: int | None


@attrs.frozen
class Fleet:
    """All servers on one Redis, which believe whom a request is for."""

    ports: Sequence[int]
    valkey: EmbeddedValkey
    redis: redis.Redis

    async def ask(self, client: str, requests: int) -> list[Answer]:
        """Ask as one client over many connections at once, each of which always has its next request sent already."""
        shares = [requests // CONNECTIONS + (number < requests % CONNECTIONS) for number in range(CONNECTIONS)]
        async with asyncio.timeout(90):
            answers = await asyncio.gather(
                *(ask_on(self.ports[number % SERVERS], client, share) for number, share in enumerate(shares))
            )
        return [answer for those in answers for answer in those]

    def used(self, client: str) -> int:
        """Return how many requests of a client Redis has counted."""
        return counted(self.redis.get(key_of(client)))

    def asked(self) -> int:
        """Return how often a script was run since the server began to count."""
        return int(self.redis.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])


async def ask_on(port: int, client: str, requests: int) -> list[Answer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET /version HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {client}\r\n{{}}\r\n"
    writer.write((request.format("") * (requests - 1) + request.format("Connection: close\r\n")).encode())
    answers, received = [], b""
    while piece := await reader.read(65_536):
        received += piece
        end = 0
        for head in HEAD.finditer(received):
            end = head.end()
            remaining = re.search(rb"x-ratelimit-remaining: (\d+)", head[0])
            answers.append(Answer(time.monotonic(), int(head[1]), int(remaining[1]) if remaining else None))
        received = received[end:]
    writer.close()
    await writer.wait_closed()
    assert len(answers) == requests
    return answers


def counted(packed: object) -> int:
    """Return what a key's buckets count together."""
    assert packed is None or isinstance(packed, bytes)
    return sum(cost for *_, cost in struct.iter_unpack(">7s5sI", packed or b""))


def key_of(client: str) -> str:
    return f"ratelimit:{{{client}}}:default"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Fleet]:
    directory = tmp_path_factory.mktemp("fleet")
    with discarded(EmbeddedValkey(directory / "valkey")) as valkey, ExitStack() as stack:
        servers = [launched(directory / str(number), postgres_url, valkey.url) for number in range(SERVERS)]
        for server in servers:
            stack.callback(server.kill)
        for server in servers:
            wait_until(lambda: server.text().count("Application startup complete") == WORKERS, 60, "the start")  # noqa: B023 - waited for here
        with redis.Redis.from_url(valkey.url) as client:
            client.config_set("save", "")  # so that a restart loses everything
            yield Fleet([server.port for server in servers], valkey, client)
        with ThreadPoolExecutor() as all_at_once:
            list(all_at_once.map(Gunicorn.stop, servers))


def launched(directory: Path, postgres_url: str, redis_url: str) -> Gunicorn:
    server = gunicorn(
        directory,
        postgres_url,
        redis_url,
        workers=WORKERS,
        rate_limit_requests=LIMIT,
        rate_limit_window_seconds=600,  # nothing leaves it while the test runs, however slow the machine
        trusted_proxies=("127.0.0.1",),
    )
    server.launch()
    return server


async def test_eight_workers_admit_exactly_the_limit(fleet: Fleet) -> None:
    """And ask Redis for many at once, and not at all for those who are known to be refused."""
    before = fleet.asked()
    started = time.monotonic()
    answers = await fleet.ask("192.0.2.1", 20_000)
    seconds = time.monotonic() - started
    refused = [answer for answer in answers if answer.status == 429]
    asked = fleet.asked() - before

    print(f"20000 requests in {seconds:.1f} s: {20_000 / seconds:.0f}/s; Redis was asked {asked} times")
    assert sorted(answer.remaining or 0 for answer in answers if answer.status == 200) == list(range(LIMIT))
    assert len(refused) == 20_000 - LIMIT
    assert {answer.remaining for answer in refused} == {0}
    assert 0 < asked < LIMIT


async def test_a_flush_frees_a_client_once(fleet: Fleet) -> None:
    """What was admitted before, and exactly the limit again: not more than twice the limit."""

    def flush() -> int:
        wait_until(lambda: fleet.used("192.0.2.2") >= LIMIT // 4, 30, "a quarter of the limit")
        with fleet.redis.pipeline(transaction=True) as pipeline:
            pipeline.get(key_of("192.0.2.2"))
            pipeline.flushall()
            return counted(pipeline.execute()[0])

    flushed, answers = await asyncio.gather(asyncio.to_thread(flush), fleet.ask("192.0.2.2", 3 * LIMIT))

    assert LIMIT // 4 <= flushed < LIMIT
    admitted = [answer for answer in answers if answer.status == 200]
    assert len(admitted) == flushed + LIMIT
    assert None not in {answer.remaining for answer in answers}, "all are counted"


async def test_a_restart_without_data_is_a_flush_after_a_time_without_counting(fleet: Fleet) -> None:
    """What is counted is at most twice the limit; what is not passed while Redis was away or lost the answer."""

    def restart() -> tuple[float, float]:
        wait_until(lambda: fleet.used("192.0.2.3") >= LIMIT // 4, 30, "a quarter of the limit")
        killed = time.monotonic()
        kill(fleet.valkey)
        fleet.valkey.start()
        return killed, time.monotonic()

    restarted = asyncio.create_task(asyncio.to_thread(restart))
    answers: list[Answer] = []
    async with asyncio.timeout(60):
        while not any(answer.status == 429 for answer in answers):
            answers += await fleet.ask("192.0.2.3", LIMIT)
        killed, back = await restarted
    admitted = [answer for answer in answers if answer.status == 200 and answer.remaining is not None]
    uncounted = [answer for answer in answers if answer.remaining is None]

    print(
        f"away for {back - killed:.2f} s; {len(admitted)} counted, {len(uncounted)} uncounted until "
        f"{max(answer.at for answer in uncounted) - back:.2f} s after that"
    )
    assert LIMIT < len(admitted) <= 2 * LIMIT
    assert {answer.status for answer in uncounted} == {200}
    assert all(killed <= answer.at <= back + BACK_SECONDS for answer in uncounted)
