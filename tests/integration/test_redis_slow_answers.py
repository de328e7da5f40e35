"""A Redis that is slow now and then costs those who wait for it, and nobody else; and nothing waits for ever."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio.connection import AbstractConnection

from tbg.config import Settings
from tbg.logs import configure_logging
from tests.conftest import Logged
from tests.support.limiting import Limiter, counts_again, limiter_on, own_tasks, rule
from tests.support.relay import Relay, relay_to
from tests.support.servers import discarded
from tests.support.topologies import Valkey

PLENTY = rule(1_000_000)
DEFAULT = Settings().redis_timeout_seconds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with discarded(Valkey(tmp_path_factory.mktemp("valkey") / "data")) as server:
        yield server


@pytest.fixture
async def relay(server: Valkey) -> AsyncIterator[Relay]:
    async with relay_to(server.port) as relay:
        yield relay


async def outcomes(limiter: Limiter, seconds: float, pause: float) -> Counter[str]:
    """Ask all the time, without waiting for what is slow."""
    end, checks = time.monotonic() + seconds, []
    while time.monotonic() < end:
        checks.append(asyncio.create_task(limiter.check(PLENTY)))
        await asyncio.sleep(pause)
    return Counter(verdict.outcome for verdict in await asyncio.gather(*checks))


async def test_a_few_slow_answers_cost_their_own_requests_and_no_line(relay: Relay, logged: Logged) -> None:
    """Two in a hundred take four times as long as anybody waits."""
    configure_logging(Settings())
    chance = random.Random(7)
    relay.late = lambda: 4 * DEFAULT if chance.random() < 0.02 else 0.0
    async with limiter_on(relay.url, DEFAULT) as limiter:
        await limiter.limiter.start()
        counts = await outcomes(limiter, 3.0, 0.005)

    assert 0 < counts["uncounted"] < 0.06 * counts.total()
    assert counts["admitted"] + counts["uncounted"] == counts.total()
    assert relay.connections < 20
    assert not logged()


async def test_a_server_that_stands_still_for_a_moment_is_asked_again_when_it_answers(relay: Relay) -> None:
    async with limiter_on(relay.url, DEFAULT) as limiter:
        await limiter.limiter.start()
        await limiter.check(PLENTY)
        stands_until = time.monotonic() + 0.6
        relay.late = lambda: max(0.0, stands_until - time.monotonic())
        during = await outcomes(limiter, 0.5, 0.01)
        await asyncio.sleep(0.25)
        after = await outcomes(limiter, 0.3, 0.01)

    assert during["uncounted"] > 10
    assert set(after) == {"admitted"}, "the late answer is evidence, and no connection was thrown away"
    assert relay.connections < 10


class _Odd:
    """Fails as no Redis would, where redis-py reads an answer."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def __call__(self, *_: object, **__: object) -> object:
        raise self.error


@pytest.mark.parametrize("error", [MemoryError(), AssertionError("a bug"), ValueError("not UTF-8"), RecursionError()])
async def test_no_exception_leaves_a_request_waiting(relay: Relay, error: Exception) -> None:
    async with limiter_on(relay.url, 5.0) as limiter:
        await limiter.check(PLENTY)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(AbstractConnection, "read_response", _Odd(error))
            async with asyncio.timeout(2):
                during = await asyncio.gather(*(limiter.check(PLENTY) for _ in range(20)))
        await counts_again(limiter)

    assert {each.outcome for each in during} <= {"admitted", "uncounted"}


async def test_what_is_cancelled_leaves_nothing_behind(relay: Relay) -> None:
    async with limiter_on(relay.url, 0.2) as limiter:
        await limiter.check(PLENTY)
        await asyncio.sleep(0.1)
        before = own_tasks()
        relay.hold_one()
        checks = [asyncio.create_task(limiter.check(PLENTY)) for _ in range(50)]
        await asyncio.sleep(0.02)
        for check in checks:
            check.cancel()
        await asyncio.gather(*checks, return_exceptions=True)
        await asyncio.sleep(0.3)
        verdict = await limiter.check(PLENTY)
        after = own_tasks()

    assert verdict.outcome == "admitted"
    assert after <= before + 2, "one connection more, for the one that is slow"
