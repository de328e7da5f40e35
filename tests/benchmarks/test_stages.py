"""Every benchmark runs on this code, so that no refactoring takes one away unnoticed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.micro.figures import BOOT, CALIBRATION, REPEATED
from benchmarks.micro.processes import Child, MeasuringError, Side

TREE = Side("the working tree")


@pytest.fixture(scope="module")
def child(valkey_url: str) -> Iterator[Child]:
    with Child(TREE, valkey_url, 0) as child:
        yield child


def test_each_benchmark_runs(child: Child) -> None:
    """In one test, because every test process would need a child of its own."""
    names = [CALIBRATION, *(figure.name for figure in REPEATED)]

    answers = {name: child.measure(name, 0.0) for name in names}

    assert {name: answer["missing"] for name, answer in answers.items() if "missing" in answer} == {}
    assert all(batch > 0 for answer in answers.values() for batch in answer["batches"])
    assert child.boot.keys() == {figure.name for figure in BOOT}
    assert child.measure("unknown", 0.0) == {"missing": "KeyError: 'unknown'"}


def test_only_the_code_of_its_own_side_is_measured(tmp_path: Path, valkey_url: str) -> None:
    """A commit without the package in its place would else be measured as what is installed: the working tree."""
    with pytest.raises(MeasuringError, match=r"the base cannot be measured:[^$]*tbg comes from"):
        Child(Side("the base", root=tmp_path), valkey_url, 0)
