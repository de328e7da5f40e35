"""The whole environment of a process under test, so that nobody's shell or `.env` changes a result."""

import os
import sys
from pathlib import Path

from tbg.config import PREFIX, Settings, options
from tests.support.texts import as_variable

ROOT = Path(__file__).parents[2]

# What a process needs to run and to be measured; nothing of the service's.
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR")


def bare_environment(**variables: str) -> dict[str, str]:
    """Return an environment without any setting but ``variables``; a `.env` would still count."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(("COVERAGE_", "COV_"))
    }
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default", **variables}


def full_environment(**settings: object) -> dict[str, str]:
    """Return an environment that says every setting: its default, or what ``settings`` have for its field."""
    defaults = Settings()
    variables = {}
    for variable, field in options():
        value = settings.pop(field.name, getattr(defaults, field.name))
        if value is not None:  # which is to leave it to the contract
            variables[variable] = as_variable(value)
    if settings:
        raise AssertionError(f"no such settings: {settings.keys()}, with the prefix {PREFIX}")
    return bare_environment(**variables, WEB_CONCURRENCY="2")


def tbg_command(*arguments: str) -> list[str]:
    """Return how to run the ``tbg`` command as a process."""
    return [sys.executable, "-m", "tbg", *arguments]
