"""What the service started by `tbg dev` gets as its environment."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from tbg.dev.options import DevOptions

DATABASE_URL = "TBG_DATABASE_URL"
REDIS_URL = "TBG_REDIS_URL"


def configured(root: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables as the service's settings see them: the environment before the checkout's `.env`."""
    written = {name: value for name, value in dotenv_values(root / ".env").items() if value is not None}
    return {**written, **environ}


def service_environment(
    options: DevOptions, variables: Mapping[str, str], urls: Mapping[str, str], environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the environment for migrations and service: this process's own, and what the options and servers say."""
    environment = {**environ, **urls, "TBG_HOST": options.host, "TBG_PORT": str(options.port)}
    if options.workers is not None:
        environment["WEB_CONCURRENCY"] = str(options.workers)
    for name, value in {"TBG_LOG_FORMAT": "console", "WEB_CONCURRENCY": "1"}.items():
        if name not in variables:
            environment.setdefault(name, value)
    if environment.pop("PYTHONDONTWRITEBYTECODE", None):
        # Compiling every module anew takes seconds; the wish behind it is to keep the source tree clean.
        environment.setdefault("PYTHONPYCACHEPREFIX", str(options.root / ".tbg" / "pycache"))
    if options.reload:
        environment["TBG_DEV_RELOAD"] = "1"
    return environment
