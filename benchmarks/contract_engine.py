"""What judging costs: microseconds of CPU per request and response, in process, without server, router or responder.

    .venv/bin/python -m benchmarks.contract_engine

Each line is the least of several repetitions. The responses differ from one call to the next where it says so.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from itertools import count, cycle
from typing import Any

import falcon.asgi
import msgspec
from falcon.testing import create_scope

from tbg.contract import Contract, Limits, RequestContract, ResponseContract
from tbg.contract import responses as judging
from tbg.contract.memo import Memo
from tests.contract.workers.app import CONTRACT
from tests.contract.workers.models import WorkerFilter, WorkerInput
from tests.unit.contract.test_worst_bodies import compiled

UUID = "5d0a1f4c-9c0f-4a53-8d3e-0c6a0f0d{:04x}"
INPUT = {
    "name": "rig-7",
    "region": "eu-north",
    "ipv4_address": "192.0.2.7",
    "hashrate": 120.5,
    "difficulty": 1024,
    "payout": {"kind": "lightning", "node": "02" + "ab" * 32, "max_fee_sats": 10},
    "hardware_id": UUID.format(1),
    "installed_at": "2026-01-03T18:15:05Z",
    "firmware": "v2.1",
    "tags": ["asic", "hall-3"],
}
LIMITED = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "99", "x-ratelimit-reset": "0"}
POLICIES = {"ratelimit-policy": '"default";q=100;w=60', "ratelimit": '"default";r=99;t=60'}
contract = Contract.load(CONTRACT)
requests = RequestContract(contract, Limits())
responses = ResponseContract(contract, mode="enforce", report=print, lasting_headers=frozenset())
numbers = count()


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run what never waits for anything."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError


def request(method: str, path: str, template: str, body: bytes = b"", query: str = "") -> falcon.asgi.Request:
    """Make a request as Falcon has it after routing."""
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}

    async def receive() -> dict[str, Any]:
        raise AssertionError

    event = {"type": "http.request", "body": body, "more_body": False}
    scope = create_scope(method=method, path=path, headers=headers, query_string=query)
    made = falcon.asgi.Request(scope, receive, first_event=event)
    made.uri_template = template
    return made


def response(status: int, headers: dict[str, str]) -> falcon.asgi.Response:
    """Make a response as it is before it is judged."""
    made = falcon.asgi.Response()
    made.status = status
    made.content_type = "application/json"
    made.set_headers({"x-request-id": UUID.format(next(numbers) % 65536), **LIMITED, **headers})
    return made


def worker(number: int) -> dict[str, object]:
    """Return one worker; another number makes another."""
    made = {"id": UUID.format(number % 65536), "created_at": f"2026-01-03T18:15:05.{number % 1000000:06}Z"}
    return {**INPUT, "hardware_id": UUID.format(number * 7 % 65536), **made}


def version(made: falcon.asgi.Response) -> falcon.asgi.Response:
    """Give a response the body of /version."""
    made.data = b'{"version":"0.1.0","environment":"production"}'
    return made


def judge_request(made: tuple[falcon.asgi.Request, dict[str, Any]]) -> None:
    """Let the contract read a request."""
    run(requests.process_resource(made[0], None, None, made[1]))  # type: ignore[arg-type]  # it does not look at them


def judge_response(made: tuple[falcon.asgi.Request, falcon.asgi.Response]) -> None:
    """Let the contract judge a response."""
    run(responses.process_response(*made, None, True))  # noqa: FBT003 - Falcon's signature


def create(made: tuple[tuple[falcon.asgi.Request, dict[str, Any]], falcon.asgi.Response]) -> None:
    """Do all that judging a POST takes, and structuring its body."""
    judge_request(made[0])
    made[0][0].context.call.body(WorkerInput)
    judge_response((made[0][0], made[1]))


def listing(made: tuple[falcon.asgi.Request, dict[str, Any]]) -> None:
    """Do all that judging a GET takes, and structuring its parameters."""
    judge_request(made)
    made[0].context.call.parameters(WorkerFilter)


def measure[T](name: str, act: Callable[[T], object], make: Callable[[], T], number: int) -> None:
    """Print the CPU time of one call."""
    best = float("inf")
    for _ in range(7):
        prepared = [make() for _ in range(number)]
        started = time.process_time()
        for each in prepared:
            act(each)
        best = min(best, (time.process_time() - started) / number)
    print(f"| {name} | {best * 1e6:.2f} |")


def pages() -> Iterator[bytes]:
    """Yield pages that have nothing in common."""
    for number in count(step=100):
        items = [worker(number + offset) for offset in range(100)]
        yield msgspec.json.encode({"items": items, "next_cursor": None})


async def main() -> None:
    """Print a table."""
    get, post = request("GET", "/version", "/version"), msgspec.json.encode(INPUT)
    getting, listed = request("GET", "/workers", "/workers"), pages()
    few = cycle([next(listed) for _ in range(20)])

    def created() -> Any:  # noqa: ANN401 - a pair of pairs
        answer = response(201, {"location": "/workers/1"})
        answer.data = msgspec.json.encode(worker(next(numbers)))
        return (request("POST", "/workers", "/workers", post), {}), answer

    def page() -> Any:  # noqa: ANN401 - a pair
        answer = response(200, {"x-trace-level": "0"})
        answer.data = next(few)
        return getting, answer

    query = "page_size=50&region=eu-west&region=us-east&tags=asic&hashrate[min]=1"
    measure("GET /version, request", judge_request, lambda: (get, {}), 2000)
    measure("GET /version, response, 6 headers", judge_response, lambda: (get, version(response(200, POLICIES))), 2000)
    measure(
        "GET with 9 parameters, 4 of them sent, request",
        listing,
        lambda: (request("GET", "/workers", "/workers", query=query), {}),
        200,
    )
    measure("POST of 10 fields, request, structured, and response", create, created, 200)
    measure("response of 100 objects, seen before", judge_response, page, 20)
    judging._bodies = Memo(  # noqa: SLF001 - to forget at once
        entries=1, longest=2048
    )
    measure("response of 100 objects, never the same", judge_response, page, 20)
    array = {"type": "array", "items": {"type": "integer"}}
    alone, _ = compiled(array)
    either, _ = compiled({"oneOf": [array, array | {"items": {"type": "string"}}]})
    sent = [1] * 500_000
    measure("1 MB of integers", alone, lambda: sent, 1)
    measure("1 MB of integers, by oneOf", either, lambda: sent, 1)


if __name__ == "__main__":
    asyncio.run(main())
