"""What is said at the end."""

import attrs
import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks.micro.check import main, summary, table
from benchmarks.micro.figures import FIGURES
from benchmarks.micro.verdict import Comparison, Exit, Report

FIRST, SECOND, THIRD, *_ = FIGURES


def comparison(now: float) -> Comparison:
    return Comparison(FIRST, [(100.0, now)] * 7)


@pytest.fixture
def fine() -> Report:
    return Report({FIRST.name: comparison(101.0)}, frozenset(), {SECOND.name: "NoSuchStageError: new"}, {})


def shown(report: Report) -> dict[str, str]:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table(report))
    return {figure.name: line for line in capture.get().splitlines() for figure in FIGURES if figure.name in line}


def test_what_is_fine_is_said_to_be(fine: Report) -> None:
    assert list(summary(fine)) == ["nothing is dearer by more than 15%"]
    assert "1.010" in shown(fine)[FIRST.name]
    assert "not there in the base: NoSuchStageError: new" in shown(fine)[SECOND.name]


def test_what_is_dearer_is_named_with_how_much(fine: Report) -> None:
    report = attrs.evolve(fine, final={FIRST.name: comparison(130.0)}, again=frozenset({FIRST.name}))

    assert list(summary(report)) == [f"dearer: {FIRST.name}, by 30%: from 100.0 to 130.0 µs"]
    assert "DEARER" in shown(report)[FIRST.name]


def test_what_was_noise_is_said_to_have_been(fine: Report) -> None:
    report = attrs.evolve(fine, again=frozenset({FIRST.name}))

    assert "noise, measured again" in shown(report)[FIRST.name]


def test_what_cannot_be_measured_any_more_is_an_error(fine: Report) -> None:
    report = attrs.evolve(fine, missing_tree={THIRD.name: "gone"})

    assert list(summary(report)) == [
        f"error: the working tree cannot run '{THIRD.name}' (gone): mend it, or benchmarks/micro"
    ]
    assert "cannot be measured: gone" in shown(report)[THIRD.name]


def test_a_base_that_does_not_exist_ends_with_2_and_says_so() -> None:
    result = CliRunner().invoke(main, ["--base", "no-such-commit"])

    assert result.exit_code == Exit.BROKEN
    assert result.stderr.startswith("error: ")
