"""From the environment to the application: what gunicorn loads."""

from typing import Final

import structlog

from tbg.app import App, build_app
from tbg.assembly import load_factories
from tbg.config import ENV_FILE, Settings, unknown_variables
from tbg.contract import Contract
from tbg.extensions import EXTENSIONS
from tbg.infrastructure import Infrastructure
from tbg.logs import configure_logging

_SHOWN_WARNINGS: Final = 20  # `tbg check` prints them all


def create_app() -> App:
    """Build the service that the environment describes.

    Raises:
        SettingsError: A setting is not allowed.
        ContractError: The contract is broken, or the service disagrees with it.
        FeatureError: A feature is broken.
    """
    settings = Settings.load()
    configure_logging(settings)
    if unknown := unknown_variables(env_file=ENV_FILE):
        structlog.stdlib.get_logger("tbg.settings").warning("settings.unknown", variables=unknown)
    contract = Contract.load(settings.contract_path, EXTENSIONS)
    if contract.document.remarks:
        shown, count = contract.warnings[:_SHOWN_WARNINGS], len(contract.remarks)
        structlog.stdlib.get_logger("tbg.contract").warning("contract.warnings", count=count, warnings=shown)
    return build_app(Infrastructure.from_settings(settings), contract, load_factories())
