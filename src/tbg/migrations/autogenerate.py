"""What Alembic writes by itself: how a revision is called, and what it must not drop.

The models know every table of this service, and of the event collector's what was there at the beginning. So something
in the database that the models do not know may well be somebody else's: `alembic check` passes over it, and a revision
that would drop it is refused.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from alembic.operations import ops
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from tbg.db.base import Base
from tbg.db.ownership import COLLECTOR_TABLES

_LONGEST_ID: Final = 32  # the width of alembic_version.version_num


class RefusedDrops(ops.OpContainer):
    """What a revision would drop although it is not this service's: no difference to `check`, an error when written."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = names


@renderers.dispatch_for(RefusedDrops)
def _refuse(_context: AutogenContext, refused: RefusedDrops) -> list[str]:
    raise CommandError(
        f"this revision would drop {', '.join(refused.names)}: in the database, but not in the models, and not this "
        "service's to drop (src/tbg/db/ownership.py). Put back what is missing in the models, or write the revision "
        "against a database that has only what the migrations made; a table of this service that shall go is dropped "
        "by a line written by hand (docs/migrations.md)"
    )


Directives = Callable[[MigrationContext, object, list[ops.MigrationScript]], None]


def revise_directives(scripts: ScriptDirectory) -> Directives:
    """Return the hook that names the revision Alembic is about to write, and takes out of it what it must not do."""

    def revise(_context: MigrationContext, _revision: object, directives: list[ops.MigrationScript]) -> None:
        [script] = directives
        script.rev_id = next_revision(scripts, script.message or "")
        if script.upgrade_ops and (refused := list(_take_out(script.upgrade_ops))):
            script.upgrade_ops.ops.append(RefusedDrops(refused))

    return revise


def next_revision(scripts: ScriptDirectory, message: str) -> str:
    """Return the next number with what fits of ``message``: ``"add region" -> "002_add_region"``."""
    numbers = [int(found[0]) for script in scripts.walk_revisions() if (found := re.match(r"\d+", script.revision))]
    words = re.findall(r"[a-z0-9]+", message.lower())
    return "_".join([f"{max(numbers, default=0) + 1:03}", *words])[:_LONGEST_ID].rstrip("_")


def _take_out(container: ops.OpContainer) -> Iterator[str]:
    """Remove the drops that are refused, and yield what they would have dropped."""
    kept: list[ops.MigrateOperation] = []
    for operation in container.ops:
        if isinstance(operation, ops.OpContainer):
            yield from _take_out(operation)
        if name := _refused(operation):
            yield name
        else:
            kept.append(operation)
    container.ops[:] = kept


def _refused(operation: ops.MigrateOperation) -> str | None:
    """Return what ``operation`` would drop, if that is not this service's."""
    match operation:
        case ops.DropTableOp(table_name=table):
            return f"the table {table}"
        case ops.DropColumnOp(table_name=table, column_name=name):
            return None if _is_ours(table) else f"the column {table}.{name}"
        case (
            ops.DropIndexOp(table_name=table, index_name=name)
            | ops.DropConstraintOp(table_name=table, constraint_name=name)
        ):
            return None if _is_ours(table) else f"{name} on {table}"
    return None


def _is_ours(table: str | None) -> bool:
    return table in Base.metadata.tables and table not in COLLECTOR_TABLES
