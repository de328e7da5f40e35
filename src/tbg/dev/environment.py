"""What the service started by `tbg dev` gets as its environment."""

import os
from collections.abc import Mapping
from pathlib import Path

from tbg.config import PREFIX
from tbg.dev.options import DevOptions
from tbg.env_file import read_env_file

DATABASE_URL = "TBG_DATABASE_URL"
REDIS_URL = "TBG_REDIS_URL"


def configured(root: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables as the service's settings see them: the environment before the checkout's `.env`.

    What is set to nothing is not set. Mistakes in the file are for the settings to report.
    """
    written = read_env_file(root / ".env", PREFIX).values
    return {name: value for source in (written, environ) for name, value in source.items() if value}


def service_environment(
    options: DevOptions, variables: Mapping[str, str], urls: Mapping[str, str], environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the environment for migrations and service: this process's own, and what the options and servers say."""
    environment = {**environ, **urls, "TBG_HOST": options.host, "TBG_PORT": str(options.port)}
    if options.workers is not None:
        environment["WEB_CONCURRENCY"] = str(options.workers)
    for name, value in {"TBG_LOG_FORMAT": "console", "WEB_CONCURRENCY": "1"}.items():
        if name not in variables and not environment.get(name):
            environment[name] = value
    if environment.pop("PYTHONDONTWRITEBYTECODE", None):
        # Compiling every module anew takes seconds; the wish behind it is to keep the source tree clean.
        environment.setdefault("PYTHONPYCACHEPREFIX", str(options.root / ".tbg" / "pycache"))
    if options.reload:
        environment["TBG_DEV_RELOAD"] = "1"
    return environment
