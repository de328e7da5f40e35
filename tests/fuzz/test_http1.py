"""The same bytes are the same requests, however they arrive; and where we see a request, h11 sees the same one.

What two parsers read in two ways is what request smuggling is made of; that one of them refuses a request is not.
"""

import asyncio
import os
import re
import socket
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, Final

import attrs
import h11
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from uvicorn.config import Config
from uvicorn.server import ServerState

from tbg.refusal import refusal_of
from tbg.server.http1 import Connection, Limits, Registry
from tests.integration.wire.table import CASES

_EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "15")) * 10
_SEEDS: Final = sorted({0, int(os.environ.get("FUZZ_SEED", "0"))})
_MAX_TURNS: Final = 10_000
_ORIGINALS: Final = [case.data for case in CASES.values() if len(case.data) < 2_000]
# Bytes that mean something to some parser.
_WORDS: Final = (
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n\r",
        b" ",
        b"\t",
        b":",
        b": ",
        b";",
        b",",
        b"0",
        b"1",
        b"c",
        b"\0",
        b"\x0b",
    ),
    *(
        b"\xa0",
        b"+",
        b"-",
        b"_",
        b"x",
        b"chunked",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"/",
        b"?",
    ),
    *(b"0\r\n\r\n", b"5\r\nhello\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"Host: y\r\n", b"HTTP/1.0", b"HTTP/1.1"),
)


@attrs.frozen
class Read:
    """A request that was read to its end."""

    method: str
    target: bytes
    body: bytes


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Make bytes of one to three requests, with some changes."""
    data = b"".join(draw(st.lists(st.sampled_from(_ORIGINALS), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        removed = draw(st.integers(0, 3))
        data = data[:at] + draw(st.sampled_from((*_WORDS, b""))) + data[at + removed :]
    return data


def pieces(data: bytes, places: list[int]) -> Iterator[bytes]:
    """Cut ``data`` at ``places``."""
    for start, end in pairwise([0, *sorted({place % (len(data) + 1) for place in places}), len(data)]):
        yield data[start:end]


def read_by_us(segments: list[bytes]) -> list[Read | str]:
    """Return what we make of the segments, one after the other, and of the end behind them."""
    return asyncio.run(_read_by_us(segments))


async def _read_by_us(segments: list[bytes]) -> list[Read | str]:
    seen: list[Read | str] = []

    async def application(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        body = b""
        event: dict[str, Any] = {"more_body": refusal_of(scope) is None}
        while event.get("more_body"):
            event = await receive()
            body += event.get("body", b"")
        whole = event.get("type") == "http.request"
        seen.append(
            Read(scope["method"], _target(scope["raw_path"] + b"?" + scope["query_string"]), body)
            if whole
            else "refused"
        )
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    config = Config(application, ws="none", lifespan="off", log_config=None)
    config.loaded_app = application
    state = ServerState()
    ours, theirs = socket.socketpair()
    with theirs:
        connection = Connection(config, state, {}, registry=Registry(10), limits=Limits())
        await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, ours)
        for segment in segments:
            connection.data_received(segment)
            await _settle(state)
        connection.eof_received()
        await _settle(state)
        connection.evict()
        await asyncio.sleep(0)
    return seen


def _target(target: bytes) -> bytes:
    """Return path and query, as both have them; of a server as a whole, too (RFC 9112, section 3.2.4)."""
    path, _, query = target.partition(b"?")
    path = re.sub(rb"^https?://[^/?]*", b"", path, flags=re.IGNORECASE)
    return (b"/" if path in {b"", b"*"} else path) + (b"?" + query if query else b"")


async def _settle(state: ServerState) -> None:
    """Let the requests be answered that are whole."""
    for _ in range(6 if state.tasks else 0):
        await asyncio.sleep(0)
    for _ in range(_MAX_TURNS):
        if all(task.done() or task.get_coro().cr_await is not None for task in state.tasks):  # type: ignore[union-attr]  # a coroutine
            return
        await asyncio.sleep(0)


def read_by_h11(data: bytes) -> list[Read | str]:
    """Return what h11 makes of the same."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1_000_000)
    connection.receive_data(data)
    seen: list[Read | str] = []
    try:
        while isinstance(request := connection.next_event(), h11.Request):
            body = b""
            while isinstance(event := connection.next_event(), h11.Data):
                body += event.data
            if not isinstance(event, h11.EndOfMessage):
                break
            seen.append(Read(request.method.decode(), _target(request.target), body))
            connection.send(h11.Response(status_code=400, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                break
            connection.start_next_cycle()
    except h11.RemoteProtocolError:
        seen.append("refused")
    return seen


def fuzzed(check: Callable[..., None], examples: int = _EXAMPLES) -> Callable[..., None]:
    """Run a property often."""
    return settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))(check)


@pytest.mark.parametrize("number", _SEEDS)
def test_the_same_bytes_are_the_same_requests_however_they_are_cut(number: int) -> None:
    @seed(number)
    @fuzzed
    @given(streams(), st.lists(st.integers(0, 10_000), max_size=8))
    def check(data: bytes, places: list[int]) -> None:
        whole = read_by_us([data])

        assert read_by_us(list(pieces(data, places))) == whole
        assert read_by_us([bytes([byte]) for byte in data]) == whole

    check()


def agreements(data: bytes) -> int:
    """Return the number of requests that both see, until h11 refuses one; it must see no other one."""
    ours = [each for each in read_by_us([data]) if isinstance(each, Read)]
    theirs = read_by_h11(data)
    if "refused" in theirs:
        ours = ours[: theirs.index("refused")]

    assert theirs[: len(ours)] == ours
    return len(ours)


def test_the_requests_of_the_table_are_the_same_to_h11() -> None:
    """h11 may refuse one: for control characters in values, say, or more than one empty line before a request."""
    assert sum(agreements(data) for data in _ORIGINALS) > 200


@pytest.mark.parametrize("number", _SEEDS)
def test_where_we_see_a_request_h11_sees_no_other(number: int) -> None:
    @seed(number)
    @partial(fuzzed, examples=4 * _EXAMPLES)
    @given(streams())
    def check(data: bytes) -> None:
        agreements(data)

    check()
