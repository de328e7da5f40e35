"""Measure the working tree: ``make bench-micro``, or ``python -m benchmarks.micro``."""

import statistics
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from benchmarks.micro.baseline import Baseline, load, store
from benchmarks.micro.figures import CALIBRATION, FIGURES, REPEATED, Figure, amount
from benchmarks.micro.processes import Child, MeasuringError, Side, valkey

_WINDOW_SECONDS: Final = 0.15

Samples = defaultdict[str, list[float]]


def measure(processes: int, seconds: float = _WINDOW_SECONDS) -> tuple[dict[str, float], dict[str, str]]:
    """Return each figure as the median of some processes' best batches; and why others are not there."""
    samples: Samples = defaultdict(list)
    missing: dict[str, str] = {}
    side = Side("the working tree")
    with valkey() as url:
        for seed in track(range(processes), "measuring", console=Console(stderr=True), transient=True):
            with Child(side, url, seed) as child:
                for name, value in child.boot.items():
                    samples[name].append(value)
                missing |= _repeated(child, seconds, samples)
    return {name: statistics.median(values) for name, values in samples.items()}, missing


def _repeated(child: Child, seconds: float, samples: Samples) -> dict[str, str]:
    missing = {}
    for name in (CALIBRATION, *(figure.name for figure in REPEATED)):
        answer = child.measure(name, seconds)
        if "batches" in answer:
            samples[name].append(min(answer["batches"]))
        else:
            missing[name] = answer["missing"]
    return missing


def table(values: Mapping[str, float], baseline: Baseline | None) -> Table:
    """Show every figure beside the stored one, and what their ratio is when both are calibrated."""
    numbers = [Column(head, justify="right") for head in ("now", "stored", "ratio")]
    shown = Table(Column("figure", no_wrap=True), "unit", *numbers, box=SIMPLE)
    for figure in FIGURES:
        shown.add_row(figure.name, figure.unit, *_cells(figure, values, baseline))
    return shown


def _cells(figure: Figure, values: Mapping[str, float], baseline: Baseline | None) -> tuple[str, str, str]:
    now, then = values.get(figure.name), baseline.figures.get(figure.name) if baseline else None
    ratio = baseline.relative(figure, values, values[CALIBRATION]) if baseline else None
    first, second = (("-" if value is None else amount(value)) for value in (now, then))
    return first, second, "" if ratio is None else f"{ratio:.2f}"


def provenance(values: Mapping[str, float], baseline: Baseline | None) -> str:
    """Say what the stored figures are from."""
    speed = f"calibration: {values[CALIBRATION]:.2f} µs now"
    if baseline is None:
        return f"{speed}; nothing is stored: make bench-micro MICRO=--store"
    origin = f"{baseline.commit}, {baseline.date}, {baseline.python}, {baseline.machine}"
    return f"{speed}, {baseline.calibration:.2f} µs when the figures were stored ({origin})"


@click.command()
@click.option("--store", "keep", is_flag=True, help="Store the figures as the baseline.")
@click.option("--processes", default=3, show_default=True, help="How many processes measure, one after the other.")
def main(*, keep: bool, processes: int) -> None:
    """Print what a request costs, stage by stage, and how that compares with the stored baseline."""
    try:
        values, missing = measure(processes)
    except MeasuringError as error:
        raise click.ClickException(str(error)) from None
    Console().print(table(values, load()), provenance(values, load()), sep="\n", highlight=False, soft_wrap=True)
    if missing:
        raise click.ClickException("\n".join(f"{name}: {reason}" for name, reason in missing.items()))
    if keep:
        store(values)


if __name__ == "__main__":
    main()
