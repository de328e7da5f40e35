"""Run Alembic from the service's own settings."""

from alembic import command
from alembic.config import Config

from tbg.config import PROJECT_ROOT, Settings
from tbg.logs import configure_logging


def upgrade(settings: Settings) -> None:
    """Bring the database that ``settings`` name to the newest schema."""
    configure_logging(settings)
    command.upgrade(Config(PROJECT_ROOT / "alembic.ini"), "head")
