"""Has a change made anything dearer? ``make bench-check``, or ``python -m benchmarks.micro.check``.

Ends with 0 if not, 1 if so, 2 if that cannot be told.
"""

import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table

from benchmarks.micro.commits import BaseError, find_base, is_dirty
from benchmarks.micro.figures import FIGURES, Figure, amount
from benchmarks.micro.pairs import Plan, Sides, measure_pairs
from benchmarks.micro.processes import ROOT, MeasuringError, valkey
from benchmarks.micro.sides import prepare
from benchmarks.micro.verdict import LIMIT, Comparison, Exit, Outcome, Report, judge

# The whole run takes less than four minutes on a machine that has other things to do, too.
_FIRST_SECONDS: Final = 110
_SECONDS: Final = 200
_OUTPUT: Final = Console(
    width=max(Console().width, 110), highlight=False, markup=False
)  # a log is as wide as it needs to be
_ERRORS: Final = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def run(commit: str) -> Report:
    """Compare the working tree with a commit."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, valkey() as url:
        base, tree = prepare(ROOT, commit, Path(scratch))
        server = url.rpartition("/")[0]
        sides = Sides(base, tree, f"{server}/0", f"{server}/1")

        def measure(figures: Sequence[Figure], again: bool) -> Outcome:  # noqa: FBT001 - see `Measure`
            plan = Plan(11, 4, 0.12, began + _SECONDS) if again else Plan(7, 2, 0.1, began + _FIRST_SECONDS)
            what = f"measuring {len(figures)} again" if again else "measuring"
            with _ERRORS.status(what) as status:
                return measure_pairs(sides, figures, plan, lambda done: status.update(f"{what}: {done}/{plan.pairs}"))

        return judge(FIGURES, measure)


def table(report: Report) -> Table:
    """Show every figure, and what is to be said of it."""
    numbers = [Column(head, justify="right") for head in ("base", "now", "ratio")]
    shown = Table(Column("figure", no_wrap=True), "unit", *numbers, Column("", no_wrap=True), box=SIMPLE)
    for figure in FIGURES:
        shown.add_row(figure.name, figure.unit, *_cells(report, figure.name))
    return shown


def _cells(report: Report, name: str) -> tuple[str, ...]:
    if reason := report.missing_tree.get(name):
        return "", "", "", f"cannot be measured: {reason}"
    if reason := report.missing_base.get(name):
        return "", "", "", f"not there in the base: {reason}"
    compared = report.final.get(name)
    if compared is None:
        return "", "", "", "not measured"
    return amount(compared.base), amount(compared.tree), f"{compared.ratio:.3f}", _remark(report, compared)


def _remark(report: Report, compared: Comparison) -> str:
    if compared in report.dearer:
        return "DEARER"
    return "noise, measured again" if compared.figure.name in report.again else ""


def summary(report: Report) -> Iterator[str]:
    """Say what the end is, and why."""
    for name, reason in report.missing_tree.items():
        yield f"error: the working tree cannot run '{name}' ({reason}): mend it, or benchmarks/micro"
    for each in report.dearer:
        change = f"{amount(each.base)} to {amount(each.tree)} {each.figure.unit}"
        yield f"dearer: {each.figure.name}, by {each.ratio - 1:.0%}: from {change}"
    if report.exit is Exit.FINE:
        yield f"nothing is dearer by more than {LIMIT - 1:.0%}"


@click.command()
@click.option("--base", default="", help="The commit to compare with; by default the last tag, else base-commit.")
def main(base: str) -> None:
    """Measure the working tree and a commit side by side; fail if a stage has become dearer."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        commit = find_base(ROOT, base or None)
        state = "the working tree, with changes that are not committed," if is_dirty(ROOT) else "HEAD"
        _ERRORS.print(f"comparing {state} with {commit[:12]}")
        report = run(commit)
    except (BaseError, MeasuringError) as error:
        _ERRORS.print(f"error: {error}")
        sys.exit(Exit.BROKEN)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    _OUTPUT.print(table(report), *summary(report), sep="\n")
    sys.exit(report.exit)


if __name__ == "__main__":
    main()
