"""Beyond its bound a worker answers 503 at once, and never to a probe."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.conftest import Logged, StartGunicorn
from tests.integration.conftest import Serve
from tests.integration.probe.app import APP
from tests.support.gunicorn import Gunicorn
from tests.support.wire import Wire

SLOW = "/probe/slow"  # takes a second
OTHER = "/probe/account"


@pytest.fixture
async def narrow(serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """The service with room for two requests."""
    async with serve(max_requests_in_flight=2) as client:
        yield client


async def occupy(client: httpx.AsyncClient, number: int) -> list[asyncio.Task[httpx.Response]]:
    tasks = [asyncio.create_task(client.get(SLOW)) for _ in range(number)]
    await asyncio.sleep(0.3)
    return tasks


async def test_what_is_too_much_is_told_to_come_back(narrow: httpx.AsyncClient) -> None:
    """In the form of every error, and without a charge."""
    slow = await occupy(narrow, 2)
    response = await narrow.get(
        OTHER, headers={"Accept": "application/problem+json", "Origin": "http://localhost:5173"}
    )

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json()["detail"] == "The service is overloaded. Try again later."
    assert response.json()["instance"] == response.headers["x-request-id"]
    assert response.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert "ratelimit" not in response.headers
    assert [each.status_code for each in await asyncio.gather(*slow)] == [200, 200]
    assert (await narrow.get(OTHER)).status_code == 200


async def test_probes_are_always_answered(narrow: httpx.AsyncClient) -> None:
    slow = await occupy(narrow, 2)

    assert (await narrow.get("/health")).status_code == 200
    assert (await narrow.get("/ready")).status_code == 200
    assert (await narrow.head("/health")).status_code == 200
    await asyncio.gather(*slow)


async def test_a_failure_gives_its_place_back(narrow: httpx.AsyncClient) -> None:
    for path in ("/probe/crash", "/probe/refuse", "/probe/breach", "/probe/undocumented", "/probe/unrenderable"):
        for _ in range(3):
            assert (await narrow.get(path)).status_code in {409, 500}
    for _ in range(3):
        assert (await narrow.post("/probe/notes", content=b"{", headers={"Content-Type": "application/json"})).is_error

    assert [each.status_code for each in await asyncio.gather(*await occupy(narrow, 2))] == [200, 200]


async def test_a_client_that_leaves_gives_its_place_back(narrow: httpx.AsyncClient) -> None:
    for task in await occupy(narrow, 2):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    assert (await narrow.get(OTHER)).status_code == 200


async def test_it_is_logged_when_it_begins_and_ends(serve: Serve, logged: Logged) -> None:
    async with serve(max_requests_in_flight=2) as client:
        slow = await occupy(client, 2)
        for _ in range(5):
            assert (await client.get(OTHER)).status_code == 503
        await asyncio.gather(*slow)

    lines = logged()
    changes = [line for line in lines if line["event"].startswith("load.")]
    assert [line["event"] for line in changes] == ["load.shedding", "load.normal"]
    assert not [line for line in changes if "request_id" in line]
    assert len([line for line in lines if line["event"] == "http.request"]) == 7


@pytest.fixture
def single(start_gunicorn: StartGunicorn) -> Gunicorn:
    return start_gunicorn(APP, workers=1, max_requests_in_flight=1)


def test_slow_bodies_and_streams_take_no_place(single: Gunicorn) -> None:
    slow_body = (
        b"POST /probe/notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    with Wire(single.port) as body, Wire(single.port) as stream, Wire(single.port) as events, single.client() as client:
        body.send(slow_body)
        stream.send(b"GET /probe/endless?pause=600 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stream.socket.recv(1000).startswith(b"HTTP/1.1 200 OK")
        events.send(b"GET /probe/endless?kind=events&pause=600 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert events.socket.recv(1000).startswith(b"HTTP/1.1 200 OK")

        assert client.get(OTHER).status_code == 200
        assert client.post("/probe/notes", json={"text": "a"}).status_code == 200


def test_a_body_that_comes_when_there_is_no_room_is_refused(single: Gunicorn) -> None:
    body = b'{"text":"a"}'
    with Wire(single.port) as first, Wire(single.port) as second:
        first.send(b"POST /probe/notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n")
        first.send(b"Content-Length: %d\r\n\r\n" % len(body), body[:-1])
        second.send(b"GET /probe/slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        second.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            second.socket.recv(1)
        first.send(body[-1:])

        assert first.receive().startswith(b"HTTP/1.1 503 ")
