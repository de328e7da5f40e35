"""Accept (RFC 9110, section 12.5.1), as far as the two forms of an error go."""

import time
import tracemalloc

import pytest

from tbg.contract.negotiation import JSON, PROBLEM, prefers_problem


@pytest.mark.parametrize(
    "accept",
    [
        PROBLEM,
        "APPLICATION/PROBLEM+JSON",
        f"{PROBLEM}, {JSON};q=0.9",
        f"{JSON};q=0.5,{PROBLEM}",
        f"{JSON} ; q=0.5 , {PROBLEM} ; q=0.501",
        f"{JSON};Q=0.5, {PROBLEM};Q=0.6",
        f"{JSON};q=0, */*",
        f"*/*, {JSON};q=0",
        f"{JSON};q=0.000, application/*;q=0.1",
        f"{JSON};q=0",
        f"application/*;q=0.9, {JSON};q=0.1",
        f"*/*;q=0.1, {PROBLEM}",
        f"{PROBLEM};charset=utf-8, {JSON};q=0.5",
        f'{PROBLEM};title="a, b; q=0"',
        rf'{PROBLEM};title="\"{JSON}"',
        f", ,{PROBLEM},,",
        f"{PROBLEM};;q=1",
        f"\t{PROBLEM}\t",
    ],
)
def test_a_client_gets_the_form_that_it_prefers(accept: str) -> None:
    assert prefers_problem(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        JSON,
        "text/html",
        f"{JSON}, {PROBLEM}",
        f"{PROBLEM}, {JSON}",
        f"{PROBLEM};q=0",
        f"{PROBLEM};q=0, */*",
        f"{PROBLEM};q=0, {JSON};q=0",
        "*/*;q=0",
        f"application/*;q=0.9, {PROBLEM};q=0.1",
        f"{JSON};version=2;q=0.1, {JSON};q=0.9, {PROBLEM};q=0.5",
        f"{PROBLEM}x",
        f"x{PROBLEM}",
        "problem+json",
    ],
)
def test_plain_json_is_the_default(accept: str) -> None:
    assert not prefers_problem(accept)


@pytest.mark.parametrize(
    "accept",
    [
        f"{PROBLEM};q=nonsense",
        f"{PROBLEM};q=2",
        f"{PROBLEM};q=0.1234",
        f"{PROBLEM};q=-1",
        f"{PROBLEM};q=",
        f'{PROBLEM};q="1"',
        f"{PROBLEM} {JSON};q=0",
        f"{PROBLEM}, /json",
        f"{PROBLEM}, json",
        f'{PROBLEM};title="',
        f"{PROBLEM};;;,,,q=",
        f"{PROBLEM}\x00",
        f"{PROBLEM}\r\n",
        f"{PROBLEM};ü=1",
    ],
)
def test_a_malformed_header_counts_for_nothing(accept: str) -> None:
    assert not prefers_problem(accept)


def test_a_long_header_is_not_read() -> None:
    assert prefers_problem(PROBLEM + " " * (1024 - len(PROBLEM)))
    assert not prefers_problem(PROBLEM + " " * (1025 - len(PROBLEM)))


@pytest.mark.parametrize(
    "accept",
    [
        PROBLEM + "; " * 480 + "x y",
        PROBLEM + " ;" * 480 + " x y",
        PROBLEM + ';a="' + "\\" * 900,
        PROBLEM + ';a="' + '\\"' * 450,
        "," * 900 + PROBLEM + " x",
        ("a/json" + ";" * 20 + ",") * 38,
        "*/json " * 140,
        "a/json," * 140,
    ],
)
def test_no_header_takes_long(accept: str) -> None:
    """A pattern that backtracks would take years."""
    began = time.process_time()
    prefers_problem(accept)

    assert time.process_time() - began < 0.1


def test_headers_fill_no_memory() -> None:
    """Falcon would keep 128 of them, parsed, of any size."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(300):
            prefers_problem(f"{PROBLEM};a={number}," + "a/json," * 8000)
            prefers_problem(f"{PROBLEM};a={number}," + "a/json," * 120)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert after - before < 200_000
