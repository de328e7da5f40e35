"""Run Alembic from the service's own settings."""

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from tbg.config import PROJECT_ROOT, Settings
from tbg.logs import Redactor, configure_logging
from tbg.url_passwords import mask_url

_LOCK_NOT_AVAILABLE = "55P03"


class MigrationError(RuntimeError):
    """The database could not be brought to the newest schema; the message says why, and what to look at."""


def upgrade(settings: Settings) -> None:
    """Bring the database that ``settings`` name to the newest schema.

    Raises:
        MigrationError: It cannot be reached, refuses, or is at a revision that this version does not know. The
            revision that failed has changed nothing.
    """
    configure_logging(settings)
    try:
        command.upgrade(configuration(settings), "head")
    except (OSError, SQLAlchemyError, CommandError) as error:
        cause = getattr(error, "orig", None) or error  # SQLAlchemy adds a link to what the driver said
        reason = Redactor(settings.secrets).text(_reason(cause))
        raise MigrationError(
            f"the database {mask_url(settings.database_url)} could not be migrated: {reason}; {_advice(cause)}"
        ) from error


def configuration(settings: Settings) -> Config:
    """Return Alembic's configuration, for the database that ``settings`` name."""
    config = Config(PROJECT_ROOT / "alembic.ini", attributes={"settings": settings})
    # Alembic puts the path of its file in unescaped, and a percent sign in it would refer to a value.
    config.file_config.set("DEFAULT", "here", PROJECT_ROOT.as_posix().replace("%", "%%"))
    return config


def _reason(cause: BaseException) -> str:
    return " ".join(str(cause).split()) or type(cause).__name__


def _advice(cause: BaseException) -> str:
    if getattr(cause, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
        return (
            "another session held a lock on it for longer than TBG_DATABASE_LOCK_TIMEOUT_SECONDS; the revision has "
            "changed nothing: run it again, at a quieter time or with more patience (docs/migrations.md)"
        )
    return "check that it runs and that TBG_DATABASE_URL is right"
