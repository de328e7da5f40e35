"""Tables on a terminal, and whole lines where there is none."""

import shutil
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

_WIDTH_WITHOUT_TERMINAL = 10_000  # as wide as the cells need: a table takes no more


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print ``rows`` under ``titles``; long cells are folded, nothing is cut."""
    table = Table()
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL
    Console(width=width, markup=False, highlight=False).print(table)
