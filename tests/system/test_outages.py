"""A dependency that is stopped, killed or frozen: the service says so, goes on, and recovers by itself."""

import contextlib
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tbg.dev.ports import free_port
from tbg.dev.postgres import EmbeddedPostgres
from tbg.dev.server import EmbeddedServer
from tbg.dev.valkey import EmbeddedValkey
from tests.conftest import gunicorn
from tests.support.gunicorn import Gunicorn, wait_until
from tests.system.conftest import Stack

READY = {"status": "ready", "checks": {"database": "ok", "redis": "ok"}}
TIMEOUT = 0.6
MARGIN = 0.7  # for a machine that is busy with other tests
NAMES = {"postgres": "database", "valkey": "redis"}


def send_to_all(server: EmbeddedServer, number: signal.Signals) -> None:
    """Signal the server and the processes that it has made, all started by this test."""
    process = psutil.Process(server.pid)
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # PostgreSQL's own end with their parent
            each.send_signal(number)


def stop(server: EmbeddedServer) -> Callable[[], None]:
    server.stop()
    return server.start


def kill(server: EmbeddedServer) -> Callable[[], None]:
    send_to_all(server, signal.SIGKILL)
    wait_until(lambda: not server.alive(), 10, "the end of a killed server")
    return server.start


def freeze(server: EmbeddedServer) -> Callable[[], None]:
    send_to_all(server, signal.SIGSTOP)
    return lambda: send_to_all(server, signal.SIGCONT)


def ask(service: Gunicorn, path: str) -> tuple[httpx.Response, float]:
    """Ask on a connection of its own, so that either worker may answer; return how long it took, too."""
    started = time.monotonic()
    response = httpx.get(service.url + path, trust_env=False, timeout=10)
    return response, time.monotonic() - started


def becomes_ready(service: Gunicorn) -> Callable[[], bool]:
    return lambda: all(ask(service, "/ready")[0].status_code == 200 for _ in range(6))


@pytest.mark.parametrize("break_", [stop, kill, freeze])
@pytest.mark.parametrize("which", ["postgres", "valkey"])
def test_ready_says_which_dependency_is_missing_until_it_is_back(
    stack: Stack, which: str, break_: Callable[[EmbeddedServer], Callable[[], None]]
) -> None:
    service, server = stack.service, getattr(stack, which)
    wait_until(becomes_ready(service), 10, "readiness")
    mend = break_(server)
    try:
        answers = [ask(service, "/ready") for _ in range(6)]
        alive = [ask(service, "/health") for _ in range(6)]
    finally:
        mend()

    for response, seconds in answers:
        assert_degraded(response, NAMES[which], stack)
        assert seconds < TIMEOUT + MARGIN
    for response, seconds in alive:
        assert (response.status_code, response.json()) == (200, {"status": "healthy"})
        assert seconds < MARGIN
    wait_until(becomes_ready(service), 10, "recovery")
    assert ask(service, "/ready")[0].json() == READY


def assert_degraded(response: httpx.Response, missing: str, stack: Stack) -> None:
    assert response.status_code == 503
    body = response.json()
    assert body["status"] == "degraded"
    assert body["checks"].pop(missing) in {"error: unavailable", "error: timed out"}
    assert set(body["checks"].values()) == {"ok"}
    assert response.headers["cache-control"] == "no-store"
    told = response.text + str(response.headers)
    for internal in (
        "127.0.0.1",
        "localhost",
        "tbg",
        "thebitcoingame",
        str(stack.postgres.port),
        str(stack.valkey.port),
    ):
        assert internal not in told


@pytest.mark.parametrize("break_", [stop, kill, freeze])
def test_requests_pass_without_redis_and_it_is_logged_once(
    stack: Stack, break_: Callable[[EmbeddedServer], Callable[[], None]]
) -> None:
    service = stack.service
    wait_until(lambda: all(counts(ask(service, "/version")[0]) for _ in range(6)), 10, "counting")
    before = len(service.log())
    mend = break_(stack.valkey)
    try:
        answers = [ask(service, path) for path in ("/version", "/openapi.yaml", "/nowhere") * 4]
    finally:
        mend()

    def events(name: str) -> list[dict[str, Any]]:
        return [line for line in service.log()[before:] if line["event"] == name]

    def counts_again() -> bool:
        with ThreadPoolExecutor(8) as pool:  # at once, or one idle worker may take them all
            list(pool.map(lambda _: ask(service, "/version"), range(8)))
        return len(events("rate_limit.restored")) == len(events("rate_limit.unavailable"))

    wait_until(counts_again, 30, "counting again in each worker")
    for response, seconds in answers:
        assert response.status_code in {200, 404}
        assert not counts(response)
        assert seconds < 0.3 + MARGIN
    lost = events("rate_limit.unavailable")
    assert 1 <= len(lost) <= 2, "once per worker"
    assert {line["level"] for line in lost} == {"error"}
    assert all(line["reason"].endswith("Error") for line in lost)


