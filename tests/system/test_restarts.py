"""Restarts of every kind under load: of what was sent, nothing is lost; and the master and its workers end in time."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from tests.conftest import StartGunicorn
from tests.support.counting import Counts, closed_loop, open_loop
from tests.support.gunicorn import Gunicorn, wait_until

LOADS: dict[str, Callable[[int], AbstractAsyncContextManager[Counts]]] = {
    "closed loop": lambda port: closed_loop(port, 64),
    "2 000 a second": lambda port: open_loop(port, 2_000),
}
RESTARTS = 3


async def _booted(server: Gunicorn, count: int) -> None:
    """Wait until so many workers have started, and the others have ended."""
    deadline = time.monotonic() + 30
    while server.text().count("Application startup complete") < count or len(server.worker_pids()) != 2:
        assert time.monotonic() < deadline, server.output()
        await asyncio.sleep(0.05)


async def _hang_up(server: Gunicorn) -> None:
    before = server.text().count("Application startup complete")
    os.kill(server.pid, signal.SIGHUP)
    await _booted(server, before + 2)


async def _one_fewer_and_one_more(server: Gunicorn) -> None:
    before = server.text().count("Application startup complete")
    os.kill(server.pid, signal.SIGTTOU)
    await asyncio.to_thread(wait_until, lambda: len(server.worker_pids()) == 1, 30)
    os.kill(server.pid, signal.SIGTTIN)
    await _booted(server, before + 1)


async def _end_a_worker(server: Gunicorn) -> None:
    before = server.text().count("Application startup complete")
    os.kill(min(server.worker_pids()), signal.SIGTERM)
    await _booted(server, before + 1)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("restart", [_hang_up, _one_fewer_and_one_more, _end_a_worker])
async def test_restarts_lose_nothing(
    start_gunicorn: StartGunicorn, load: str, restart: Callable[[Gunicorn], object]
) -> None:
    server = await asyncio.to_thread(start_gunicorn, drain_seconds=1)
    async with LOADS[load](server.port) as counts:
        for _ in range(RESTARTS):
            await restart(server)  # type: ignore[misc]  # they are coroutines

    assert counts.lost == 0, (counts, server.output()[-6000:])
    assert counts.refused == 0
    assert counts.answered.keys() == {200}
    assert counts.sent > 200


@pytest.mark.parametrize("load", LOADS)
async def test_a_stop_loses_nothing(start_gunicorn: StartGunicorn, load: str) -> None:
    for _ in range(RESTARTS):
        server = await asyncio.to_thread(start_gunicorn, drain_seconds=1)
        async with LOADS[load](server.port) as counts:
            await asyncio.sleep(0.5)
            os.kill(server.pid, signal.SIGTERM)
            assert await asyncio.to_thread(server.wait, 10) == 0

        assert counts.lost == 0, (counts, server.output()[-6000:])
        assert counts.answered.keys() == {200}
        assert counts.sent > 100


def test_a_stop_is_announced_before_it_comes(start_gunicorn: StartGunicorn) -> None:
    """Every worker is not ready at once, but serves; then nothing can connect, and what is open is closed kindly."""
    server = start_gunicorn(drain_seconds=4, workers=2, graceful_timeout_seconds=10)
    with server.client() as kept:
        assert kept.get("/ready").json()["status"] == "ready"
        os.kill(server.pid, signal.SIGTERM)
        server.wait_for_log("Draining for 4.0 seconds")
        time.sleep(0.3)

        for _ in range(8):  # new connections, so most likely both workers
            response = httpx.get(f"{server.url}/ready", trust_env=False)
            assert (response.status_code, response.json()) == (503, {"status": "draining", "checks": {}})
        assert httpx.get(f"{server.url}/version", trust_env=False).status_code == httpx.codes.OK
        assert "connection" not in kept.get("/version").headers
        server.wait_for_log("Shutting down", 2)

        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.url}/version", trust_env=False, timeout=3)
        response = kept.get("/version")
        assert (response.status_code, response.headers["connection"]) == (200, "close")
    assert server.wait(10) == 0


def test_the_second_signal_does_not_wait(start_gunicorn: StartGunicorn) -> None:
    server = start_gunicorn(drain_seconds=60)
    os.kill(server.pid, signal.SIGTERM)
    server.wait_for_log("Draining for 60.0 seconds")
    os.kill(server.pid, signal.SIGTERM)

    assert server.wait(10) == 0


def test_clients_that_do_not_read_hold_no_restart_up(start_gunicorn: StartGunicorn) -> None:
    """Their worker ends late, but its successor is there."""
    server = start_gunicorn("tests.integration.probe.app:create_app()", workers=1, graceful_timeout_seconds=20)
    request = b"GET /probe/endless?pause=0 HTTP/1.1\r\nHost: x\r\n\r\n"
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
    for client in clients:
        client.sendall(request)
    time.sleep(0.5)
    (old,) = server.worker_pids()
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: len(server.worker_pids()) == 2, 5)

    begun = time.monotonic()
    assert httpx.get(f"{server.url}/health", trust_env=False, timeout=5).status_code == httpx.codes.OK
    assert time.monotonic() - begun < 2
    assert old in server.worker_pids()
    for client in clients:
        client.close()
    wait_until(lambda: old not in server.worker_pids(), 10)


def test_a_killed_worker_has_a_successor(start_gunicorn: StartGunicorn) -> None:
    server = start_gunicorn()
    killed = min(server.worker_pids())
    os.kill(killed, signal.SIGKILL)

    wait_until(lambda: killed not in server.worker_pids() and len(server.worker_pids()) == 2, 10)


def test_workers_are_not_recycled_by_count(start_gunicorn: StartGunicorn) -> None:
    server = start_gunicorn(workers=1)
    before = server.worker_pids()

    async def load() -> Counts:
        async with closed_loop(server.port, 32) as counts:
            await asyncio.sleep(3)
        return counts

    assert asyncio.run(load()).lost == 0
    assert server.worker_pids() == before
    assert not [line for line in server.log() if "Maximum request limit" in line["event"]]
