"""The rate limiter without Redis: requests pass or not, as their policy says, nobody waits, and it is logged once."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tbg.config import Settings
from tbg.dev.valkey import EmbeddedValkey
from tbg.logs import configure_logging
from tbg.rate_limiting import Verdict
from tests.conftest import Logged
from tests.support.limiting import Limiter, limiter_on, rule
from tests.support.servers import discarded, kill

UNCOUNTED = Verdict("uncounted")


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A server of a test's own, to be killed."""
    with discarded(EmbeddedValkey(tmp_path / "valkey")) as server:
        yield server


@pytest.fixture
async def lost() -> AsyncIterator[Limiter]:
    """A limiter whose Redis refuses connections: nobody listens on port 9 of this machine."""
    async with limiter_on("redis://127.0.0.1:9/0", timeout_seconds=0.2) as limiter:
        yield limiter


async def test_everybody_passes(lost: Limiter, logged: Logged) -> None:
    configure_logging(Settings())
    verdicts = [await lost.check(rule()) for _ in range(20)]

    assert verdicts == [UNCOUNTED] * 20
    (line,) = logged("rate_limit.unavailable")
    assert (line["level"], line["reason"]) == ("error", "ConnectionError")
    assert "127.0.0.1" not in str(line)
    assert lost.counted("requests", policy="default", outcome="uncounted") == 20
    assert lost.counted("redis_changes", state="unavailable") == 1


async def test_a_policy_may_fail_closed(lost: Limiter) -> None:
    closed, shadow = rule(fail_closed=True), rule(fail_closed=True, shadow=True)

    assert [(await lost.check(each)).outcome for each in (closed, shadow)] == ["unavailable", "uncounted"]


async def test_many_at_once_are_one_line_too(lost: Limiter, logged: Logged) -> None:
    configure_logging(Settings())
    await asyncio.gather(*(lost.check(rule()) for _ in range(100)))

    assert len(logged("rate_limit.unavailable")) == 1


async def test_a_frozen_redis_costs_the_time_out_once(logged: Logged) -> None:
    """A listening socket that nobody reads accepts connections and commands, and never answers."""
    configure_logging(Settings())
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        async with limiter_on(f"redis://127.0.0.1:{frozen.getsockname()[1]}/0", timeout_seconds=0.1) as limiter:
            started = time.monotonic()
            first = await asyncio.gather(*(limiter.check(rule()) for _ in range(200)))
            after_first = time.monotonic()
            later = [await limiter.check(rule()) for _ in range(1000)]
            after_later = time.monotonic()
            await asyncio.sleep(0.5)  # the probe's own time-out, on a machine that is busy

    assert {*first, *later} == {UNCOUNTED}
    assert 0.1 <= after_first - started < 1.0, "a machine that is busy is given more time"
    assert after_later - after_first < 0.3, "a thousand requests that nobody asks Redis for"
    (line,) = logged("rate_limit.unavailable")
    assert line["reason"] == "TimeoutError"


async def test_it_counts_again_within_a_second_or_so(mortal: EmbeddedValkey, logged: Logged) -> None:
    configure_logging(Settings())
    async with limiter_on(mortal.url) as limiter:
        before = [(await limiter.check(rule())).outcome for _ in range(3)]
        kill(mortal)
        during = [(await limiter.check(rule())).outcome for _ in range(50)]
        mortal.start()
        back = time.monotonic()
        verdict = await limiter.check(rule())
        while verdict.outcome == "uncounted":
            await asyncio.sleep(0.01)
            verdict = await limiter.check(rule())
        seconds = time.monotonic() - back

    assert before == ["admitted"] * 3
    assert set(during) == {"uncounted"}
    assert verdict.outcome == "admitted"
    assert seconds < 2
    assert [line["event"] for line in logged()] == ["rate_limit.unavailable", "rate_limit.restored"]
    assert limiter.counted("redis_changes", state="available") == 1
    assert not asyncio.all_tasks() - {asyncio.current_task()}
