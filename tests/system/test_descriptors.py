"""Few file descriptors and many clients: whoever asks is answered, and the log says once what happens."""

import resource
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tbg.dev.ports import free_port
from tests.support.environments import full_environment
from tests.support.gunicorn import Gunicorn

DESCRIPTORS = 256
CLIENTS = 600
SERVE = (
    "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}));"
    "os.execv(sys.executable, [sys.executable, '-m', 'gunicorn', '-c', 'gunicorn.conf.py'])"
)


@pytest.fixture
def clients() -> Iterator[list[socket.socket]]:
    """Connections that a test opens."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    opened: list[socket.socket] = []
    yield opened
    for each in opened:
        each.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def service(tmp_path: Path, postgres_url: str, redis_url: str, *, soft: int, hard: int) -> Gunicorn:
    environment = full_environment(port=free_port(), database_url=postgres_url, redis_url=redis_url)
    command = (sys.executable, "-c", SERVE.format(soft=soft, hard=hard))
    return Gunicorn(tmp_path / "gunicorn", {**environment, "WEB_CONCURRENCY": "1"}, command=command)


@pytest.mark.parametrize("beginning", [b"", b"GET /health HTTP/1.1\r\n"], ids=["silent", "in the header"])
def test_idle_clients_do_not_lock_out_others(
    tmp_path: Path, postgres_url: str, redis_url: str, clients: list[socket.socket], beginning: bytes
) -> None:
    with service(tmp_path, postgres_url, redis_url, soft=DESCRIPTORS, hard=DESCRIPTORS) as server:
        for number in range(CLIENTS):
            clients.append(socket.create_connection(("127.0.0.1", server.port), 10))
            if beginning:
                clients[-1].sendall(beginning)
            if number % 50 == 0:
                assert httpx.get(f"{server.url}/health", trust_env=False).status_code == httpx.codes.OK

        assert httpx.get(f"{server.url}/ready", trust_env=False).status_code == httpx.codes.OK
        assert len(server.log("connections.full")) == 1
        for each in clients:
            each.close()
        server.wait_for_log("connections.room_again")


def test_the_soft_limit_is_raised(
    tmp_path: Path, postgres_url: str, redis_url: str, clients: list[socket.socket]
) -> None:
    with service(tmp_path, postgres_url, redis_url, soft=DESCRIPTORS, hard=2048) as server:
        clients += [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(CLIENTS)]

        assert httpx.get(f"{server.url}/health", trust_env=False).status_code == httpx.codes.OK
        assert not server.log("connections.full")
