"""A database that goes away under requests that use it, over real gunicorn."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import httpx
import pytest
import typed_settings as ts
from sqlalchemy import text

from tbg.config import Settings
from tbg.database import Database
from tbg.dev.postgres import EmbeddedPostgres
from tbg.errors import DatabaseUnavailableError
from tbg.infrastructure import Infrastructure
from tests.conftest import gunicorn
from tests.integration.probe.app import APP
from tests.support import databases
from tests.support.gunicorn import Gunicorn, wait_until
from tests.support.servers import discarded, kill
from tests.system.test_outages import send_to_all

UNAVAILABLE = {"detail": "Temporarily unavailable. Try again later."}
TIMEOUT = 1.0
KNOWN = 0.1  # how long a request may take while the database is known to be away
BACK = 2.0  # how soon it is found again
MARGIN = 1.5  # for a machine that is busy with other tests


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with discarded(EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data")) as server:
        yield server


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, postgres: EmbeddedPostgres, valkey_url: str
) -> Iterator[Gunicorn]:
    settings: dict[str, Any] = {
        "database_pool_size": 4,
        "database_connect_timeout_seconds": TIMEOUT,
        "database_statement_timeout_seconds": TIMEOUT,
        "rate_limit_requests": 1_000_000,
    }
    with gunicorn(tmp_path_factory.mktemp("gunicorn"), postgres.url, valkey_url, APP, **settings) as server:
        yield server


def ask(service: Gunicorn, path: str = "/probe/notes") -> tuple[httpx.Response, float]:
    """Ask on a connection of its own, so that either worker may answer; return how long it took, too."""
    started = time.monotonic()
    response = httpx.get(service.url + path, trust_env=False, timeout=30)
    return response, time.monotonic() - started


def ask_often(service: Gunicorn, count: int = 12) -> list[tuple[httpx.Response, float]]:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda _: ask(service), range(count)))


def statuses(service: Gunicorn) -> set[int]:
    return {response.status_code for response, _ in ask_often(service)}


def outages(service: Gunicorn) -> list[str]:
    """Return the reason of each line that tells of the database, but for those that tell that it is back."""
    assert service.log("http.unhandled") == []
    lines = [line for line in service.log() if line["event"].startswith("database.") and "reason" in line]
    assert all("request_id" not in line for line in lines if line["event"] != "database.request_failed")
    return [line["reason"] for line in lines]


def usual_seconds(service: Gunicorn) -> float:
    """Return how long a refused request takes, by the service's own clock: this machine may be busy."""
    milliseconds = [line["duration_ms"] for line in service.log("http.request")[-100:] if line["status"] == 503]
    return float(median(milliseconds)) / 1000


def changes(service: Gunicorn) -> list[str]:
    names = ("database.unavailable", "database.restored")
    return [line["event"] for line in service.log() if line["event"] in names]


def test_connections_that_the_server_ended_cost_no_request(service: Gunicorn, postgres: EmbeddedPostgres) -> None:
    before = len(outages(service))
    for _ in range(5):
        assert statuses(service) == {200}
        ended = postgres.ask(
            "SELECT bool_and(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'tbg-api'"
        )
        assert ended == "t"
        assert statuses(service) == {200}

    assert len(outages(service)) == before


def test_a_restart_of_the_server_between_two_requests_costs_none(service: Gunicorn, postgres: EmbeddedPostgres) -> None:
    before = len(outages(service))
    assert statuses(service) == {200}
    postgres.stop()
    postgres.start()

    assert statuses(service) == {200}
    assert len(outages(service)) == before


@pytest.mark.parametrize("end", [EmbeddedPostgres.stop, kill])
def test_without_the_server_clients_are_told_to_come_back(
    service: Gunicorn, postgres: EmbeddedPostgres, end: Callable[[EmbeddedPostgres], None]
) -> None:
    wait_until(lambda: statuses(service) == {200}, 10, "readiness")
    before, told = len(changes(service)), len(outages(service))
    end(postgres)
    try:
        answers = ask_often(service, 100)
        alive, _ = ask(service, "/health")
    finally:
        postgres.start()

    for response, seconds in answers:
        assert_unavailable(response)
        assert seconds < MARGIN
    assert usual_seconds(service) < KNOWN
    assert alive.status_code == 200
    wait_until(lambda: statuses(service) == {200}, BACK + MARGIN, "recovery")
    wait_until(
        lambda: changes(service)[before:].count("database.restored") >= 2, BACK + MARGIN, "a line for each worker"
    )
    assert sorted(changes(service)[before:]) == ["database.restored"] * 2 + ["database.unavailable"] * 2
    assert len(outages(service)[told:]) <= 2 + 2 * (1 + MARGIN), "one line for each change, and one a second"


