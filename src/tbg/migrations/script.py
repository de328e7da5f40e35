r"""What ``--sql`` prints: a script for psql that finds out by itself which revisions a database lacks.

Alembic's own offline script is for a database that is at exactly one known revision. This one may be run on any, and
again: psql steps over each revision that is not the next one (``\if``), and at the end the database is where the
script leads, or psql says why not.
"""

import re
from typing import Final

from tbg.migrations.turns import LOCK_KEY

# How each step begins in Alembic's script; the first one brings Alembic's table.
_STEP: Final = re.compile(
    r"^BEGIN;\n\n(?:CREATE TABLE (alembic_version \([^;]*\);)\n\n)?(-- Running (\w+) (\S*) -> (\S*)$)", re.MULTILINE
)

_HEAD: Final = """\
\\set ON_ERROR_STOP on
\\set QUIET on
\\o /dev/null
SET client_min_messages = error;
-- One migration at a time; this line waits for the others.
SELECT pg_advisory_lock({key});
SET lock_timeout = {milliseconds};
SELECT to_regclass('alembic_version') IS NULL AS is_new, '' AS revision \\gset
\\if :is_new
\\else
SELECT coalesce(max(version_num), '') AS revision FROM alembic_version \\gset
\\endif
"""

_GUARD: Final = """\
SELECT :'revision' = '{before}' AS is_next \\gset
\\if :is_next
\\echo Running {direction} {before} -> {after}
\\set revision '{after}'
"""

_TAIL: Final = """\
DO $$ BEGIN
    IF coalesce((SELECT version_num FROM alembic_version), '') <> '{target}' THEN
        RAISE 'the database is at revision %, from where this script does not lead to {target}',
            (SELECT version_num FROM alembic_version);
    END IF;
END $$;
SELECT pg_advisory_unlock({key});
"""


def guarded(script: str, lock_timeout_seconds: float) -> str:
    """Return Alembic's offline ``script`` with every step behind a look at where the database is."""
    steps = list(_STEP.finditer(script))
    if not steps:
        return script
    ends = [*(step.start() for step in steps[1:]), len(script)]
    parts = [_guarded(step, script[step.end() : end]) for step, end in zip(steps, ends, strict=True)]
    head = _HEAD.format(key=LOCK_KEY, milliseconds=round(lock_timeout_seconds * 1000))
    return "\n".join([head, *parts, _TAIL.format(key=LOCK_KEY, target=steps[-1][5])])


def _guarded(step: re.Match[str], body: str) -> str:
    ledger, title, direction, before, after = step.groups()
    guard = _GUARD.format(direction=direction, before=before, after=after)
    create = f"CREATE TABLE IF NOT EXISTS {ledger}\n\n" if ledger else ""
    return f"{guard}BEGIN;\n\n{create}{title}{body.rstrip()}\n\\endif\n"
