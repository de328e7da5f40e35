"""What was accepted is remembered: for whom, how much of it, and nothing else."""

import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tbg.contract import Contract, responses
from tbg.contract.memo import Memo
from tbg.contract.responses import ResponseRule
from tests.unit.contract.support import Document, document, load, operation

TEXT: Document = {"schema": {"type": "string", "maxLength": 3}}
LONG: Document = {"schema": {"type": "string"}}
COUNTED: Document = {"headers": {"X-Left": {"required": True, "schema": {"type": "integer", "minimum": 1}}}}


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> Iterator[None]:
    responses._bodies.clear()
    responses._headers.clear()
    yield
    responses._bodies.clear()
    responses._headers.clear()


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    short = {"description": "Short.", "content": {"application/json": TEXT, "text/plain": LONG}, **COUNTED}
    long = {"description": "Long.", "content": {"application/json": LONG}}
    return load(tmp_path, document({"/act": {"get": operation(responses={"200": short, "201": long})}}))


def rule(contract: Contract, status: int = 200) -> ResponseRule:
    found = contract.operations["GET", "/act"].response(status)
    assert found is not None
    return found


def test_a_body_is_judged_once(contract: Contract) -> None:
    judged = rule(contract)

    assert judged.judge_body(b'"abc"', "application/json") is None
    assert (judged, "application/json", b'"abc"') in responses._bodies
    assert judged.judge_body(b'"abc"', "application/json") is None
    assert len(responses._bodies) == 1


def test_what_one_rule_or_media_type_accepts_another_judges_itself(contract: Contract) -> None:
    assert rule(contract, 201).judge_body(b'"abcd"', "application/json") is None
    assert rule(contract).judge_body(b'"abcd"', "text/plain") is None

    assert rule(contract).judge_body(b'"abcd"', "application/json") is not None
    assert rule(contract).judge_body(b'"abcd"', "application/xml") is not None


def test_what_is_refused_is_not_remembered(contract: Contract) -> None:
    judged = rule(contract)

    for _ in range(2):
        assert judged.judge_body(b'"abcd"', "application/json") is not None
        assert judged.judge_headers({"x-left": "0"}) is not None
        assert judged.judge_headers({"x-left": "1_0"}) is not None
        assert judged.judge_headers({}) is not None
    assert not responses._bodies
    assert not responses._headers


def test_of_a_long_body_only_its_digest_is_remembered(contract: Contract) -> None:
    long, other = b'"%s"' % (b"a" * 3000), b'"%s"' % (b"b" * 3000)
    judged = rule(contract, 201)

    assert [judged.judge_body(body, "application/json") for body in (long, other, long)] == [None] * 3
    assert len(responses._bodies) == 2
    assert all(len(part) <= 32 for _, _, _, part in responses._bodies if isinstance(part, bytes))
    assert rule(contract).judge_body(long, "application/json") is not None


def test_a_digest_that_is_a_body_is_another_body(contract: Contract) -> None:
    long = b'"%s"' % (b"a" * 3000)
    judged = rule(contract, 201)
    assert judged.judge_body(long, "application/json") is None

    assert judged.judge_body(sha256(long).digest(), "application/json") is not None


def test_long_headers_are_judged_each_time(contract: Contract) -> None:
    assert rule(contract, 201).judge_body(b'"a"', "application/json" + ";" * 3000) is None
    assert rule(contract).judge_headers({"x-left": "1" * 200}) is None

    assert not responses._bodies
    assert not responses._headers


def test_a_header_is_judged_once(contract: Contract) -> None:
    judged = rule(contract)

    assert [judged.judge_headers({"x-left": "7"}) for _ in range(2)] == [None, None]
    assert len(responses._headers) == 1


def test_a_full_memo_begins_anew() -> None:
    memo = Memo(entries=3, longest=9)

    for number in range(10):
        memo.keep((number,))
        assert len(memo) <= 3
    assert (9,) in memo


def test_memory_is_bounded() -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for memo, unit in ((responses._bodies, b"%0*d"), (responses._headers, "\U0001f600%0*d")):
            for number in range(5000):
                memo.keep((None, unit % (memo.longest - isinstance(unit, str), number)))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert after - before < 3_000_000


def test_spellings_of_a_media_type_are_bounded(contract: Contract) -> None:
    judged = rule(contract)

    for number in range(100):
        assert judged.judge_body(b'"abc"', f"application/json;a={number}") is None

    found = judged.media.__closure__
    assert found is not None
    assert any(isinstance(cell.cell_contents, dict) and len(cell.cell_contents) == 16 for cell in found)


def test_what_several_responses_refer_to_is_one_rule(contract: Contract) -> None:
    assert rule(contract, 404) is rule(contract, 500)
    assert rule(contract, 200) is not rule(contract, 201)