def assert_unavailable(response: httpx.Response) -> None:
    assert (response.status_code, response.json()) == (503, UNAVAILABLE)
    assert response.headers["retry-after"] == "2"
    assert "x-request-id" in response.headers
    assert "x-ratelimit-remaining" in response.headers


def test_a_server_that_hangs_keeps_nobody_for_ever(service: Gunicorn, postgres: EmbeddedPostgres) -> None:
    """A command ends a second after its time-out on the server, and the probe gives up after two seconds."""
    wait_until(lambda: statuses(service) == {200}, 10, "readiness")
    before = len(changes(service))
    send_to_all(postgres, signal.SIGSTOP)
    try:
        answers = ask_often(service, 8)
        wait_until(lambda: changes(service)[before:].count("database.unavailable") == 2, 10, "both workers know")
        known = ask_often(service, 100)
        alive, quickly = ask(service, "/health")
    finally:
        send_to_all(postgres, signal.SIGCONT)

    for response, seconds in answers:
        assert_unavailable(response)
        assert seconds < TIMEOUT + 1 + 2 + MARGIN
    for response, seconds in known:
        assert_unavailable(response)
        assert seconds < MARGIN
    assert usual_seconds(service) < KNOWN
    assert (alive.status_code, quickly < MARGIN) == (200, True)
    wait_until(lambda: statuses(service) == {200}, BACK + MARGIN, "recovery")


async def test_a_server_that_hangs_in_a_statement(postgres: EmbeddedPostgres) -> None:
    """The driver's own time-out comes as TimeoutError; after it no connection that was open before is tried."""
    settings = Settings(
        database_url=ts.SecretStr(postgres.url),
        database_statement_timeout_seconds=3.0,
        database_connect_timeout_seconds=0.5,
    )
    database = Database.from_settings(settings)

    async def hang() -> None:
        async with database.transaction() as session:
            await answer(database)  # on a second connection, which is idle then
            send_to_all(postgres, signal.SIGSTOP)
            await session.execute(text("SELECT 1"))

    try:
        reasons = [await reason(hang())]
        started = time.monotonic()
        reasons.append(await reason(answer(database)))
        seconds = time.monotonic() - started
    finally:
        send_to_all(postgres, signal.SIGCONT)
    async with asyncio.timeout(BACK + MARGIN):
        while await answer_or_outage(database) != 42:  # noqa: ASYNC110 - a server's state
            await asyncio.sleep(0.05)
    await database.close()

    assert reasons == ["TimeoutError"] * 2
    assert seconds < 2 + MARGIN, "the probe finds out"


async def test_the_end_does_not_wait_for_a_server_that_hangs(postgres: EmbeddedPostgres) -> None:
    infrastructure = Infrastructure.from_settings(Settings(database_url=ts.SecretStr(postgres.url)))
    await asyncio.gather(*(answer(infrastructure.database) for _ in range(5)))
    await infrastructure.database.ping()
    send_to_all(postgres, signal.SIGSTOP)
    try:
        started = time.monotonic()
        await infrastructure.close()
        seconds = time.monotonic() - started
    finally:
        send_to_all(postgres, signal.SIGCONT)
    # What could not be closed in time ends with its process; here the server ends it, before it fails another test.
    end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE 'tbg-api%'"
    await asyncio.to_thread(databases.ask, postgres.admin_url, end)
    await asyncio.sleep(0.2)

    assert seconds < 2 + MARGIN


async def reason(block: Awaitable[object]) -> str:
    with pytest.raises(DatabaseUnavailableError) as raised:
        await block
    return raised.value.reason


async def answer(database: Database) -> object:
    async with database.read() as session:
        return await session.scalar(text("SELECT 42"))


async def answer_or_outage(database: Database) -> object:
    try:
        return await answer(database)
    except DatabaseUnavailableError as error:
        return error
