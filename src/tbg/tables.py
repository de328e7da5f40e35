"""Tables on a terminal, and whole lines where there is none."""

import shutil
import sys
from collections.abc import Iterable, Sequence


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print ``rows`` under ``titles``; long cells are folded on a terminal, nothing is cut."""
    if sys.stdout.isatty():
        _print_folded(titles, rows)
    else:
        print("\n".join(_drawn(titles, list(rows))))


def _print_folded(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - slow to import, and not needed where nobody looks
    from rich.table import Table  # noqa: PLC0415 - the same

    table = Table()
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(width=shutil.get_terminal_size().columns, markup=False, highlight=False).print(table)


def _drawn(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Yield the lines of a table that is as wide as its cells."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]

    def line(cells: Iterable[str], left: str, middle: str, right: str) -> str:
        return left + middle.join(cells) + right

    def row(cells: Sequence[str], edge: str) -> str:
        return line((f" {cell:<{width}} " for cell, width in zip(cells, widths, strict=True)), edge, edge, edge)

    thick, thin = ["━" * (width + 2) for width in widths], ["─" * (width + 2) for width in widths]
    yield line(thick, "┏", "┳", "┓")
    yield row(titles, "┃")
    yield line(thick, "┡", "╇", "┩")
    yield from (row(cells, "│") for cells in rows)
    yield line(thin, "└", "┴", "┘")
