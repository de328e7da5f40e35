"""The results as Markdown."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from benchmarks.load.figures import Figures, Spread, cpu_us, valid
from benchmarks.load.goals import GOALS
from benchmarks.load.measure import Result, Sample
from benchmarks.load.targets import Case

_REFERENCES: Final = ("constant", "service", "fastapi")

_EXPLANATION: Final = """\
Written by `make bench`. Numbers are medians over the rounds, with the lowest and the highest in brackets. CPU per
request is user and system time of all the server's processes, without Redis and PostgreSQL; it is the figure that
counts, because it depends least on what else the machine does. `benchmarks/peers` says what each target does and does
not do; "service without" lacks one stage of the service. Warnings are lines of the target's log; uncounted are
requests that passed although the rate limit did not count them, because Redis answered too late. They cost less, so a
round with more than one in a hundred of them counts only if there is no other."""

Row = Sequence[str]


def report(results: Sequence[Result], how: Sequence[str], plot: str | None) -> str:
    """Return the whole document.

    Args:
        results: What was measured.
        how: Lines that say how and on what.
        plot: The name of the picture beside it.
    """
    figures = Figures(results)
    parts = [
        "# What the service costs",
        _EXPLANATION,
        "\n".join(f"- {line}" for line in how),
        *([f"![CPU time per request]({plot})"] if plot else []),
        f"## Targets\n\n{goals(figures)}",
        f"Errors in all: {sum(result.errors for result in results)}. Uncounted in all: {_uncounted(results)}.",
        "## Requests\n\n" + requests(figures),
        "## Memory and cold start\n\n" + processes(results),
        *_failures(results),
    ]
    return "\n\n".join(parts) + "\n"


def goals(figures: Figures) -> str:
    """Return the table of what is to be reached."""
    rows = []
    for goal in GOALS:
        value, sign = goal.value(figures), "≤" if goal.is_ceiling else "≥"
        shown = "-" if math.isnan(value) else f"{value:.2f}"
        least, aim = (f"{sign} {bound:g}: {goal.reaches(value, bound)}" for bound in (goal.least, goal.aim))
        rows.append([goal.what, shown, least, aim])
    return _table(["CPU per request, unless it says something else", "measured", "at least", "aim"], rows)


def requests(figures: Figures) -> str:
    """Return the table of everything that was asked."""
    head = ["path", "target", "workers", "connections", "requests/s", "CPU µs/request"]
    ratios = [f"CPU ÷ {name}" for name in _REFERENCES]
    rows = [
        _request_row(figures, result, case, samples)
        for result in figures.results
        for case, samples in result.samples.items()
    ]
    rows.sort(key=lambda row: _order(row, figures))
    return _table([*head, *ratios, "p50 ms", "p99 ms", "errors", "warnings", "uncounted"], rows)


def processes(results: Iterable[Result]) -> str:
    """Return the table of what processes need before and besides requests."""
    head = ["target", "workers", "RSS of a worker, MB", "PSS of a worker, MB", "PSS of all, MB", "first answer after s"]
    return _table([*head, "CPU s until then"], [_process_row(result) for result in results])


def _request_row(figures: Figures, result: Result, case: Case, samples: Sequence[Sample]) -> Row:
    target = result.target
    good = valid(samples)
    cpu = Spread.of(map(cpu_us, good))
    return [
        case.path,
        target.name,
        str(target.workers),
        str(case.connections),
        Spread.of(sample.rps for sample in good).text(),
        cpu.text(1),
        *(_ratio(cpu.median, figures.same(reference, case)) for reference in _REFERENCES),
        Spread.of(sample.outcome.p50_ms for sample in good).text(2),
        Spread.of(sample.outcome.p99_ms for sample in good).text(2),
        str(sum(sample.outcome.errors for sample in samples)),
        str(sum(sample.troubles for sample in samples)),
        str(sum(sample.uncounted for sample in samples)),
    ]


def _process_row(result: Result) -> Row:
    memory, starts = result.memory, result.starts
    return [
        result.target.name,
        str(result.target.workers),
        Spread.of(each.rss for each in memory).text(1),
        Spread.of(each.pss for each in memory if each.pss).text(1),
        Spread.of(each.tree_pss for each in memory if each.tree_pss).text(1),
        Spread.of(each.seconds for each in starts).text(2),
        Spread.of(each.cpu_seconds for each in starts).text(2),
    ]


def _order(row: Row, figures: Figures) -> tuple[int, int, int]:
    paths = list(dict.fromkeys(case.path for result in figures.results for case in result.samples))
    names = [result.target.name for result in figures.results]
    return paths.index(row[0]), int(row[3]), names.index(row[1])


def _ratio(value: float, reference: float) -> str:
    ratio = value / reference if reference else math.nan
    return "-" if math.isnan(ratio) else f"{ratio:.2f}"


def _uncounted(results: Iterable[Result]) -> int:
    return sum(sample.uncounted for result in results for samples in result.samples.values() for sample in samples)


def _failures(results: Iterable[Result]) -> Iterator[str]:
    for result in results:
        if result.failure:
            yield f"## {result.target.name} failed\n\n```\n{result.failure.strip()}\n```"


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
