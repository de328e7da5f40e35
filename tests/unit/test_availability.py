"""Whether the database answers: one look for many suspicions, failure at once while it is away, and one line each."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import structlog
from prometheus_client import CollectorRegistry

from tbg.config import Settings
from tbg.database.availability import Availability
from tbg.database.outages import may_be_away
from tbg.errors import DatabaseUnavailableError
from tbg.logs import configure_logging
from tests.conftest import Logged

MARGIN = 1.0  # for a machine that is busy with other tests


class Server:
    """A server that answers, refuses, or says nothing."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0
        self.most = 0
        self._open = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def ask(self) -> None:
        self.asked += 1
        self._open += 1
        self.most = max(self.most, self._open)
        try:
            await self.answers.wait()
        finally:
            self._open -= 1
        if self.error is not None:
            raise self.error


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def metrics() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def availability(server: Server, metrics: CollectorRegistry) -> AsyncIterator[Availability]:
    availability = Availability(server.ask, metrics, is_away=may_be_away)
    yield availability
    await availability.close()


def is_away(availability: Availability) -> bool:
    try:
        availability.check()
    except DatabaseUnavailableError:
        return True
    return False


async def becomes(availability: Availability, *, away: bool, seconds: float = 2.0) -> float:
    started = time.monotonic()
    async with asyncio.timeout(seconds + MARGIN):
        while is_away(availability) is not away:  # noqa: ASYNC110 - what is tested
            await asyncio.sleep(0.005)
    return time.monotonic() - started


async def test_a_server_that_answers_is_not_away(availability: Availability, server: Server) -> None:
    for _ in range(100):
        availability.suspect()
    await asyncio.sleep(0.05)

    assert (server.asked, is_away(availability)) == (1, False)


async def test_it_is_away_until_it_answers(
    availability: Availability, server: Server, metrics: CollectorRegistry, logged: Logged
) -> None:
    configure_logging(Settings())
    server.error = ConnectionRefusedError()
    structlog.contextvars.bind_contextvars(request_id="of-an-unlucky-one")
    availability.suspect()
    await becomes(availability, away=True)
    for _ in range(100):
        availability.suspect()
    server.error = None
    await becomes(availability, away=False)
    lines = logged()

    assert [(line["event"], line["level"]) for line in lines] == [
        ("database.unavailable", "error"),
        ("database.restored", "warning"),
    ]
    assert lines[0]["reason"] == "ConnectionRefusedError"
    assert not [line for line in lines if "request_id" in line]
    for state in ("away", "available"):
        assert metrics.get_sample_value("tbg_database_changes_total", {"state": state}) == 1


async def test_a_refusal_is_an_answer(availability: Availability, server: Server) -> None:
    """Such as a wrong password, or too many connections: the sessions that have one may go on."""
    server.error = RuntimeError("not this one")
    availability.suspect()
    await asyncio.sleep(0.05)

    assert (server.asked, is_away(availability)) == (1, False)


async def test_who_waits_is_told_at_once(availability: Availability, server: Server) -> None:
    async def wait() -> None:
        async with availability.unless_away():
            await asyncio.sleep(60)

    waiting = [asyncio.create_task(wait()) for _ in range(5)]
    await asyncio.sleep(0)
    server.error = ConnectionRefusedError()
    availability.suspect()
    async with asyncio.timeout(MARGIN):
        outcomes = await asyncio.gather(*waiting, wait(), return_exceptions=True)

    assert {type(each) for each in outcomes} == {DatabaseUnavailableError}


async def test_a_time_out_of_the_block_s_own_stays_what_it_is(availability: Availability) -> None:
    async def fail() -> None:
        async with availability.unless_away():
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await fail()


async def test_a_server_that_says_nothing_is_away(availability: Availability, server: Server) -> None:
    server.answers.clear()
    availability.suspect()
    await becomes(availability, away=True, seconds=2.0)
    await asyncio.sleep(0.1)
    server.answers.set()

    assert await becomes(availability, away=False) < 0.5 + MARGIN


async def test_one_question_without_an_answer_does_not_keep_others_from_being_asked(
    availability: Availability, server: Server
) -> None:
    """A host that has vanished answers no attempt of before, even when it is back."""
    server.error = ConnectionRefusedError()
    availability.suspect()
    await becomes(availability, away=True)
    hung, server.answers = server.answers, asyncio.Event()
    hung.clear()
    asked = server.asked
    async with asyncio.timeout(10):
        while server.asked < asked + 5:  # noqa: ASYNC110 - what is tested
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.6)

    assert server.most == 5
    server.error = None
    server.answers.set()
    await becomes(availability, away=False)
    assert not is_away(availability)


async def test_a_probe_that_breaks_blocks_nobody(server: Server, metrics: CollectorRegistry, logged: Logged) -> None:
    configure_logging(Settings())
    availability = Availability(server.ask, metrics, is_away=lambda _: bool(1 / 0))
    server.error = OSError()
    availability.suspect()
    await asyncio.sleep(0.05)

    assert not is_away(availability)
    assert [line["event"] for line in logged()] == ["database.probe_failed"]


async def test_closing_ends_the_search(availability: Availability, server: Server) -> None:
    server.error = ConnectionRefusedError()
    availability.suspect()
    await becomes(availability, away=True)
    await availability.close()
    asked = server.asked
    await asyncio.sleep(0.6)

    assert server.asked == asked
