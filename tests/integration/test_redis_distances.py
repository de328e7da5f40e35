"""The limit holds wherever Redis is: far away, behind a network that loses connections, or beside a busy process."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

import attrs
import pytest
import redis

from tbg.config import Settings
from tbg.logs import configure_logging
from tests.conftest import Logged
from tests.support.limiting import Limiter, counts_again, limiter_on, own_tasks, rule
from tests.support.relay import Relay, relay_to
from tests.support.servers import discarded
from tests.support.tls import Authority, authority, relay, server_context
from tests.support.topologies import Valkey

PLENTY = rule(1_000_000)
DEFAULT = Settings().redis_timeout_seconds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A server of these tests' own, which wants a password, as that takes one round trip more."""
    with discarded(Valkey(tmp_path_factory.mktemp("valkey") / "data", requirepass="secret")) as server:
        yield server


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls") / "authority")


@attrs.frozen
class Way:
    """A relay and the URL of what is behind it."""

    relay: Relay
    url: str


@pytest.fixture(params=["plain", "tls"])
async def way(request: pytest.FixtureRequest, server: Valkey, trusted: Authority) -> AsyncIterator[Way]:
    if request.param == "plain":
        async with relay_to(server.port) as between:
            yield Way(between, f"redis://:secret@127.0.0.1:{between.port}/0")
    else:
        with relay(server.port, server_context(*trusted.sign("relay", "IP:127.0.0.1"))) as port:
            async with relay_to(port) as between:  # what it makes late is the handshake, too
                url = f"rediss://:secret@127.0.0.1:{between.port}/0?ssl_ca_certs={trusted.certificate}"
                yield Way(between, url)


async def outcomes(limiter: Limiter, seconds: float) -> list[str]:
    """Ask all the time, several at once, for so long."""
    end, verdicts = time.monotonic() + seconds, []
    while time.monotonic() < end:
        verdicts += await asyncio.gather(*(limiter.check(PLENTY) for _ in range(3)))
        await asyncio.sleep(0.01)
    return [each.outcome for each in verdicts]


@pytest.mark.parametrize("delay", [0.03, 0.08])
async def test_a_distant_server_counts_everything_from_the_first_request_on_and_after_each_cut(
    way: Way, server: Valkey, delay: float
) -> None:
    way.relay.delay_seconds = delay
    async with limiter_on(way.url, DEFAULT) as limiter:
        await limiter.limiter.start()
        fresh = await outcomes(limiter, 0.5)
        with redis.Redis("127.0.0.1", server.port, password="secret") as admin:
            admin.execute_command("CLIENT", "KILL", "TYPE", "normal")
        await counts_again(limiter)
        later = await outcomes(limiter, 0.5)

    assert set(fresh) == set(later) == {"admitted"}


async def test_a_network_that_loses_its_connections_silently_is_left(way: Way) -> None:
    async with limiter_on(way.url, DEFAULT) as limiter:
        await limiter.limiter.start()
        await outcomes(limiter, 0.2)
        way.relay.mute()
        await counts_again(limiter)
        later = await outcomes(limiter, 0.5)

    assert set(later) == {"admitted"}


async def test_a_server_that_is_too_far_away_is_not_asked_in_vain(way: Way, logged: Logged) -> None:
    """Whoever waits gets no answer in time; so nobody waits, and that is told once."""
    configure_logging(Settings())
    way.relay.delay_seconds = 0.4
    async with limiter_on(way.url, 0.1) as limiter:
        await limiter.limiter.start()
        seconds = []
        for _ in range(150):
            started = time.monotonic()
            await limiter.check(PLENTY)
            seconds.append(time.monotonic() - started)
            await asyncio.sleep(0.01)
        way.relay.delay_seconds = 0.0
        await counts_again(limiter)

    assert sorted(seconds)[-3] < 0.05
    assert [line["event"] for line in logged()] == ["rate_limit.unavailable", "rate_limit.restored"]


async def test_handshakes_that_are_cut_leave_nothing_behind(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    way.relay.delay_seconds = 0.05
    async with limiter_on(way.url, DEFAULT) as limiter:
        for _ in range(8):
            check = asyncio.create_task(limiter.check(PLENTY))
            await asyncio.sleep(0.06)
            way.relay.cut()
            await check
        way.relay.delay_seconds = 0.0
        await counts_again(limiter)
    async with limiter_on(way.url, DEFAULT) as limiter:
        way.relay.delay_seconds = 0.05
        check = asyncio.create_task(limiter.check(PLENTY))
        await asyncio.sleep(0.06)
    await check

    assert not [record for record in caplog.records if record.name == "asyncio"]
    assert own_tasks() == 0


async def stutter(seconds: float) -> None:
    while True:
        time.sleep(seconds)  # noqa: ASYNC251 - the event loop stands still, between any two of its turns
        await asyncio.sleep(0)


@pytest.mark.parametrize("seconds", [0.03, 0.15])
@pytest.mark.parametrize("is_cold", [False, True], ids=["warm", "cold"])
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
async def test_a_busy_process_is_no_slow_redis(
    server: Valkey, trusted: Authority, scheme: str, seconds: float, *, is_cold: bool
) -> None:
    """What arrives in time counts, however late the event loop looks, and if the question itself went out late."""
    with contextlib.ExitStack() as stack:
        url = f"redis://:secret@127.0.0.1:{server.port}/0"
        if scheme == "rediss":
            port = stack.enter_context(relay(server.port, server_context(*trusted.sign("busy", "IP:127.0.0.1"))))
            url = f"rediss://:secret@127.0.0.1:{port}/0?ssl_ca_certs={trusted.certificate}"
        # In relation to a turn of the event loop: 0.1 seconds and turns of 0.15, in less time.
        async with limiter_on(url, seconds * 2 / 3) as limiter:
            if not is_cold:
                await limiter.limiter.start()
            busy = asyncio.create_task(stutter(seconds / 3))
            checks = [asyncio.create_task(limiter.check(PLENTY)) for _ in range(3)]
            verdicts = await asyncio.gather(*checks)
            busy.cancel()

    assert [each.outcome for each in verdicts] == ["admitted"] * 3
