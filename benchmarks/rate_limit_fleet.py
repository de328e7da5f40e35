"""Whether the limit holds for a fleet that has just started: one client, more processes than the machine can serve.

    .venv/bin/python -m benchmarks.rate_limit_fleet [runs processes]

Each run starts fifty services of one worker each on an embedded Valkey, all at once, with the default time-outs, and
sends 30 000 requests of one client over 300 connections, as fast as they are answered, under each of two limits. What
is counted can be exact only if no check is given up: the table has how many were, and how loaded the machine was.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import uvloop

from tbg.dev.ports import free_port
from tbg.dev.valkey import EmbeddedValkey
from tests.support.environments import ROOT, full_environment

LIMITS: Final = ((100, 60), (1_000, 10))
REQUESTS: Final = 30_000
CONNECTIONS: Final = 300


@contextmanager
def fleet(directory: Path, redis_url: str, processes: int, limit: tuple[int, int]) -> Iterator[Sequence[int]]:
    """Start the services at once; return their ports when all of them serve."""
    ports = [free_port() for _ in range(processes)]
    requests, seconds = limit
    services = []
    with ExitStack() as stack:
        for port in ports:
            environment = full_environment(
                port=port,
                redis_url=redis_url,
                rate_limit_requests=requests,
                rate_limit_window_seconds=seconds,
                log_level="WARNING",
                drain_seconds=0,
            )
            log = stack.enter_context((directory / str(port)).open("wb"))
            command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "--workers", "1"]
            service = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)  # noqa: S603 - our own command
            services.append(service)
        try:
            yield ports
        finally:
            for service in services:
                service.send_signal(signal.SIGTERM)
            for service in services:
                service.wait(60)


async def serves(port: int) -> None:
    """Return when a service answers what asks Redis nothing."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.2)
            continue
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answered = (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()
        if answered:
            return


async def ask(port: int, requests: int) -> Counter[str]:
    """Ask over one connection, each time as soon as there is an answer; return what has become of the requests."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    outcomes: Counter[str] = Counter()
    for _ in range(requests):
        writer.write(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        is_counted = b"x-ratelimit-remaining" in head.lower()
        outcomes[f"{head[9:12].decode()}{'' if is_counted else ' uncounted'}"] += 1
    writer.close()
    return outcomes


async def burst(ports: Sequence[int]) -> tuple[Counter[str], float]:
    """Wait for all services, and ask them all."""
    await asyncio.gather(*map(serves, ports))
    started = time.monotonic()
    each = REQUESTS // CONNECTIONS
    counts = await asyncio.gather(*(ask(ports[number % len(ports)], each) for number in range(CONNECTIONS)))
    return sum(counts, Counter()), time.monotonic() - started


def main() -> None:
    """Print a row in Markdown for each run."""
    runs, processes = [int(number) for number in sys.argv[1:]] or [3, 50]
    print(f"{processes} processes, {REQUESTS} requests over {CONNECTIONS} connections\n")
    print("| limit | admitted | refused | uncounted | seconds | load before and after |")
    print("| --- | --- | --- | --- | --- | --- |")
    for limit in LIMITS:
        for _ in range(runs):
            before = os.getloadavg()[0]
            with tempfile.TemporaryDirectory() as name:
                directory = Path(name)
                server = EmbeddedValkey(directory / "valkey")
                with server, fleet(directory, server.url, processes, limit) as ports:
                    counts, seconds = uvloop.run(burst(ports))
                server.discard()
            row = (f"{limit[0]} in {limit[1]} s", counts["200"], counts["429"], counts["200 uncounted"])
            load = f"{before:.1f}, {os.getloadavg()[0]:.1f}"
            print("| " + " | ".join(map(str, (*row, f"{seconds:.1f}", load))) + " |", flush=True)


if __name__ == "__main__":
    main()
