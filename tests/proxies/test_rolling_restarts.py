"""Two instances behind HAProxy, without retries: while they are restarted one after the other, nothing is lost."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import httpx

from tbg.dev.ports import free_port
from tests.conftest import gunicorn
from tests.proxies.support import Proxy, program
from tests.support.counting import closed_loop
from tests.support.gunicorn import Gunicorn, wait_until

RESTARTS = 8


def balancer(directory: Path, ports: list[int]) -> Proxy:
    """Return HAProxy in front of several instances, which it asks whether they are ready."""
    port = free_port()
    servers = "\n".join(
        f"    server instance-{each} 127.0.0.1:{each} check inter 200ms fall 1 rise 1" for each in ports
    )
    configuration = f"""
global
    log stdout format raw local0
defaults
    mode http
    log global
    log-format "%HM\\t%HU\\t%s"
    retries 0
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend clients
    bind 127.0.0.1:{port}
    default_backend services
backend services
    option httpchk
    http-check send meth GET uri /ready ver HTTP/1.1 hdr Host ready
    http-check expect status 200
{servers}
"""
    return Proxy(directory, [program("haproxy"), "-db", "-f", "{}"], configuration, port)


def test_rolling_restarts_lose_nothing(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    ports = [free_port(), free_port()]
    made = iter(range(100))

    def instance(port: int) -> Gunicorn:
        directory = tmp_path / f"instance-{next(made)}"
        return gunicorn(directory, postgres_url, redis_url, workers=1, port=port, drain_seconds=2)

    instances = [instance(port) for port in ports]
    try:
        for each in instances:
            each.start()
        with balancer(tmp_path, ports) as proxy:
            asyncio.run(_restart_under_load(proxy.port, instances, instance))
    finally:
        for each in instances:
            each.kill()


async def _restart_under_load(port: int, instances: list[Gunicorn], instance: Callable[[int], Gunicorn]) -> None:
    async with closed_loop(port, 32) as counts:
        for number in range(RESTARTS):
            old = instances[number % 2]
            os.kill(old.pid, signal.SIGTERM)
            assert await asyncio.to_thread(old.wait, 20) == 0
            new = instances[number % 2] = instance(old.port)
            await asyncio.to_thread(new.start)
            await asyncio.to_thread(_wait_until_ready, new)
            await asyncio.sleep(0.5)  # the balancer looks every 0.2 s

    assert counts.lost == counts.refused == 0, counts
    assert counts.answered.keys() == {200}, counts


def _wait_until_ready(server: Gunicorn) -> None:
    wait_until(lambda: httpx.get(f"{server.url}/ready", trust_env=False).status_code == httpx.codes.OK, 10)
