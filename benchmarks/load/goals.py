"""What the service is to reach, and whether it does."""

import math
from collections.abc import Callable
from typing import Final

import attrs

from benchmarks.load.figures import Figures, Spread, tail
from benchmarks.load.measure import Result


@attrs.frozen
class Goal:
    """One line of the table.

    Attributes:
        what: What is compared, in words.
        value: The measured value; not-a-number if something it needs was not measured.
        least: What it must reach.
        aim: What it should reach.
        is_ceiling: Whether smaller is better.
    """

    what: str
    value: Callable[[Figures], float]
    least: float
    aim: float
    is_ceiling: bool = attrs.field(default=False, kw_only=True)

    def reaches(self, value: float, bound: float) -> str:
        """Return the verdict in a word."""
        if math.isnan(value):
            return "-"
        return "yes" if (value <= bound if self.is_ceiling else value >= bound) else "**no**"


def cheaper(path: str, than: str, *, ours: str = "service") -> Callable[[Figures], float]:
    """Return how many times the CPU of ours another target needs for the same path."""
    return lambda figures: figures.cpu(than, path) / figures.cpu(ours, path)


def with_and_without(path: str, target: str, without: str) -> Callable[[Figures], float]:
    """Return how many times the CPU of a target without something the one with it needs."""
    return lambda figures: figures.cpu(target, path) / figures.cpu(without, path)


def tail_at(connections: int) -> Callable[[Figures], float]:
    """Return the 99th percentile of /version in medians."""
    return lambda figures: figures.of("service", "/version", tail, connections)


def refusals(figures: Figures) -> float:
    """Return how many times the CPU of our 429 that of FastAPI needs."""
    return figures.cpu("fastapi 429", "429") / figures.cpu("service 429", "429")


def posts(figures: Figures) -> float:
    """Return how many times the CPU of our POST that of FastAPI needs."""
    return figures.cpu("fastapi crud", "POST 10 fields") / figures.cpu("service crud", "POST 10 fields")


def to_fastapi(of: Callable[[Result], float]) -> Callable[[Figures], float]:
    """Return ours as a part of FastAPI's."""

    def ratio(figures: Figures) -> float:
        ours, theirs = figures.result("service"), figures.result("fastapi")
        return of(ours) / of(theirs) if ours and theirs else math.nan

    return ratio


def rss(result: Result) -> float:
    """Return the resident memory of a worker with all that it shares."""
    return Spread.of(memory.rss for memory in result.memory).median


def pss(result: Result) -> float:
    """Return the resident memory of a worker, its part of what is shared."""
    return Spread.of(memory.pss or math.nan for memory in result.memory).median


def start_cpu(result: Result) -> float:
    """Return the CPU time until the first answer."""
    return Spread.of(start.cpu_seconds for start in result.starts).median


_CHANGING, _UNCHECKED = "list of 100", "service crud unchecked"
GOALS: Final = [
    Goal("/version: constant + redis-py ÷ ours", cheaper("/version", "constant-redis"), 1.0, 1.5),
    Goal("/version: FastAPI ÷ ours", cheaper("/version", "fastapi"), 8, 12),
    Goal("/version: Connexion ÷ ours", cheaper("/version", "connexion"), 5, 8),
    Goal("/health: constant ÷ ours", lambda f: f.cpu("constant", "/version") / f.cpu("service", "/health"), 0.40, 0.50),
    Goal("/ready: FastAPI ÷ ours", cheaper("/ready", "fastapi"), 10, 20),
    Goal("429: FastAPI ÷ ours", refusals, 6, 12),
    Goal("POST 10 fields: FastAPI ÷ ours", posts, 2, 4),
    Goal(
        "/version: contract on ÷ off",
        with_and_without("/version", "service", "service without contract"),
        1.15,
        1.08,
        is_ceiling=True,
    ),
    Goal(
        "list of 100, sent before: contract on ÷ responses off",
        with_and_without("same list of 100", "service same list", "service same list unchecked"),
        1.5,
        1.2,
        is_ceiling=True,
    ),
    Goal(
        "list of 100, never the same: contract on ÷ responses off",
        with_and_without(_CHANGING, "service crud", _UNCHECKED),
        1.5,
        1.2,
        is_ceiling=True,
    ),
    Goal("/version: p99 ÷ p50 at 64 connections", tail_at(64), 3, 2, is_ceiling=True),
    Goal("/version: p99 ÷ p50 at 256 connections", tail_at(256), 3, 2, is_ceiling=True),
    Goal("resident memory of a worker (RSS): ours ÷ FastAPI", to_fastapi(rss), 0.8, 0.65, is_ceiling=True),
    Goal("resident memory of a worker (PSS): ours ÷ FastAPI", to_fastapi(pss), 0.8, 0.65, is_ceiling=True),
    Goal("CPU until the first answer: ours ÷ FastAPI", to_fastapi(start_cpu), 0.75, 0.6, is_ceiling=True),
]
