"""How the cost of a request grows with its body, and with the number of operations and of clients.

    .venv/bin/python -m benchmarks.growth

CPU time of this process, in one process, without HTTP; the best of several rounds. The contract is made here: each
operation takes and returns a list of objects of ten fields, with ids, dates, patterns and bounds.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import falcon.asgi
import psutil
import typed_settings as ts
import uvloop
from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.table import Table

from benchmarks.micro.processes import valkey
from tbg.config import Settings
from tbg.contract import Contract, Limits, RequestContract, ResponseContract, Router, mount
from tbg.rate_limiting import ADDRESS, RateLimiter, RateLimitMetrics, Rule
from tbg.rate_limiting.policies import Charge, Policy
from tbg.redis.connector import Connector

_ROUNDS: Final = 5
_OBJECT: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "name", "created_at"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "name": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-z0-9-]+$"},
        "created_at": {"type": "string", "format": "date-time"},
        "region": {"type": "string", "enum": ["eu", "us", "ap"]},
        "hashrate": {"type": "number", "minimum": 0},
        "difficulty": {"type": "integer", "minimum": 1},
        "online": {"type": "boolean"},
        "note": {"type": ["string", "null"], "maxLength": 200},
        "tags": {"type": "array", "maxItems": 8, "items": {"type": "string", "maxLength": 32}},
        "shares": {"type": "integer", "minimum": 0},
    },
}


class Thing:
    """A resource that answers what it was sent."""

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **_: object) -> None:
        """Answer the body."""
        resp.media = req.context.call.media


def objects(count: int, seed: int) -> bytes:
    """Return a list of objects; another seed makes other objects."""
    things = [
        {
            "id": f"{seed:08x}-0000-4000-8000-{number:012x}",
            "name": f"worker-{seed}-{number}",
            "created_at": "2026-11-23T01:02:03Z",
            "region": "eu",
            "hashrate": 1.5 * number,
            "difficulty": number + 1,
            "online": True,
            "note": None,
            "tags": ["asic", "home"],
            "shares": seed,
        }
        for number in range(count)
    ]
    return json.dumps(things).encode()


def contract(operations: int) -> Contract:
    """Make and load a contract of so many operations."""
    content = {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}}
    error = {"description": "No.", "content": {name: {} for name in ("application/json", "application/problem+json")}}
    paths = {
        f"/things-{number}/{{key}}": {
            "post": {
                "operationId": f"postThings{number}",
                "parameters": [{"name": "key", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "requestBody": {"required": True, "content": content},
                "responses": {"200": {"description": "Yes.", "content": content}, "default": error},
            }
        }
        for number in range(operations)
    }
    document = {"openapi": "3.1.0", "info": {"title": "Growth", "version": "1"}, "paths": paths}
    document["components"] = {"schemas": {"Thing": _OBJECT}}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(document, file)
        file.flush()
        return Contract.load(Path(file.name))


def application(of: Contract) -> Callable[..., Awaitable[None]]:
    """Build nothing but the contract's two middlewares and the resources."""

    def fail(breach: object) -> None:
        raise AssertionError(breach)

    judge = ResponseContract(of, mode="enforce", report=fail, lasting_headers=frozenset())
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App(
        router=Router(), middleware=[judge, RequestContract(of, Limits(body_bytes=1 << 24))]
    )
    mount(app, of, {path: Thing() for _, path in of.operations})
    return app


async def post(app: Callable[..., Awaitable[None]], path: str, body: bytes) -> None:
    """Send one request and check that it was answered with 200."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: dict[str, object]) -> None:
        assert event.get("status", 200) == 200, event  # noqa: PLR2004, S101 - a measurement of something else otherwise

    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path}
    await app({**scope, "query_string": b"", "headers": headers, "client": ("192.0.2.1", 1)}, receive, send)


async def microseconds(work: Callable[[int], Awaitable[object]], times: int) -> float:
    """Return the CPU time of one call, the best of several rounds; each call gets another number."""
    best = float("inf")
    for each in range(_ROUNDS):
        began = time.process_time_ns()
        for number in range(times):
            await work(each * times + number)
        best = min(best, (time.process_time_ns() - began) / times / 1000)
    return best


async def by_size() -> Iterator[Sequence[str]]:
    """Measure a POST that answers its body, which no two requests have in common."""
    app, rows = application(contract(1)), []
    for count in (1, 10, 100, 1000, 5000):
        bodies = [objects(count, seed) for seed in range(_ROUNDS * max(2, 200 // count))]
        taken = await microseconds(lambda at, of=bodies: post(app, "/things-0/7", of[at]), len(bodies) // _ROUNDS)  # type: ignore[misc]
        rows.append(
            (f"{count} objects, {len(bodies[0]) / 1024:.1f} KB each way", f"{taken:.0f} µs", f"{taken / count:.1f} µs")
        )
    return iter(rows)


async def by_operations() -> Iterator[Sequence[str]]:
    """Measure the same POST of one object, and the boot, with ever more operations."""
    rows = []
    for count in (1, 10, 100, 300):
        before, began = psutil.Process().memory_info().rss, time.process_time()
        app = application(contract(count))
        boot, memory = time.process_time() - began, (psutil.Process().memory_info().rss - before) / 2**20
        taken = await microseconds(lambda at, to=app, n=count: post(to, f"/things-{n - 1}/7", objects(1, at)), 500)  # type: ignore[misc]
        rows.append((f"{count} operations", f"{taken:.0f} µs", f"{boot:.2f} s, {memory:.0f} MB"))
    return iter(rows)


async def by_clients(redis_url: str) -> Iterator[Sequence[str]]:
    """Measure a limit check, 64 at once, of ever more clients."""
    connector = Connector.from_settings(Settings(redis_url=ts.SecretStr(redis_url)))
    limiter = RateLimiter(connector, timeout_seconds=5.0, metrics=RateLimitMetrics(CollectorRegistry()))
    rule, rows = Rule((Charge(Policy(name="default", requests=1_000_000, window_seconds=60)),)), []
    for clients in (1, 100, 10_000, 100_000):

        async def together(at: int, among: int = clients) -> None:
            names = ((at * 64 + number) * 7919 % among for number in range(64))
            await asyncio.gather(*(limiter.check(rule, {ADDRESS: f"10.0.{each >> 8}.{each & 255}"}) for each in names))

        taken = await microseconds(together, 200) / 64
        rows.append((f"{clients} clients", f"{taken:.1f} µs", ""))
    await limiter.close()
    return iter(rows)


async def main() -> None:
    """Print three tables."""
    with valkey() as redis_url:
        for title, rows in (
            ("body", await by_size()),
            ("operations", await by_operations()),
            ("clients", await by_clients(redis_url)),
        ):
            table = Table(title, "a request", "an object, or the boot")
            for row in rows:
                table.add_row(*row)
            Console(width=100).print(table)


if __name__ == "__main__":
    uvloop.run(main())
