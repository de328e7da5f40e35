"""The service with the workers feature and its contract, for gunicorn.

From the project's root, which gunicorn puts on ``sys.path`` by itself:

    gunicorn -c gunicorn.conf.py 'tests.contract.workers.app:create_app()'

Everything but the contract and the features comes from ``TBG_*``, as in production. Each worker creates the feature's
tables at start-up if they are missing. Raise ``TBG_RATE_LIMIT_REQUESTS`` for a test that asks often.
"""

from pathlib import Path

from tbg.app import App, build_app
from tbg.config import Settings
from tbg.contract import Contract
from tbg.database import Database
from tbg.features import FEATURES
from tbg.infrastructure import Infrastructure
from tbg.logs import configure_logging

from .feature import feature
from .tables import create_tables

CONTRACT = Path(__file__).with_name("openapi.yaml")


class CreateTables:
    """Falcon middleware that makes the feature's tables before the first request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def process_startup(self, _scope: object, _event: object) -> None:
        """Create what is missing."""
        await create_tables(self._database)


def build(infrastructure: Infrastructure, contract: Contract) -> App:
    """Compose the service with the workers feature."""
    app = build_app(infrastructure, contract, [*FEATURES, feature])
    app.add_middleware(CreateTables(infrastructure.database))
    return app


def create_app() -> App:
    """Build the service that the environment describes."""
    settings = Settings.load()
    configure_logging(settings)
    return build(Infrastructure.from_settings(settings), Contract.load(CONTRACT))
