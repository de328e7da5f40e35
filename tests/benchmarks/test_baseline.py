"""The stored figures."""

from pathlib import Path

import pytest

from benchmarks.micro.baseline import STORED, Baseline, load, store
from benchmarks.micro.figures import BOOT, CALIBRATION, FIGURES

FIRST, MEMORY = FIGURES[0], BOOT[-1]
BASELINE = Baseline(
    "a machine", "CPython 3.12.1", "2026-11-23", "0123456789ab", 10.0, {FIRST.name: 100.0, MEMORY.name: 80.0}
)


def test_a_slower_machine_makes_no_difference() -> None:
    assert BASELINE.relative(FIRST, {FIRST.name: 300.0}, 20.0) == pytest.approx(1.5)


def test_a_slower_machine_needs_no_more_memory() -> None:
    assert BASELINE.relative(MEMORY, {MEMORY.name: 120.0}, 20.0) == pytest.approx(1.5)


def test_what_was_not_measured_then_or_now_is_not_compared() -> None:
    assert BASELINE.relative(FIGURES[1], {FIGURES[1].name: 1.0}, 10.0) is None
    assert BASELINE.relative(FIRST, {}, 10.0) is None


def test_what_is_stored_is_loaded_again(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"

    store({CALIBRATION: 10.0, FIRST.name: 123.4567}, path)

    stored = load(path)
    assert stored is not None
    assert (stored.calibration, stored.figures) == (10.0, {FIRST.name: 123.457})
    assert stored.commit


def test_nothing_stored_is_nothing(tmp_path: Path) -> None:
    assert load(tmp_path / "none") is None


def test_the_baseline_of_this_project_has_every_figure() -> None:
    stored = load(STORED)

    assert stored is not None
    assert stored.figures.keys() == {figure.name for figure in FIGURES}
