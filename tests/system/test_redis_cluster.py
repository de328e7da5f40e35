"""Redis as a Cluster: clients on every node, slots on the move, a node that is gone."""

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import gunicorn
from tests.support.gunicorn import Gunicorn
from tests.support.load import Load, addresses, ask_as
from tests.support.servers import kill
from tests.support.topologies import Clustered, Valkey, ask, clustered

LIMIT = 50
CLIENTS = addresses(30)

type Move = Callable[[Clustered, int, Valkey, Valkey], None]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Clustered]:
    with clustered(tmp_path / "valkeys") as servers:
        yield servers


@pytest.fixture
def start(tmp_path: Path, postgres_url: str, servers: Clustered) -> Iterator[Callable[..., Gunicorn]]:
    settings: dict[str, Any] = {
        "redis_timeout_seconds": 2.0,  # patient, so that only what a test does makes a difference
        "rate_limit_requests": LIMIT,
        "rate_limit_window_seconds": 3600,
        "trusted_proxies": ("127.0.0.1",),
        "ready_cache_seconds": 0,
    }
    with contextlib.ExitStack() as stack:

        def start(**chosen: object) -> Gunicorn:
            prepared = gunicorn(tmp_path / "gunicorn", postgres_url, servers.url, **{**settings, **chosen})
            return stack.enter_context(prepared)

        yield start


@pytest.fixture
def service(start: Callable[..., Gunicorn]) -> Gunicorn:
    return start()


def test_clients_of_every_node_get_exactly_what_they_may(service: Gunicorn, servers: Clustered) -> None:
    def ask_often(client: str) -> Counter[int]:
        with service.client() as session:
            return Counter(ask_as(session, client).status for _ in range(LIMIT + 5))

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(ask_often, CLIENTS))

    assert counts == [{200: LIMIT, 429: 5}] * len(CLIENTS)
    assert all(ask(each, "DBSIZE") for each in servers.masters)


@pytest.mark.parametrize("move", [Clustered.move_by_key, Clustered.move_at_once])
def test_a_client_whose_slot_moves_gets_exactly_what_it_may(
    start: Callable[..., Gunicorn], servers: Clustered, move: Move
) -> None:
    """The slot goes round and round for as long as the client has anything left."""
    limit = 1500
    service = start(rate_limit_requests=limit)
    with service.client() as session:
        ask_as(session, CLIENTS[0])
    (key,) = servers.keys()
    slot, home = ask(servers.masters[0], "CLUSTER", "KEYSLOT", key), servers.owner(key)
    others = [each for each in servers.masters if each is not home]
    moves = 0
    with Load(service, CLIENTS[:1]) as load:
        for giver, taker in itertools.cycle(itertools.pairwise([home, *others, home])):
            move(servers, slot, giver, taker)
            moves += 1
            if any(answer.status == 429 for answer in load.answers):
                break

    assert moves > 3
    assert Counter(answer.status for answer in load.answers)[200] == limit - 1
    assert {answer.status for answer in load.answers} == {200, 429}
    assert all(answer.is_counted for answer in load.answers)


def test_clients_of_a_dead_node_pass_and_the_others_are_counted(service: Gunicorn, servers: Clustered) -> None:
    homes: dict[str, Valkey] = {}
    with service.client() as session:
        for client in CLIENTS:
            before = servers.keys()
            ask_as(session, client)
            (key,) = servers.keys() - before
            homes[client] = servers.owner(key)
        dead = servers.masters[1]
        kill(dead)
        with Load(service, CLIENTS) as load:
            time.sleep(2)
        ready = session.get("/ready")

    assert {answer.status for answer in load.answers} <= {200, 429}
    assert {answer.is_counted for answer in load.answers if homes[answer.client] is dead} == {False}
    assert {answer.is_counted for answer in load.answers if homes[answer.client] is not dead} == {True}
    assert ready.status_code == 200


def test_without_any_node_requests_pass_and_ready_says_so(service: Gunicorn, servers: Clustered) -> None:
    for each in servers.masters:
        kill(each)
    with service.client() as session:
        answers = [ask_as(session, client) for client in CLIENTS]
        ready = session.get("/ready")

    assert {(answer.status, answer.is_counted) for answer in answers} == {(200, False)}
    assert ready.status_code == 503
    assert ready.json()["checks"]["redis"] == "error: unavailable"
