"""Redis behind Sentinel: its master may go at any time, and nobody gets an error for it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import gunicorn
from tests.support.gunicorn import Gunicorn, wait_until
from tests.support.load import Load, addresses, ask_as
from tests.support.servers import kill
from tests.support.topologies import SERVICE, Replicated, ask, replicated

LIMIT = 20
SECONDS = 10  # measured: 1 to 3


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Replicated]:
    with replicated(tmp_path / "valkeys") as servers:
        yield servers


@pytest.fixture
def service(tmp_path: Path, postgres_url: str, servers: Replicated) -> Iterator[Gunicorn]:
    settings: dict[str, Any] = {
        "redis_timeout_seconds": 0.3,
        "rate_limit_requests": LIMIT,
        "rate_limit_window_seconds": 3600,
        "trusted_proxies": ("127.0.0.1",),
        "ready_cache_seconds": 0,
    }
    with gunicorn(tmp_path / "gunicorn", postgres_url, servers.url, **settings) as service:
        yield service


def kill_master(servers: Replicated) -> None:
    kill(servers.master)


def freeze_master(servers: Replicated) -> None:
    os.kill(servers.master.pid, signal.SIGSTOP)


def order_failover(servers: Replicated) -> None:
    ask(servers.sentinels[0], "SENTINEL", "FAILOVER", SERVICE)


@pytest.mark.parametrize("fail_over", [kill_master, freeze_master, order_failover])
def test_a_failover_under_load_refuses_nobody_and_counting_goes_on(
    service: Gunicorn,
    servers: Replicated,
    fail_over: Callable[[Replicated], None],
) -> None:
    old = servers.master
    with Load(service, [f"2001:db8:{number:x}::1" for number in range(5000)]) as load:
        wait_until(lambda: load.all_counted(0.3), 10, "counting")
        begun = time.monotonic()
        fail_over(servers)
        wait_until(lambda: servers.master is not old, SECONDS, "another master")
        wait_until(lambda: load.all_counted(1.0), SECONDS, "counting again")

    uncounted = [answer.at - begun for answer in load.answers if not answer.is_counted]
    print(f"uncounted for {max(uncounted, default=0.0):.1f} s")
    assert {answer.status for answer in load.answers} == {200}
    assert max(uncounted, default=0.0) < SECONDS
    assert max(answer.seconds for answer in load.answers) < 2
    assert_exact(service, "198.51.100.1")


def assert_exact(service: Gunicorn, client: str) -> None:
    with service.client() as session:
        statuses = [ask_as(session, client).status for _ in range(LIMIT + 5)]
    assert statuses == [200] * LIMIT + [429] * 5


def test_what_was_counted_before_a_failover_still_counts(service: Gunicorn, servers: Replicated) -> None:
    with service.client() as session:
        before = [ask_as(session, "198.51.100.2").status for _ in range(LIMIT)]
        old = servers.master
        wait_until(lambda: ask(old, "WAIT", 1, 100) == 1, 10, "the copy on the replica")
        kill(old)
        wait_until(lambda: servers.master is not old, SECONDS, "another master")
        wait_until(lambda: ask_as(session, "198.51.100.3").is_counted, SECONDS, "counting again")
        after = ask_as(session, "198.51.100.2").status

    assert before == [200] * LIMIT
    assert after == 429


def test_without_any_master_requests_pass_and_ready_says_so(service: Gunicorn, servers: Replicated) -> None:
    for each in servers.valkeys:
        kill(each)
    with service.client() as session:
        wait_until(lambda: not ask_as(session, addresses(1)[0]).is_counted, 10, "passing uncounted")
        statuses = {ask_as(session, client).status for client in addresses(LIMIT) * 2}
        ready = session.get("/ready")

    assert statuses == {200}
    assert ready.status_code == 503
    assert ready.json()["checks"]["redis"] in {"error: unavailable", "error: timed out"}
