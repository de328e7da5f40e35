"""Whom a worker refuses from memory, and for how long, at times of the test's choosing."""

import pytest

from tbg.rate_limiting.refusals import Refusal, Refusals


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_nobody_is_refused_longer_or_told_less_than_redis_may_have_meant(clock: Clock) -> None:
    """The script ran some time between question and answer, here two seconds apart, and said: ten seconds."""
    refusals = Refusals(clock)
    clock.now = 1_002.0
    refusals.note("key", Refusal(1, 10.0), asked=1_000.0, answered=1_002.0)

    known = {}
    for now in (1_002.0, 1_009.75, 1_010.0, 1_011.0):
        clock.now = now
        known[now] = refusals.find("key")
    assert known == {1_002.0: (1, 10.0), 1_009.75: (1, 2.25), 1_010.0: None, 1_011.0: None}
    assert len(refusals) == 0, "who is free is forgotten"


def test_the_one_that_was_refused_longest_ago_is_forgotten_first(clock: Clock) -> None:
    refusals = Refusals(clock, size=2)
    for key in ("a", "b", "a", "c"):
        refusals.note(key, Refusal(0, 10.0), asked=1_000.0, answered=1_000.0)

    assert [refusals.find(key) is not None for key in ("a", "b", "c")] == [True, False, True]
    assert len(refusals) == 2
