"""What becomes of a service at one, two and three times its capacity: an operation with a SELECT, in an open loop.

    .venv/bin/python -m benchmarks.overload [in_flight]

It starts one worker on an embedded PostgreSQL and Valkey, finds the capacity with eight connections that wait for each
response, then sends requests at random times (Poisson), whatever becomes of those before. Client, worker and servers
share the machine's cores, so on two cores the worker has less than one for itself at the higher loads.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

import attrs
import httpx
import psutil
import uvloop

from tbg.dev.postgres import EmbeddedPostgres
from tbg.dev.valkey import EmbeddedValkey
from tests.conftest import gunicorn
from tests.support.databases import migrate
from tests.support.gunicorn import Gunicorn

APP: Final = "tests.contract.workers.app:create_app()"
LOADS: Final = (0.1, 1, 2, 3)
SECONDS: Final = 8
_WORKER: Final = {
    "name": "rig-7",
    "region": "eu-north",
    "ipv4_address": "192.0.2.7",
    "hashrate": 120.5,
    "difficulty": 65536,
    "payout": {"kind": "lightning", "node": "02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619"},
    "installed_at": "2026-01-03T18:15:05+02:00",
}


@attrs.define
class Client:
    """Connections that are kept, and what came back on them: status and seconds."""

    port: int
    request: bytes
    answers: list[tuple[int, float]] = attrs.field(factory=list)
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = attrs.field(factory=list)

    async def ask(self) -> None:
        """Send one request, on a connection that nobody uses."""
        began = time.perf_counter()
        try:
            reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(self.request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        except (OSError, EOFError):
            self.answers.append((0, time.perf_counter() - began))
            return
        self.answers.append((int(head.split(b" ", 2)[1]), time.perf_counter() - began))
        self._idle.append((reader, writer))

    async def closed_loop(self, connections: int, seconds: float) -> float:
        """Return how many requests a second are answered when each connection waits for its response."""
        end = time.perf_counter() + seconds

        async def one() -> None:
            while time.perf_counter() < end:
                await self.ask()

        await asyncio.gather(*(one() for _ in range(connections)))
        return len(self.answers) / seconds

    async def open_loop(self, per_second: float, seconds: float) -> None:
        """Send requests at random times, and wait for the last responses."""
        async with asyncio.TaskGroup() as tasks:
            due = began = time.perf_counter()
            while due < began + seconds:
                due += random.expovariate(per_second)
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                tasks.create_task(self.ask())


async def probe(url: str, seconds: float) -> tuple[list[float], Counter[int]]:
    """Ask ten times a second; return the seconds that it took, and the statuses."""
    spent, statuses = list[float](), Counter[int]()
    end = time.perf_counter() + seconds
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        while (began := time.perf_counter()) < end:
            statuses[(await client.get(url)).status_code] += 1
            spent.append(time.perf_counter() - began)
            await asyncio.sleep(0.1)
    return spent, statuses


def percentile(values: list[float], share: float) -> str:
    """Return a percentile in milliseconds, for a table."""
    return f"{sorted(values)[int(len(values) * share)] * 1000:.0f}" if values else "-"


async def row(service: Gunicorn, request: bytes, capacity: float, load: float) -> str:
    """Measure one load; return its line of the table."""
    client = Client(service.port, request)
    _, health, ready = await asyncio.gather(
        client.open_loop(capacity * load, SECONDS),
        probe(f"{service.url}/health", SECONDS),
        probe(f"{service.url}/ready", SECONDS),
    )
    served = [seconds for status, seconds in client.answers if status == httpx.codes.OK]
    shed = sum(status == httpx.codes.SERVICE_UNAVAILABLE for status, _ in client.answers)
    good = sum(seconds <= 1 for seconds in served) / SECONDS
    memory = sum(psutil.Process(pid).memory_info().rss for pid in service.worker_pids()) >> 20
    others = len(client.answers) - len(served) - shed
    return (
        f"| {load} | {good:.0f} ({good / capacity:.0%}) | {shed / SECONDS:.0f} | {others} "
        f"| {percentile(served, 0.5)}, {percentile(served, 0.99)} | {percentile(health[0], 0.99)} | {dict(ready[1])} "
        f"| {memory} |"
    )


def main() -> None:
    """Print the table."""
    directory = Path(tempfile.mkdtemp(prefix="tbg-overload-"))
    directory.chmod(0o755)
    postgres, valkey = EmbeddedPostgres(directory / "postgres" / "data"), EmbeddedValkey(directory / "valkey" / "data")
    postgres.start()
    valkey.start()
    migrate(postgres.url)
    settings: dict[str, object] = {
        "database_pool_size": 8,
        "database_max_overflow": 0,
        "rate_limit_requests": 1_000_000,
    }
    if sys.argv[1:]:
        settings["max_requests_in_flight"] = int(sys.argv[1])
    try:
        with gunicorn(directory / "gunicorn", postgres.url, valkey.url, APP, workers=1, **settings) as service:
            with service.client() as client:
                path = f"/workers/{client.post('/workers', json=_WORKER).json()['id']}"
            request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            capacity = uvloop.run(Client(service.port, request).closed_loop(8, SECONDS))
            print(f"capacity: {capacity:.0f} requests/s")
            print("| load | good/s | 503/s | other | p50, p99 ms | /health p99 ms | /ready | MiB |\n|" + " --- |" * 8)
            for load in LOADS:
                print(uvloop.run(row(service, request, capacity, load)), flush=True)
    finally:
        valkey.stop()
        postgres.stop()


if __name__ == "__main__":
    main()
