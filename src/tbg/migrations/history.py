"""Which revisions a database has had: noted beside Alembic's own table, which names the last one only.

A release knows the revisions up to its own. When it meets another one, the note tells a database that a newer release
has brought further from one in which another service keeps its own history. The names alone do not: each history begins
with a baseline, and goes on with a number 2.
"""

from collections.abc import Collection
from typing import Final

import attrs
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

_PREFIX: Final = "The Bitcoin Game API: "
_READ_NOTE: Final = text("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')")
# Who may change the version need not own the table; without a note everything works but a rollback.
_WRITE_NOTE: Final = """
DO $note$ BEGIN
    COMMENT ON TABLE alembic_version IS '{note}';
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'the revisions cannot be noted: alembic_version has another owner';
END $note$"""


@attrs.frozen
class History:
    """Where a database is, and what it has had.

    Attributes:
        current: Its revisions, as Alembic's table has them.
        noted: The revisions that it has had, the oldest first; empty when no release has noted any.
    """

    current: tuple[str, ...]
    noted: tuple[str, ...]

    @classmethod
    def read(cls, connection: Connection) -> "History":
        """Read it from a database."""
        note: str = connection.scalar(_READ_NOTE) or ""
        noted = note.removeprefix(_PREFIX).split() if note.startswith(_PREFIX) else []
        return cls(MigrationContext.configure(connection).get_current_heads(), tuple(noted))

    def unknown(self, scripts: ScriptDirectory) -> list[str]:
        """Return the database's revisions that this release does not have."""
        known = {script.revision for script in scripts.walk_revisions()}
        return [revision for revision in self.current if revision not in known]

    def is_newer(self, scripts: ScriptDirectory) -> bool:
        """Tell whether a newer release has brought the database further than this one would."""
        return bool(self.unknown(scripts)) and {*self.current, *scripts.get_heads()} <= set(self.noted)


def note_step(scripts: ScriptDirectory, context: MigrationContext, heads: Collection[str]) -> None:
    """Note the revisions that lead to ``heads``, in the transaction of the step that has just led there."""
    revisions = [script.revision for script in scripts.iterate_revisions(tuple(heads), "base")] if heads else []
    note = _PREFIX + " ".join(reversed(revisions))
    context.execute(_WRITE_NOTE.format(note=note.replace("'", "''")))


def note_missing(scripts: ScriptDirectory, context: MigrationContext) -> None:
    """Note the revisions of a database that is at this release's, and was brought there by one that noted nothing."""
    if context.connection is None or context.opts.get("dont_mutate"):
        return
    history = History.read(context.connection)
    if not history.noted and set(history.current) == set(scripts.get_heads()):
        note_step(scripts, context, history.current)
        context.connection.commit()
