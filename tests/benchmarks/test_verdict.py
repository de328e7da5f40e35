"""What counts as dearer."""

from collections.abc import Mapping, Sequence

import attrs
import pytest

from benchmarks.micro.figures import FIGURES, Figure
from benchmarks.micro.verdict import Comparison, Exit, Outcome, Pair, judge

CHEAP = Figure("stage: cheap", "µs", 0.2)
DEAR = Figure("stage: dear", "µs", 0.2)
SAME = [(100.0, 101.0)] * 7
DEARER = [(100.0, 120.0)] * 7


@attrs.define
class Script:
    """Measurements that are known beforehand."""

    outcomes: Sequence[Outcome]
    asked: list[tuple[list[str], bool]] = attrs.field(factory=list)

    def __call__(self, figures: Sequence[Figure], again: bool) -> Outcome:
        self.asked.append(([figure.name for figure in figures], again))
        return self.outcomes[len(self.asked) - 1]


def outcome(cheap: Sequence[Pair] = SAME, dear: Sequence[Pair] = SAME, **missing: Mapping[str, str]) -> Outcome:
    return Outcome({CHEAP.name: cheap, DEAR.name: dear}, **missing)


def test_what_costs_the_same_is_fine_and_measured_once() -> None:
    script = Script([outcome()])

    report = judge([CHEAP, DEAR], script)

    assert report.exit is Exit.FINE
    assert script.asked == [([CHEAP.name, DEAR.name], False)]


def test_what_is_dearer_twice_fails() -> None:
    script = Script([outcome(dear=DEARER), outcome(dear=DEARER)])

    report = judge([CHEAP, DEAR], script)

    assert report.exit is Exit.DEARER
    assert [each.figure for each in report.dearer] == [DEAR]
    assert script.asked[1:] == [([DEAR.name], True)]


def test_what_is_dearer_only_once_was_noise() -> None:
    report = judge([CHEAP, DEAR], Script([outcome(dear=DEARER), outcome(dear=SAME)]))

    assert report.exit is Exit.FINE
    assert report.again == {DEAR.name}
    assert report.final[DEAR.name].ratio == pytest.approx(1.01)


def test_only_what_was_over_the_limit_can_fail() -> None:
    """What is measured again by the way, as the figures of the start are, has had no first verdict."""
    report = judge([CHEAP, DEAR], Script([outcome(dear=DEARER), outcome(cheap=DEARER, dear=SAME)]))

    assert report.exit is Exit.FINE


@pytest.mark.parametrize(("now", "is_over"), [(114.9, False), (115.1, True), (50.0, False)])
def test_the_limit_is_15_percent(now: float, *, is_over: bool) -> None:
    assert Comparison(DEAR, [(100.0, now)] * 7).is_over is is_over


@pytest.mark.parametrize(("now", "is_over"), [(1.19, False), (1.21, True)])
def test_a_difference_below_the_floor_is_none(now: float, *, is_over: bool) -> None:
    assert Comparison(CHEAP, [(1.0, now)] * 7).is_over is is_over


def test_a_few_disturbed_pairs_decide_nothing() -> None:
    assert not Comparison(DEAR, [*SAME[:4], (100.0, 900.0), (100.0, 300.0), (10.0, 100.0)]).is_over


def test_pairs_are_compared_with_themselves() -> None:
    """A machine that gets slower and slower makes both halves of a pair slower."""
    pairs = [(100.0 * slow, 120.0 * slow) for slow in (1, 2, 3, 4, 5)]

    assert Comparison(DEAR, pairs).ratio == pytest.approx(1.2)


def test_a_stage_that_the_base_has_not_is_no_failure() -> None:
    report = judge([CHEAP, DEAR], Script([Outcome({CHEAP.name: SAME}, missing_base={DEAR.name: "new"})]))

    assert report.exit is Exit.FINE
    assert report.final.keys() == {CHEAP.name}


def test_a_stage_that_the_working_tree_has_not_is_an_error() -> None:
    missing = {DEAR.name: "gone"}

    report = judge([CHEAP, DEAR], Script([Outcome({CHEAP.name: SAME}, missing_tree=missing)]))

    assert report.exit is Exit.BROKEN
    assert report.missing_tree == missing


def test_an_error_goes_before_a_failure() -> None:
    first = Outcome({CHEAP.name: DEARER}, missing_tree={DEAR.name: "gone"})

    assert judge([CHEAP, DEAR], Script([first, Outcome({CHEAP.name: DEARER})])).exit is Exit.BROKEN


def test_a_stage_that_cannot_be_measured_again_is_an_error() -> None:
    again = Outcome({}, missing_tree={DEAR.name: "sometimes"})

    assert judge([CHEAP, DEAR], Script([outcome(dear=DEARER), again])).exit is Exit.BROKEN


def test_every_figure_has_a_name_of_its_own() -> None:
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)
