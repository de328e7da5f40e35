"""How the two sides take turns."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import pytest

from benchmarks.micro.figures import BOOT, REPEATED
from benchmarks.micro.pairs import Measuring, Plan, Sides, measure_pairs
from benchmarks.micro.processes import Side
from benchmarks.micro.verdict import Outcome

BASE, TREE = Side("base"), Side("tree")
SIDES = Sides(BASE, TREE, "redis://base", "redis://tree")
FIRST, SECOND = REPEATED[:2]
NEVER = float("inf")


@attrs.define
class Room:
    """Where processes that need no time measure."""

    missing: dict[str, str] = attrs.field(factory=dict)
    events: list[str] = attrs.field(factory=list)

    @contextmanager
    def start(self, side: Side, url: str, seed: int) -> Iterator[Measuring]:
        self.events.append(f"{side.name} on {url} with {seed}")
        yield Puppet(self, side.name)
        self.events.append(f"{side.name} ends")


@attrs.define
class Puppet:
    """One of them; each batch of the working tree takes twice as long, and the first ones longer."""

    room: Room
    name: str
    boot: dict[str, float] = attrs.field(factory=lambda: {figure.name: 7.0 for figure in BOOT})
    calls: int = 0

    def measure(self, name: str, seconds: float) -> dict[str, Any]:
        del seconds
        self.calls += 1
        self.room.events.append(f"{self.name}: {name}")
        if (key := f"{self.name}: {name}") in self.room.missing:
            return {"missing": self.room.missing[key]}
        cost = 1.0 if self.name == BASE.name else 2.0
        return {"batches": [cost + 10.0 / self.calls, cost]}


def run(room: Room, plan: Plan) -> Outcome:
    return measure_pairs(SIDES, [FIRST, SECOND, *BOOT], plan, lambda _: None, room.start)


def test_the_sides_take_turns_and_the_next_pair_the_other_way_round() -> None:
    room = Room()

    run(room, Plan(2, 2, 0.1, NEVER))

    turns = [event.partition(":")[0] for event in room.events if event.endswith(FIRST.name)]
    assert turns == ["base", "tree", "tree", "base", "tree", "base", "base", "tree"]


def test_both_processes_of_a_pair_have_the_same_seed_and_end_before_the_next() -> None:
    room = Room()

    run(room, Plan(2, 1, 0.1, NEVER))

    assert [event for event in room.events if " on redis" in event or event.endswith(" ends")] == [
        "base on redis://base with 0",
        "tree on redis://tree with 0",
        "tree ends",
        "base ends",
        "tree on redis://tree with 1",
        "base on redis://base with 1",
        "base ends",
        "tree ends",
    ]


def test_each_pair_keeps_the_best_batch_of_each_side() -> None:
    outcome = run(Room(), Plan(3, 2, 0.1, NEVER))

    assert outcome.pairs[FIRST.name] == [(1.0, 2.0)] * 3
    assert outcome.pairs[BOOT[0].name] == [(7.0, 7.0)] * 3


def test_what_one_side_has_not_is_told_and_not_compared() -> None:
    missing = {f"base: {FIRST.name}": "new", f"tree: {SECOND.name}": "gone"}

    outcome = run(Room(missing), Plan(1, 1, 0.1, NEVER))

    assert outcome.missing_base == {FIRST.name: "new"}
    assert outcome.missing_tree == {SECOND.name: "gone"}
    assert outcome.pairs.keys() == {figure.name for figure in BOOT}


@pytest.mark.parametrize(("deadline", "pairs"), [(NEVER, 7), (0.0, 5)])
def test_a_slow_machine_has_fewer_pairs_but_enough(deadline: float, pairs: int) -> None:
    assert len(run(Room(), Plan(7, 1, 0.1, deadline)).pairs[FIRST.name]) == pairs
