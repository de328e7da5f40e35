"""What the rounds say together: medians, ranges, ratios."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence

import attrs

from benchmarks.load.measure import Result, Sample
from benchmarks.load.targets import USUAL, Case

NOTHING = math.nan


@attrs.frozen
class Spread:
    """A median with its range; not-a-number when there is nothing."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Summarize what the rounds have said."""
        found = list(values)
        return cls(statistics.median(found), min(found), max(found)) if found else cls(NOTHING, NOTHING, NOTHING)

    def text(self, digits: int = 0) -> str:
        """Return it for a table, the range only where there is one."""
        if math.isnan(self.median):
            return "-"
        if self.low == self.high:
            return f"{self.median:.{digits}f}"
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}…{self.high:.{digits}f})"


@attrs.frozen
class Figures:
    """All results, by target, path and number of connections."""

    results: Sequence[Result]

    def result(self, target: str) -> Result | None:
        """Return what a target did; None if it was not measured."""
        return next((result for result in self.results if result.target.name == target), None)

    def samples(self, target: str, path: str, connections: int = USUAL) -> Sequence[Sample]:
        """Return the rounds of one case; none if it was not measured."""
        result = self.result(target)
        cases = result.samples.items() if result else ()
        return next((valid(found) for case, found in cases if (case.path, case.connections) == (path, connections)), ())

    def of(self, target: str, path: str, of: Callable[[Sample], float], connections: int = USUAL) -> float:
        """Return the median of something over the rounds."""
        return Spread.of(map(of, self.samples(target, path, connections))).median

    def cpu(self, target: str, path: str, connections: int = USUAL) -> float:
        """Return the CPU time of a request, in microseconds."""
        return self.of(target, path, cpu_us, connections)

    def same(self, reference: str, case: Case) -> float:
        """Return what a reference needs for the same path, on its target that serves it; not-a-number if none does.

        The constant answer is the same for every path. Circumstances, such as ", slow log", are not looked at.
        """
        path = "/version" if reference == "constant" else case.path.partition(",")[0]
        named = (result.target.name for result in self.results if result.target.name.split()[0] == reference)
        found = (value for name in named if not math.isnan(value := self.cpu(name, path, case.connections)))
        return next(found, NOTHING)


def valid(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return the rounds in which the target did all its work; all of them if there is none."""
    return [sample for sample in samples if sample.is_valid] or samples


def cpu_us(sample: Sample) -> float:
    """Return the CPU time of a request."""
    return sample.cpu_us


def tail(sample: Sample) -> float:
    """Return how many times its median the 99th percentile is."""
    return sample.outcome.p99_ms / sample.outcome.p50_ms
