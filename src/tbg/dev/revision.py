"""Write a revision: what the models have and the migrations do not, found on a database made for it."""

import shutil
import tempfile
from argparse import Namespace
from pathlib import Path

import attrs
import typed_settings as ts
from alembic import command
from alembic.operations.ops import MigrationScript
from alembic.script import Script
from alembic.util import CommandError

from tbg.config import Settings
from tbg.dev.errors import DevServerError
from tbg.dev.postgres import EmbeddedPostgres
from tbg.migrations import configuration


@attrs.frozen
class Revision:
    """A revision that was written.

    Attributes:
        is_empty: The models and the migrations agree already, so that there was nothing to write.
    """

    path: Path
    is_empty: bool


def write_revision(settings: Settings, message: str) -> Revision:
    """Write the next file in ``alembic/versions``, on an embedded server that has only what the migrations make.

    Raises:
        DevServerError: The server could not be started, or the revision is refused; the message says why.
    """
    directory = Path(tempfile.mkdtemp(prefix="tbg-revision-"))
    server = EmbeddedPostgres(directory / "postgres")
    try:
        with server:
            return _write(attrs.evolve(settings, database_url=ts.SecretStr(server.url)), message)
    except CommandError as error:
        raise DevServerError(str(error)) from error
    finally:
        server.discard()
        shutil.rmtree(directory, ignore_errors=True)


def _write(settings: Settings, message: str) -> Revision:
    config = configuration(settings)
    config.cmd_opts = Namespace(quiet=True)
    found: list[bool] = []

    def look(_context: object, _revision: object, directives: list[MigrationScript]) -> None:
        found.extend(script.upgrade_ops is None or script.upgrade_ops.is_empty() for script in directives)

    command.upgrade(config, "head")
    script = command.revision(config, message, autogenerate=True, process_revision_directives=look)
    if not isinstance(script, Script):
        raise DevServerError("Alembic wrote no revision")
    return Revision(Path(script.path), is_empty=all(found))
