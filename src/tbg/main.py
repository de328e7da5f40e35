"""From the environment to the application: what gunicorn loads."""

import structlog

from tbg.app import App, build_app
from tbg.config import ENV_FILE, Settings, unknown_variables
from tbg.contract import Contract
from tbg.features import FEATURES
from tbg.infrastructure import Infrastructure
from tbg.logs import configure_logging


def create_app() -> App:
    """Build the service that the environment describes.

    Raises:
        SettingsError: A setting is not allowed.
        ContractError: The contract is broken, or the service disagrees with it.
    """
    settings = Settings.load()
    configure_logging(settings)
    if unknown := unknown_variables(env_file=ENV_FILE):
        structlog.stdlib.get_logger("tbg.settings").warning("settings.unknown", variables=unknown)
    return build_app(Infrastructure.from_settings(settings), Contract.load(settings.contract_path), FEATURES)
