"""The limiter's way to Redis: few round trips, no batch that harms another, and none at all where they are in vain."""

import asyncio
import os
import signal
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import attrs
import pytest
import redis

from tbg.config import Settings
from tbg.logs import configure_logging
from tbg.rate_limiting import Rule, Verdict
from tbg.rate_limiting.policies import Charge
from tbg.redis.server import SPARE
from tests.conftest import Logged
from tests.support.limiting import Limiter, counts_again, limiter_on, policy, rule
from tests.support.relay import Relay, relay_to
from tests.support.servers import discarded
from tests.support.topologies import Valkey
from tests.support.wire import Wire

UNCOUNTED = Verdict("uncounted")
PLENTY = rule(1_000_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A server of these tests' own, whose configuration they may change."""
    with discarded(Valkey(tmp_path_factory.mktemp("valkey") / "data")) as server:
        yield server


@pytest.fixture(autouse=True)
def admin(server: Valkey) -> Iterator[redis.Redis]:
    """The server, empty, without detours."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
async def relay(server: Valkey) -> AsyncIterator[Relay]:
    async with relay_to(server.port) as relay:
        yield relay


async def outcomes(limiter: Limiter, count: int, requests: int = 1_000_000) -> Counter[str]:
    """Ask so often within one turn of the event loop."""
    async with asyncio.timeout(20):
        verdicts = await asyncio.gather(*(limiter.check(rule(requests)) for _ in range(count)))
    return Counter(verdict.outcome for verdict in verdicts)


async def test_the_checks_of_one_turn_are_one_round_trip(relay: Relay) -> None:
    async with limiter_on(relay.url) as limiter:
        await limiter.check(PLENTY)
        before = relay.trips
        together = await outcomes(limiter, 200)
        for_two_hundred = relay.trips - before
        for _ in range(3):
            await limiter.check(PLENTY)

    assert together == {"admitted": 200}
    assert for_two_hundred == 1
    assert relay.trips - before == 1 + 3
    assert relay.connections <= 1 + SPARE


async def test_a_lone_check_waits_for_nobody(server: Valkey) -> None:
    """It takes as long as its round trip: no timer collects others."""
    async with limiter_on(server.url) as limiter:
        await limiter.check(PLENTY)
        seconds = []
        for _ in range(300):
            started = time.perf_counter()
            await limiter.check(PLENTY)
            seconds.append(time.perf_counter() - started)

    print(f"a lone check: median {statistics.median(seconds) * 1e6:.0f} µs")
    assert statistics.median(seconds) < 0.005


@pytest.mark.parametrize("turns", [1, 50])
async def test_five_thousand_checks_need_two_connections(relay: Relay, turns: int) -> None:
    async def later(limiter: Limiter, number: int) -> str:
        for _ in range(number % turns):
            await asyncio.sleep(0)
        return (await limiter.check(rule(1_000))).outcome

    async with limiter_on(f"{relay.url}?max_connections=2") as limiter, asyncio.timeout(20):
        answers = await asyncio.gather(*(later(limiter, number) for number in range(5_000)))

    assert Counter(answers) == {"admitted": 1_000, "refused": 4_000}
    assert relay.connections <= 2


async def test_a_script_that_is_gone_is_loaded_and_counts_once(relay: Relay, admin: redis.Redis) -> None:
    async with limiter_on(relay.url) as limiter:
        await limiter.check(PLENTY)
        admin.script_flush()
        before = relay.trips
        async with asyncio.timeout(10):
            verdicts = await asyncio.gather(*(limiter.check(PLENTY) for _ in range(50)))
        trips = relay.trips - before

    assert [verdict.states[0].remaining for verdict in verdicts] == [999_998 - number for number in range(50)]
    assert trips == 2


async def test_requests_that_are_cancelled_harm_no_others(relay: Relay) -> None:
    async with limiter_on(relay.url) as limiter:
        await limiter.check(PLENTY)
        release = relay.hold_one()
        checks = [asyncio.create_task(limiter.check(PLENTY)) for _ in range(20)]
        await asyncio.sleep(0.05)
        for check in checks[:10]:
            check.cancel()
        release.set()
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*checks, return_exceptions=True)
        verdict = await limiter.check(PLENTY)

    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[:10])
    assert all(isinstance(answer, Verdict) and answer.outcome == "admitted" for answer in answers[10:])
    assert verdict.states[0].remaining == 1_000_000 - 22, "who is gone was charged: the answer was on its way"


async def test_what_comes_while_a_batch_is_under_way_goes_together(relay: Relay) -> None:
    async with limiter_on(relay.url) as limiter:
        await limiter.check(PLENTY)
        before = relay.trips
        checks = []
        for _ in range(200):
            checks.append(asyncio.create_task(limiter.check(PLENTY)))
            await asyncio.sleep(0)
        answers = await asyncio.gather(*checks)
        trips = relay.trips - before

    assert {answer.outcome for answer in answers} == {"admitted"}
    assert trips < 100, "a batch for each turn would be 200"


async def test_a_busy_process_is_no_slow_redis(server: Valkey) -> None:
    """What has arrived in time counts, though nobody could look at it before the time-out had passed."""
    async with limiter_on(server.url, timeout_seconds=0.1) as limiter:
        await limiter.check(PLENTY)
        check = asyncio.create_task(limiter.check(PLENTY))
        for _ in range(4):
            await asyncio.sleep(0)  # until the question is out
        time.sleep(0.3)  # noqa: ASYNC251 - the event loop stands still

        assert (await check).outcome == "admitted"


async def test_a_slow_batch_delays_no_other(relay: Relay) -> None:
    async with limiter_on(relay.url) as limiter:
        await limiter.check(PLENTY)
        release = relay.hold_one()
        slow = asyncio.create_task(outcomes(limiter, 10))
        await asyncio.sleep(0.05)
        started = time.monotonic()
        others = [await outcomes(limiter, 10) for _ in range(20)]
        seconds = time.monotonic() - started
        is_slow_still = not slow.done()
        release.set()
        late = await slow

    assert is_slow_still
    assert others == [{"admitted": 10}] * 20
    assert seconds < 2
    assert late == {"admitted": 10}


async def test_a_batch_that_times_out_fails_alone_while_others_are_answered(relay: Relay, logged: Logged) -> None:
    configure_logging(Settings())
    async with limiter_on(relay.url, timeout_seconds=0.5) as limiter:
        await limiter.check(PLENTY)
        relay.hold_one()
        lost = asyncio.create_task(outcomes(limiter, 10))
        await asyncio.sleep(0.05)
        meanwhile = await outcomes(limiter, 10)
        failed = await lost
        after = await outcomes(limiter, 10)

    assert [meanwhile, after] == [{"admitted": 10}] * 2
    assert failed == {"uncounted": 10}
    assert limiter.counted("uncounted", cause="timeout") == 10
    assert not logged()


async def test_a_slow_answer_with_nothing_beside_it_costs_a_round_trip_and_no_line(
    relay: Relay, logged: Logged
) -> None:
    configure_logging(Settings())
    async with limiter_on(relay.url, timeout_seconds=0.2) as limiter:
        await limiter.check(PLENTY)
        relay.hold_one()
        lost = await limiter.check(PLENTY)
        seconds = await counts_again(limiter)

    assert lost == UNCOUNTED
    assert seconds < 0.2, "a probe goes out at once, over all other connections"
    assert not logged()


async def test_a_server_that_is_gone_is_asked_for_ever_less_often_once_a_second_at_last() -> None:
    opened: list[float] = []

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(time.monotonic())
        writer.close()
        await writer.wait_closed()

    gone = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = gone.sockets[0].getsockname()[1]
    async with gone, limiter_on(f"redis://127.0.0.1:{port}/0") as limiter:
        end = time.monotonic() + 2.5
        verdicts = []
        while time.monotonic() < end:
            verdicts += await asyncio.gather(*(limiter.check(PLENTY) for _ in range(20)))
            await asyncio.sleep(0.005)

    pauses = [later - earlier for earlier, later in pairwise(opened)]
    assert set(verdicts) == {UNCOUNTED}
    assert len(opened) <= 7, "at once, for the probe, and after 0.1, 0.2, 0.4, 0.8 seconds and one"
    assert pauses[-1] > 0.5


async def both(limiter: Limiter) -> tuple[str, str]:
    """Return what becomes of a request whose policy fails open, and of one whose policy fails closed."""
    opened, closed = rule(), rule(name="closed", fail_closed=True)
    return (await limiter.check(opened)).outcome, (await limiter.check(closed)).outcome


@attrs.frozen
class Unwritable:
    """A way to make a server refuse writes, to mend it, and what redis-py says in between."""

    breaks: str
    mends: str
    reason: str


UNWRITABLE = {
    "READONLY": Unwritable("REPLICAOF 127.0.0.1 9", "REPLICAOF NO ONE", "ReadOnlyError"),
    "OOM": Unwritable(
        "CONFIG SET maxmemory-policy noeviction maxmemory 1",
        "CONFIG SET maxmemory 256mb maxmemory-policy allkeys-lru",
        "OutOfMemoryError",
    ),
    "NOPERM": Unwritable("ACL SETUSER default -@write", "ACL SETUSER default +@all", "ResponseError"),
}


def tell(server: Valkey, command: str) -> None:
    with Wire(server.port) as wire:
        wire.send(command.encode() + b"\r\n")
        assert wire.socket.recv(64).startswith(b"+OK"), command


@pytest.mark.parametrize("unwritable", UNWRITABLE.values(), ids=UNWRITABLE)
async def test_a_server_that_takes_no_writes_counts_nobody(
    server: Valkey, unwritable: Unwritable, logged: Logged
) -> None:
    """A probe that only reads would think it well, again and again."""
    configure_logging(Settings())
    async with limiter_on(server.url) as limiter:
        before = await both(limiter)
        tell(server, unwritable.breaks)
        try:
            during = [await both(limiter) for _ in range(3)]
            await asyncio.sleep(1.2)  # a probe or two later
            during += [await both(limiter) for _ in range(3)]
            lines = logged()
        finally:
            tell(server, unwritable.mends)
        seconds = await counts_again(limiter)

    assert before == ("admitted", "admitted")
    assert set(during) == {("uncounted", "unavailable")}
    assert [(line["event"], line["reason"]) for line in lines] == [("rate_limit.unavailable", unwritable.reason)]
    assert seconds < 2


async def test_a_wrong_password_counts_nobody(server: Valkey, admin: redis.Redis) -> None:
    admin.config_set("requirepass", "right")
    try:
        async with limiter_on(server.url.replace("//", "//:wrong@")) as limiter:
            wrong = await both(limiter)
        async with limiter_on(server.url.replace("//", "//:right@")) as limiter:
            right = await both(limiter)
    finally:
        admin.config_set("requirepass", "")

    assert wrong == ("uncounted", "unavailable")
    assert right == ("admitted", "admitted")


@pytest.mark.parametrize(
    "answer",
    [b"-LOADING Redis is loading the dataset in memory\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$-1\r\n", b""],
)
async def test_a_server_that_talks_nonsense_counts_nobody(answer: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            writer.write(answer * 3)
        writer.close()
        await writer.wait_closed()

    fake = await asyncio.start_server(say, "127.0.0.1", 0)
    port = fake.sockets[0].getsockname()[1]
    async with asyncio.timeout(10), fake, limiter_on(f"redis://127.0.0.1:{port}/0", timeout_seconds=0.2) as limiter:
        assert await both(limiter) == ("uncounted", "unavailable")
        await asyncio.sleep(0.3)  # the probe's own time-out


async def test_a_frozen_server_adds_its_time_out_once(server: Valkey) -> None:
    """The first requests wait for it, those after it for nothing: fail open, fail closed alike."""
    timeout, open_rule, closed_rule = 0.2, rule(), rule(fail_closed=True)
    async with limiter_on(server.url, timeout_seconds=timeout) as limiter:
        await limiter.check(PLENTY)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            seconds, verdicts = [], []
            for number in range(1_000):
                started = time.perf_counter()
                verdicts.append((await limiter.check(closed_rule if number % 2 else open_rule)).outcome)
                seconds.append(time.perf_counter() - started)
                await asyncio.sleep(0.0015)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        back = await counts_again(limiter)

    first, later = seconds[0], sorted(seconds[1:])
    p99 = later[int(len(later) * 0.99)]
    print(f"time-out {timeout} s; first {first * 1e3:.1f} ms; later p99 {p99 * 1e3:.3f} ms; counts after {back:.2f} s")
    assert verdicts == ["uncounted", "unavailable"] * 500
    assert timeout <= first < timeout + 0.3
    assert p99 < 0.02
    assert back < 2


def asked(admin: redis.Redis) -> int:
    return int(admin.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])


async def test_who_is_refused_asks_redis_no_more(server: Valkey, admin: redis.Redis) -> None:
    async with limiter_on(server.url) as limiter:
        first = [await limiter.check(rule(2)) for _ in range(3)]
        before = asked(admin)
        later = [await limiter.check(rule(2)) for _ in range(100)]
        other = await limiter.check(rule(2), "192.0.2.2")

    assert [verdict.outcome for verdict in first] == ["admitted", "admitted", "refused"]
    assert {verdict.outcome for verdict in later} == {"refused"}
    assert other.outcome == "admitted"
    assert asked(admin) - before == 1


async def test_a_cheaper_request_may_still_pass(server: Valkey) -> None:
    dear = Rule((Charge(policy(3), 2, is_cheapest=False),))
    async with limiter_on(server.url) as limiter:
        verdicts = [await limiter.check(each) for each in (dear, dear, dear, rule(3), rule(3))]

    assert [verdict.outcome for verdict in verdicts] == ["admitted", "refused", "refused", "admitted", "refused"]


async def test_who_is_refused_by_every_policy_asks_redis_no_more(server: Valkey, admin: redis.Redis) -> None:
    """But by one of two: what the other one says, another worker may have changed. A shadow is not asked."""
    first, second, shadow = policy(2, name="first"), policy(4, name="second"), policy(1, name="shadow", shadow=True)
    both = Rule((Charge(first), Charge(second), Charge(shadow)))
    async with limiter_on(server.url) as limiter, limiter_on(server.url) as other_worker:
        for _ in range(3):
            await limiter.check(both)
        await other_worker.check(Rule((Charge(second),)))
        before = asked(admin)
        by_one = [await limiter.check(both) for _ in range(5)]
        asked_by_one = asked(admin) - before
        for _ in range(2):
            await limiter.check(Rule((Charge(second),)))
        before = asked(admin)
        by_both = [await limiter.check(both) for _ in range(5)]
        asked_by_both = asked(admin) - before

    assert {verdict.outcome for verdict in by_one + by_both} == {"refused"}
    assert {tuple(state.remaining for state in verdict.states) for verdict in by_one} == {(0, 1)}
    assert {tuple(state.remaining for state in verdict.states) for verdict in by_both} == {(0, 0)}
    assert (asked_by_one, asked_by_both) == (5, 0)


async def test_a_shadow_asks_redis_each_time(server: Valkey, admin: redis.Redis) -> None:
    before = asked(admin)
    async with limiter_on(server.url) as limiter:
        verdicts = [await limiter.check(rule(2, shadow=True)) for _ in range(20)]

    assert {verdict.outcome for verdict in verdicts} == {"admitted"}
    assert asked(admin) - before >= 20
    assert limiter.counted("would_refuse", policy="default") == 18


async def test_a_flushed_redis_frees_a_client_when_it_was_told(server: Valkey, admin: redis.Redis) -> None:
    """Not before: a worker remembers. And not a moment later."""
    async with limiter_on(server.url) as limiter:
        await limiter.check(rule(1, 1))
        refused = await limiter.check(rule(1, 1))
        told = time.monotonic() + refused.states[0].wait_seconds
        admin.flushall()
        still = await limiter.check(rule(1, 1))
        await asyncio.sleep(told - time.monotonic())
        freed = await limiter.check(rule(1, 1))

    assert [refused.outcome, still.outcome, freed.outcome] == ["refused", "refused", "admitted"]
