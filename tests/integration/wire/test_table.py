"""Every row of the table, alone, pipelined, and in two segments; then a good request, which must get its own answer."""

import json
import socket
import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

import pytest

from tests.integration.wire.case import Case
from tests.integration.wire.table import CASES
from tests.support.gunicorn import Gunicorn
from tests.support.request_lines import RequestLines
from tests.support.responses import Response, parse_responses
from tests.support.wire import Wire

_PAUSE_SECONDS: Final = 0.002  # a busy machine may join the segments, and the result must be the same
_MOST_SPLITS: Final = 5
_numbers = count()

each_case = pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])


class Good:
    """A good request with an id of its own; the answer must have it."""

    def __init__(self, *, is_last: bool = False) -> None:
        self.request_id = f"good-{next(_numbers)}"
        closing = "Connection: close\r\n" if is_last else ""
        self.data = f"GET /version HTTP/1.1\r\nHost: x\r\nX-Request-Id: {self.request_id}\r\n{closing}\r\n".encode()

    def check(self, response: Response) -> None:
        assert response.status == 200
        assert response.request_id == self.request_id
        assert "version" in json.loads(response.body)


def talk(
    port: int, *segments: bytes, half_close: bool = False, waits: bool = False, head_at: int | None = None
) -> list[Response]:
    """Send the segments one after the other and return all responses.

    Args:
        port: Where.
        segments: What is sent at once.
        half_close: Close the sending half after them.
        waits: Wait for a response after the first segment.
        head_at: Which of the responses answers HEAD.
    """
    with Wire(port) as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        for segment in segments:
            wire.send(segment)
            if waits and not received:
                received = wire.receive_responses(1) if head_at is None else wire.receive_head()
            elif segment is not segments[-1]:
                time.sleep(_PAUSE_SECONDS)
        if half_close:
            wire.socket.shutdown(socket.SHUT_WR)
        return parse_responses(received + wire.receive(), head_at)


def splits(data: bytes) -> Iterator[int]:
    """Yield some of the places where a segment may end: around what a parser looks for."""
    places = [at for at in range(1, min(len(data), 2000)) if data[at - 1] in b"\r\n:; ," or data[at] in b"\r"]
    step = max(1, -(-len(places) // _MOST_SPLITS))
    yield from places[len(data) % step :: step]


def check(case: Case, responses: list[Response], *goods: Good) -> Response:
    """Check the answers of the case and of the good requests around it, and return that of the case."""
    by_id = {good.request_id: good for good in goods}
    own = [response for response in responses if response.request_id not in by_id]
    assert len(own) == 1, responses
    assert len(responses) == 1 + len(goods), responses
    for response in responses:
        if response is not own[0]:
            by_id[response.request_id].check(response)
    assert own[0].status in case.statuses, own[0]
    assert (own[0].fields.get("connection") == "close") == case.closes
    if case.is_refused:
        check_refusal(own[0])
    return own[0]


def check_log(case: Case, lines: RequestLines, own: list[Response], goods: Sequence[Good]) -> None:
    """Check that the log has one line for each request, and that those of the case say what is true."""
    logged = lines.of([*(response.request_id for response in own), *(good.request_id for good in goods)])
    for response in own:
        assert logged[response.request_id]["status"] == response.status
        assert logged[response.request_id]["client"] == case.client


def check_refusal(response: Response) -> None:
    """Check that a refused request has what belongs to every error: the form, an id (seen before), and a charge."""
    assert "ratelimit" in response.fields
    assert response.fields["content-type"] in {"application/json", "application/problem+json"}
    assert isinstance(json.loads(response.body or b'{"detail":""}')["detail"], str)
    assert int(response.fields["content-length"]) > 0


@each_case
def test_the_next_request_gets_its_own_answer(edge: Gunicorn, request_lines: RequestLines, case: Case) -> None:
    """On the same connection if that stays open, else on a new one."""
    good = Good(is_last=True)
    head_at = 0 if case.is_head else None
    if case.closes:
        own = check(case, talk(edge.port, case.data, half_close=case.is_cut, head_at=head_at))
        (response,) = talk(edge.port, good.data)
        good.check(response)
    else:
        own = check(case, talk(edge.port, case.data, good.data, waits=True, head_at=head_at), good)
    check_log(case, request_lines, [own], [good])


@each_case
def test_pipelined_requests_around_it_get_their_own_answers(
    edge: Gunicorn, request_lines: RequestLines, case: Case
) -> None:
    goods = [Good()] if case.closes else [Good(), Good(is_last=True)]
    after = b"" if case.is_cut else Good().data if case.closes else goods[1].data
    data = goods[0].data + case.data + after
    responses = talk(edge.port, data, half_close=case.is_cut, head_at=1 if case.is_head else None)

    check_log(case, request_lines, [check(case, responses, *goods)], goods)


@each_case
def test_it_is_answered_alike_wherever_a_segment_ends(edge: Gunicorn, request_lines: RequestLines, case: Case) -> None:
    own = list[Response]()
    goods = list[Good]()
    for place in splits(case.data):
        good = Good(is_last=True)
        rest = case.data[place:] if case.is_cut else case.data[place:] + good.data
        head_at = 0 if case.is_head else None
        responses = talk(edge.port, case.data[:place], rest, half_close=case.is_cut, head_at=head_at)
        around = () if case.closes else (good,)
        own.append(check(case, responses, *around))
        goods += around

    check_log(case, request_lines, own, goods)


def test_refused_requests_are_answered_with_a_problem_where_it_is_accepted(
    edge: Gunicorn, request_lines: RequestLines
) -> None:
    """The first line is as it was; a field behind it says what is accepted."""
    cases = [case for case in CASES.values() if case.is_refused and accepts_more(case.data)]
    ids = []
    for case in cases:
        data = case.data.replace(b"\r\n", b"\r\nAccept: application/problem+json\r\n", 1)
        responses = talk(edge.port, data, half_close=case.is_cut, head_at=0 if case.is_head else None)
        own = check(case, responses)
        assert own.fields["content-type"] == "application/problem+json", case.name
        if own.body:
            problem = json.loads(own.body)
            assert problem["status"] == own.status, case.name
            assert problem["instance"] == own.request_id
        ids.append(own.request_id)

    request_lines.of(ids)
    assert len(ids) > 150


def accepts_more(data: bytes) -> bool:
    """Tell whether another field can be put behind the first line."""
    line, end, _ = data.partition(b"\r\n")
    return len(data) < 10_000 and bool(end) and not {b"\n"[0], b"\r"[0]} & set(line) and data[:1] not in {b" ", b"\t"}
