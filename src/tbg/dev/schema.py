"""Whether the embedded database has the newest schema: to ask takes milliseconds, to start Alembic a second."""

import hashlib
from pathlib import Path

from tbg.dev.errors import writing
from tbg.dev.postgres import EmbeddedPostgres

_REVISIONS = "SELECT string_agg(version_num, ',' ORDER BY version_num) FROM alembic_version"


class SchemaMark:
    """A note of what the migrations were, and what they led to, when they last ran.

    Args:
        path: Where the note is.
        root: The checkout with the migrations.
        postgres: The running server.
    """

    def __init__(self, path: Path, root: Path, postgres: EmbeddedPostgres) -> None:
        self._path = path
        self._root = root
        self._postgres = postgres

    def is_current(self) -> bool:
        """Tell whether nothing has changed since: not the migrations, and not the revision the database is at."""
        return self._path.exists() and self._path.read_text(encoding="utf-8") == self._now()

    def set(self) -> None:
        """Note what is now."""
        with writing(self._path):
            self._path.write_text(self._now() or "", encoding="utf-8")

    def _now(self) -> str | None:
        revisions = self._postgres.ask(_REVISIONS)
        return f"{revisions} {self._fingerprint()}" if revisions else None

    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for path in [self._root / "alembic.ini", *sorted((self._root / "alembic").rglob("*.py"))]:
            if path.is_file():
                digest.update(f"{path.relative_to(self._root)}\0".encode() + path.read_bytes())
        return digest.hexdigest()
