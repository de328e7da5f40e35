"""Clients that leave at any moment of their request: nothing of theirs stays behind in the service."""

import random
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.conftest import StartGunicorn
from tests.integration.probe.app import APP
from tests.support.databases import ask
from tests.support.gunicorn import Gunicorn, wait_until

CLIENTS = 400
LONGEST_SECONDS = 0.03
GET = b"GET /probe/notes HTTP/1.1\r\nHost: x\r\n\r\n"
POST = (
    b'POST /probe/notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"text":"x"}'
)


def leave(service: Gunicorn, number: int) -> None:
    chance = random.Random(number)
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as client:
        client.sendall(chance.choice([GET, POST]))
        time.sleep(chance.random() ** 2 * LONGEST_SECONDS)
        if chance.random() < 0.5:  # with a reset
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def open_sessions(postgres_url: str) -> int:
    query = (
        "SELECT count(*) AS n FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'tbg-api' AND state <> 'idle'"
    )
    return int(ask(postgres_url, query)[0]["n"])


def test_nothing_stays_behind(start_gunicorn: StartGunicorn, postgres_url: str) -> None:
    service = start_gunicorn(
        APP,
        workers=1,
        database_pool_size=2,
        database_max_overflow=1,
        database_max_waiting=1000,
        max_requests_in_flight=1000,
        rate_limit_requests=1_000_000,
    )
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: leave(service, number), range(CLIENTS)))
    wait_until(lambda: open_sessions(postgres_url) == 0, 10, "the end of every session")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: httpx.get(f"{service.url}/probe/notes", trust_env=False), range(64)))

    refusals = [line for line in service.log() if line["level"] in {"warning", "error"}]
    assert {answer.status_code for answer in answers} == {200}, refusals
    remaining = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
    assert len(set(remaining)) == len(answers), "each one is counted, and once"
    assert [line for line in service.log() if line["level"] in {"error", "critical"} or "exception" in line] == []
