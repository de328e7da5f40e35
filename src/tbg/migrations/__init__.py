"""Run Alembic from the service's own settings."""

import asyncio
import socket
import time
from typing import Final

import structlog
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from tbg.config import PROJECT_ROOT, Settings
from tbg.database import create_engine
from tbg.database.outages import PoolerError
from tbg.logs import Redactor, configure_logging
from tbg.migrations.history import History
from tbg.url_passwords import mask_url

_LOCK_NOT_AVAILABLE: Final = "55P03"
_STARTING_UP: Final = "57P03"
_PAUSE_SECONDS: Final = 1.0
_READ_SECONDS: Final = 30.0

_log = structlog.stdlib.get_logger("tbg.migrations")


class MigrationError(RuntimeError):
    """The database could not be brought to the newest schema; the message says why, and what to look at."""


def upgrade(settings: Settings, *, wait_seconds: float = 0, allow_newer: bool = False) -> None:
    """Bring the database that ``settings`` name to the newest schema.

    Args:
        settings: Where it is.
        wait_seconds: How long it may take until it can be reached.
        allow_newer: Leave a database alone that a newer version has brought further, as for a rollback.

    Raises:
        MigrationError: It cannot be reached, refuses, or is at a revision that this version does not know. The
            revision that failed has changed nothing.
    """
    configure_logging(settings)
    try:
        try:
            _upgrade_when_reachable(settings, time.monotonic() + wait_seconds)
        except CommandError as error:
            _require_newer(settings, error, allow_newer=allow_newer)
    except (OSError, SQLAlchemyError) as error:
        cause = getattr(error, "orig", None) or error  # SQLAlchemy adds a link to what the driver said
        raise MigrationError(_message(settings, cause, _advice(cause))) from error


def configuration(settings: Settings) -> Config:
    """Return Alembic's configuration, for the database that ``settings`` name."""
    config = Config(PROJECT_ROOT / "alembic.ini", attributes={"settings": settings})
    # Alembic puts the path of its file in unescaped, and a percent sign in it would refer to a value.
    config.file_config.set("DEFAULT", "here", PROJECT_ROOT.as_posix().replace("%", "%%"))
    return config


def _upgrade_when_reachable(settings: Settings, deadline: float) -> None:
    while True:
        try:
            return command.upgrade(configuration(settings), "head")
        except (OSError, SQLAlchemyError) as error:
            if not _may_be_starting(error) or time.monotonic() + _PAUSE_SECONDS > deadline:
                raise
            _log.info("migrations.database_awaited", reason=_reason(getattr(error, "orig", None) or error))
        time.sleep(_PAUSE_SECONDS)


def _require_newer(settings: Settings, error: CommandError, *, allow_newer: bool) -> None:
    """Raise what ``error`` means, unless the database is newer and may be."""
    scripts = ScriptDirectory.from_config(configuration(settings))
    history = asyncio.run(_history(settings))
    if not (allow_newer and history.is_newer(scripts)):
        raise MigrationError(_message(settings, error, _position(history, scripts))) from error
    _log.warning("migrations.newer", database=history.current, version=scripts.get_heads(), changed="nothing")


def _may_be_starting(error: BaseException) -> bool:
    """Tell whether nobody listens yet, under this name or at all, or the server says that it starts."""
    if isinstance(error, (ConnectionError, TimeoutError, socket.gaierror)):
        return not isinstance(error, PoolerError)
    return getattr(getattr(error, "orig", None), "sqlstate", None) == _STARTING_UP


async def _history(settings: Settings) -> History:
    engine = create_engine(
        settings, application_name="tbg-migrate", statement_timeout_seconds=_READ_SECONDS, poolclass=NullPool
    )
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(History.read)
    finally:
        await engine.dispose()


def _message(settings: Settings, cause: BaseException, advice: str) -> str:
    reason = Redactor(settings.secrets).text(_reason(cause))
    return f"the database {mask_url(settings.database_url)} could not be migrated: {reason}; {advice}"


def _position(history: History, scripts: ScriptDirectory) -> str:
    """Say what a database is that is not on this version's way, and what to do."""
    if not history.unknown(scripts):
        return "see docs/migrations.md"
    where = f"it is at {', '.join(history.current)}, this version leads to {', '.join(scripts.get_heads())}"
    if history.is_newer(scripts):
        return (
            f"{where}: a newer version has migrated it. Deploy that one; or, to go back to this one, leave the "
            "database as it is with `tbg migrate --allow-newer` (docs/migrations.md)"
        )
    if history.noted:
        return (
            f"{where}, but it has had {', '.join(history.noted)}: a version from another branch has migrated it "
            "(docs/migrations.md)"
        )
    return (
        f"{where}, and no version of this service has noted that it was here: another service keeps its own history in "
        "this database's table alembic_version. Give this one a database of its own, or see whether TBG_DATABASE_URL "
        "names the right one (docs/migrations.md)"
    )


def _reason(cause: BaseException) -> str:
    return " ".join(str(cause).split()) or type(cause).__name__


def _advice(cause: BaseException) -> str:
    if getattr(cause, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
        return (
            "another session held a lock on it for longer than TBG_DATABASE_LOCK_TIMEOUT_SECONDS; the revision has "
            "changed nothing: run it again, at a quieter time or with more patience (docs/migrations.md)"
        )
    return "check that it runs and that TBG_DATABASE_URL is right"
