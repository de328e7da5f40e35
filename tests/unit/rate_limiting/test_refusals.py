"""Whom a worker refuses from memory, and for how long, at times of the test's choosing."""

import pytest

from tbg.rate_limiting.refusals import Refusals


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
    refusals.note("key", 1, asked=1_000.0, answered=1_002.0, wait_seconds=10.0)

    left = {}
    for now in (1_002.0, 1_009.75, 1_010.0, 1_011.0):
        clock.now = now
        left[now] = refusals.seconds_left("key", 1)
    assert left == {1_002.0: 10.0, 1_009.75: 2.25, 1_010.0: 0.0, 1_011.0: 0.0}
    assert len(refusals) == 0, "who is free is forgotten"


@pytest.mark.parametrize("cost", [1, 3])
def test_only_a_request_of_the_same_cost_is_refused(clock: Clock, cost: int) -> None:
    """A cheaper one may pass earlier, and a dearer one has to wait for longer."""
    refusals = Refusals(clock)
    refusals.note("key", 2, asked=1_000.0, answered=1_000.0, wait_seconds=10.0)

    assert refusals.seconds_left("key", cost) == 0
    assert refusals.seconds_left("key", 2) == 10


def test_the_one_that_was_refused_longest_ago_is_forgotten_first(clock: Clock) -> None:
    refusals = Refusals(clock, size=2)
    for key in ("a", "b", "a", "c"):
        refusals.note(key, 1, asked=1_000.0, answered=1_000.0, wait_seconds=10.0)

    assert [bool(refusals.seconds_left(key, 1)) for key in ("a", "b", "c")] == [True, False, True]
    assert len(refusals) == 2