def has_found_again(service: Gunicorn) -> bool:
    events = [line["event"] for line in service.log()]
    return events.count("rate_limit.restored") == events.count("rate_limit.unavailable")


def counts(response: httpx.Response) -> bool:
    return "x-ratelimit-remaining" in response.headers


def test_a_restart_of_redis_between_two_requests_costs_nothing(stack: Stack) -> None:
    """The limiter's script and its connections are gone with the old server; a request finds both anew."""
    service = stack.service
    wait_until(becomes_ready(service), 10, "readiness")
    before = len(service.log())
    stack.valkey.stop()
    stack.valkey.start()
    answers = [ask(service, "/version")[0] for _ in range(8)]

    assert [counts(response) for response in answers] == [True] * 8
    assert not [line for line in service.log()[before:] if line["event"] == "rate_limit.unavailable"]


def test_a_restart_of_postgresql_between_two_requests_costs_nothing(stack: Stack) -> None:
    wait_until(becomes_ready(stack.service), 10, "readiness")
    stack.postgres.stop()
    stack.postgres.start()

    assert [ask(stack.service, "/ready")[0].status_code for _ in range(6)] == [200] * 6


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(stack: Stack) -> None:
    service = stack.service
    wait_until(becomes_ready(service), 10, "readiness")
    before = len(service.log())
    stack.postgres.stop()
    for _ in range(10):
        ask(service, "/ready")
    stack.postgres.start()
    wait_until(becomes_ready(service), 10, "recovery")

    changes = [line for line in service.log()[before:] if line["event"] == "readiness.changed"]
    statuses = [line["status"] for line in changes]
    assert 1 <= statuses.count("degraded") <= 4, "no line per probe"
    assert 1 <= statuses.count("ready") <= 2
    assert {line["level"] for line in changes if line["status"] == "degraded"} == {"warning"}


def test_the_service_starts_without_its_dependencies_and_finds_them_later(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres", free_port())
    valkey = EmbeddedValkey(tmp_path / "valkey", free_port())
    settings: dict[str, Any] = {"ready_timeout_seconds": 0.6, "ready_cache_seconds": 0, "redis_timeout_seconds": 0.3}
    try:
        with gunicorn(tmp_path / "gunicorn", postgres.url, valkey.url, **settings) as service:
            health, ready, version = (ask(service, path)[0] for path in ("/health", "/ready", "/version"))
            postgres.start()
            valkey.start()
            wait_until(becomes_ready(service), 10, "readiness")
            wait_until(lambda: has_found_again(service), 5, "counting in each worker")
            later = ask(service, "/version")[0]
    finally:
        postgres.discard()
        valkey.discard()

    assert health.status_code == 200
    assert ready.status_code == 503
    assert ready.json() == {
        "status": "degraded",
        "checks": {"database": "error: unavailable", "redis": "error: unavailable"},
    }
    assert (version.status_code, counts(version)) == (200, False)
    assert (later.status_code, counts(later)) == (200, True)


def test_no_outage_has_caused_an_unhandled_exception(stack: Stack) -> None:
    """Of all tests above that ran on this stack: tracebacks stand at DEBUG, for those who look."""
    severe = [line for line in stack.service.log() if "exception" in line and line["level"] != "debug"]

    assert severe == []


def test_lines_that_concern_everybody_name_no_request(stack: Stack) -> None:
    """Of all tests above that ran on this stack: an unlucky request would be taken for the one to blame."""
    prefixes = ("rate_limit.", "readiness.", "database.unavailable", "database.restored")
    lines = [line for line in stack.service.log() if line["event"].startswith(prefixes)]

    assert {line["event"] for line in lines} >= {"rate_limit.unavailable", "rate_limit.restored", "readiness.changed"}
    assert [line for line in lines if "request_id" in line] == []
