"""``make bench``: measure the service against its peers, and say what came out."""

import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import click

from benchmarks.load.cores import Cores
from benchmarks.load.machine import command_line, description
from benchmarks.load.measure import BusyError, Plan, Result, measure
from benchmarks.load.plot import plot
from benchmarks.load.processes import ROOT
from benchmarks.load.report import report
from benchmarks.load.targets import TARGETS, Case, Target
from tbg.dev.errors import DevServerError

_QUICK: Final = (1, 1)


@click.command()
@click.option(
    "--rounds", default=5, type=click.IntRange(1), show_default=True, help="How often each target is started and asked."
)
@click.option(
    "--seconds",
    default=2,
    type=click.IntRange(1),
    show_default=True,
    help="How long each question is asked in a round.",
)
@click.option("--targets", default="", help="Only these, separated by commas, such as service,fastapi* (see --list).")
@click.option("--paths", default="", help="Only these, separated by commas: version, health, ready, 429, post, list.")
@click.option("--quick", is_flag=True, help="One round of one second: shows that all works, measures little.")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="Where to save the results.")
@click.option("--list", "only_list", is_flag=True, help="Print the targets, and measure nothing.")
def main(  # noqa: PLR0913, PLR0917 - one for each option
    rounds: int,
    seconds: int,
    targets: str,
    paths: str,
    quick: bool,  # noqa: FBT001 - a flag
    output: Path | None,
    only_list: bool,  # noqa: FBT001 - a flag
) -> None:
    """Measure; results go to benchmarks/results, those of a part or of a quick run to .bench/results."""
    if only_list:
        click.echo("\n".join(_summary(target) for target in TARGETS))
        return
    rounds, seconds = _QUICK if quick else (rounds, seconds)
    cases = _filter(paths)
    chosen = [target for target in _chosen(targets) if cases(target)]
    results = _measure(
        chosen, Plan(rounds, seconds, cases), output or _directory(is_part=bool(quick or targets or paths))
    )
    sys.exit(any(result.errors for result in results))


def _measure(targets: Sequence[Target], plan: Plan, directory: Path) -> Sequence[Result]:
    cores = Cores.of_this_machine()
    length = f"Length: {plan.rounds} rounds, each question for {plan.seconds} s after a second of warming up"
    how = [*description(cores, command_line()), length]
    try:
        results = measure(targets, plan, cores, lambda text: click.echo(text, err=True))
    except (BusyError, DevServerError) as error:
        raise click.ClickException(str(error)) from error
    _save(results, how, directory)
    return results


def _directory(*, is_part: bool) -> Path:
    """Return where to save: what is not everything must not replace what is published."""
    return ROOT / ".bench" / "results" if is_part else ROOT / "benchmarks" / "results"


def _save(results: Sequence[Result], how: Sequence[str], directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    plot(results, directory / "load.svg")
    text = report(results, how, "load.svg")
    (directory / "load.md").write_text(text, encoding="utf-8")
    click.echo(text)
    click.echo(f"saved in {directory}", err=True)


def _chosen(names: str) -> list[Target]:
    """Return the targets that are meant: all usual ones if none is named."""
    if not names:
        return [target for target in TARGETS if target.is_default]
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if not any(fnmatchcase(target.name, name) for target in TARGETS):
            raise click.BadParameter(f"no target is called {name!r}: see --list", param_hint="--targets")
    return [target for target in TARGETS if any(fnmatchcase(target.name, name) for name in wanted)]


def _filter(paths: str) -> Callable[[Target], Sequence[Case]]:
    """Return what picks the cases whose path has one of these words in it."""
    words = [word.strip().lower() for word in paths.split(",") if word.strip()]

    def cases(target: Target) -> Sequence[Case]:
        return [case for case in target.cases if not words or any(word in case.path.lower() for word in words)]

    return cases


def _summary(target: Target) -> str:
    cases = ", ".join(f"{case.path} at {case.connections}" for case in target.cases)
    return f"{target.name}{'' if target.is_default else ' (only by name)'}: {cases}"


if __name__ == "__main__":
    main()
