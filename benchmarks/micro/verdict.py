"""Is a figure dearer than it was? What is only noise must never fail, and what is not must.

A figure is measured in pairs of processes, one of each side, at the same time and on the same core. What disturbs one
half of a pair is likely to disturb the other, so it is the ratio of each pair that counts, and the median of all.
A figure over the limit is measured again, longer; only one that is over it twice has become dearer.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Final

import attrs

from benchmarks.micro.figures import Figure

LIMIT: Final = 1.15

Pair = tuple[float, float]
"""What the base and the working tree have taken."""


class Exit(IntEnum):
    """What the process ends with."""

    FINE = 0
    DEARER = 1
    BROKEN = 2


@attrs.frozen
class Outcome:
    """What has been measured.

    Attributes:
        pairs: By figure; those that one side has not are not there.
        missing_base: Why the base has no such figure: that is no failure, as new stages have no past.
        missing_tree: Why the working tree has no such figure: that is an error, as it would go unnoticed for ever.
    """

    pairs: Mapping[str, Sequence[Pair]]
    missing_base: Mapping[str, str] = attrs.field(factory=dict)
    missing_tree: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Comparison:
    """One figure of both sides."""

    figure: Figure
    pairs: Sequence[Pair]

    @property
    def base(self) -> float:
        """What it took."""
        return statistics.median(base for base, _ in self.pairs)

    @property
    def tree(self) -> float:
        """What it takes."""
        return statistics.median(tree for _, tree in self.pairs)

    @property
    def ratio(self) -> float:
        """How many times as dear it is."""
        return statistics.median(tree / base for base, tree in self.pairs)

    @property
    def is_over(self) -> bool:
        """Whether it is dearer by more than the limit, and by more than could mean nothing."""
        difference = statistics.median(tree - base for base, tree in self.pairs)
        return self.ratio > LIMIT and difference > self.figure.floor


@attrs.frozen
class Report:
    """The verdict.

    Attributes:
        final: Each figure that both sides have, as it was measured last.
        again: The names of those that were measured twice.
    """

    final: Mapping[str, Comparison]
    again: frozenset[str]
    missing_base: Mapping[str, str]
    missing_tree: Mapping[str, str]

    @property
    def dearer(self) -> list[Comparison]:
        """What has become dearer."""
        return [each for name, each in self.final.items() if name in self.again and each.is_over]

    @property
    def exit(self) -> Exit:
        """How the process ends; a figure that cannot be measured is worse than one that is dear."""
        if self.missing_tree:
            return Exit.BROKEN
        return Exit.DEARER if self.dearer else Exit.FINE


Measure = Callable[[Sequence[Figure], bool], Outcome]
"""Measure these figures, for the second time or not."""


def judge(figures: Sequence[Figure], measure: Measure) -> Report:
    """Measure all, and again what is over the limit."""
    first = measure(figures, False)  # noqa: FBT003 - the type above says what it is
    compared = _compare(figures, first)
    suspects = [each.figure for each in compared.values() if each.is_over]
    second = measure(suspects, True) if suspects else Outcome({})  # noqa: FBT003 - the same
    return Report(
        final=compared | _compare(suspects, second),
        again=frozenset(figure.name for figure in suspects),
        missing_base={**first.missing_base, **second.missing_base},
        missing_tree={**first.missing_tree, **second.missing_tree},
    )


def _compare(figures: Iterable[Figure], outcome: Outcome) -> dict[str, Comparison]:
    return {
        figure.name: Comparison(figure, outcome.pairs[figure.name])
        for figure in figures
        if outcome.pairs.get(figure.name)
    }
