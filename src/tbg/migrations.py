"""Run Alembic from the service's own settings."""

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from tbg.config import PROJECT_ROOT, Settings
from tbg.logs import configure_logging
from tbg.settings_text import mask_url


class MigrationError(RuntimeError):
    """The database could not be brought to the newest schema; the message says why, and what to look at."""


def upgrade(settings: Settings) -> None:
    """Bring the database that ``settings`` name to the newest schema.

    Raises:
        MigrationError: It cannot be reached, refuses, or is at a revision that this version does not know.
    """
    configure_logging(settings)
    try:
        command.upgrade(Config(PROJECT_ROOT / "alembic.ini"), "head")
    except (OSError, SQLAlchemyError, CommandError) as error:
        cause = getattr(error, "orig", None) or error  # SQLAlchemy adds a link to what the driver said
        reason = " ".join(str(cause).split()) or type(cause).__name__
        raise MigrationError(
            f"the database {mask_url(settings.database_url)} could not be migrated: {reason}; "
            "check that it runs and that TBG_DATABASE_URL is right"
        ) from error
