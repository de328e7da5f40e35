"""Pairs of processes, one of each side, that take turns on one core."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any, Final, Protocol

import attrs

from benchmarks.micro.figures import BOOT, Figure
from benchmarks.micro.processes import Child, Side
from benchmarks.micro.verdict import Outcome, Pair

_BOOT: Final = frozenset(figure.name for figure in BOOT)


@attrs.frozen
class Plan:
    """How long to measure.

    Attributes:
        pairs: How many pairs of processes.
        turns: How often each process of a pair measures each figure.
        seconds: How long it does so.
        deadline: When to be content with fewer pairs, of `time.monotonic`.
        least: How many there are on the slowest machine, too.
    """

    pairs: int
    turns: int
    seconds: float
    deadline: float
    least: int = 5

    def rounds(self) -> Iterator[int]:
        """Count the pairs."""
        for number in range(self.pairs):
            if time.monotonic() > self.deadline and number >= self.least:
                return
            yield number


@attrs.frozen
class Sides:
    """The two that are compared, and where each of them counts requests."""

    base: Side
    tree: Side
    base_url: str
    tree_url: str

    @property
    def both(self) -> tuple[tuple[Side, str], tuple[Side, str]]:
        """Each with its place."""
        return (self.base, self.base_url), (self.tree, self.tree_url)


@attrs.define
class Samples:
    """What has been measured so far."""

    pairs: defaultdict[str, list[Pair]] = attrs.field(factory=lambda: defaultdict(list))
    missing: tuple[dict[str, str], dict[str, str]] = attrs.field(factory=lambda: ({}, {}))

    def outcome(self) -> Outcome:
        """Return it; a figure that is sometimes there is not there."""
        absent = self.missing[0].keys() | self.missing[1].keys()
        return Outcome({name: pairs for name, pairs in self.pairs.items() if name not in absent}, *self.missing)


class Measuring(Protocol):
    """What a `Child` does."""

    @property
    def boot(self) -> Mapping[str, float]:
        """What the start has cost."""

    def measure(self, name: str, seconds: float) -> dict[str, Any]:
        """Measure one benchmark."""


Start = Callable[[Side, str, int], AbstractContextManager[Measuring]]


def measure_pairs(
    sides: Sides, figures: Sequence[Figure], plan: Plan, progress: Callable[[int], None], start: Start = Child
) -> Outcome:
    """Measure each figure on both sides: A B B A with one pair of processes, B A A B with the next."""
    samples = Samples()
    for number in plan.rounds():
        progress(number)
        order = (0, 1) if number % 2 == 0 else (1, 0)
        with ExitStack() as stack:
            # The seed is the same, so that the order of their dictionaries is no difference between them.
            both = [partial(start, *side, number) for side in sides.both]
            children = {index: stack.enter_context(both[index]()) for index in order}
            _one_pair(children, figures, plan, samples)
    return samples.outcome()


def _one_pair(children: Mapping[int, Measuring], figures: Sequence[Figure], plan: Plan, samples: Samples) -> None:
    if any(figure.name in _BOOT for figure in figures):
        _note_boot(children, samples)
    for figure in figures:
        if figure.name not in _BOOT:
            _take_turns(children, figure.name, plan, samples)


def _note_boot(children: Mapping[int, Measuring], samples: Samples) -> None:
    for name, value in children[0].boot.items():
        samples.pairs[name].append((value, children[1].boot[name]))


def _take_turns(children: Mapping[int, Measuring], name: str, plan: Plan, samples: Samples) -> None:
    """Note the best batch of each side: what disturbs a process only ever makes it slower."""
    order = tuple(children)
    batches: tuple[list[float], list[float]] = ([], [])
    for turn in range(plan.turns):
        for index in order if turn % 2 == 0 else order[::-1]:
            answer = children[index].measure(name, plan.seconds)
            batches[index].extend(answer.get("batches", ()))
            if "missing" in answer:
                samples.missing[index][name] = answer["missing"]
    if all(batches):
        samples.pairs[name].append((min(batches[0]), min(batches[1])))
