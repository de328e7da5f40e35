"""What `tbg dev` was asked to do."""

import sys
from pathlib import Path

import attrs


@attrs.frozen(kw_only=True)
class Commands:
    """The programs it runs beside the servers.

    Attributes:
        migrate: Brings the database's tables up to date and ends.
        serve: Serves until it is told to end.
    """

    migrate: tuple[str, ...] = (sys.executable, "-m", "tbg", "migrate")
    serve: tuple[str, ...] = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py")


@attrs.frozen(kw_only=True)
class DevOptions:
    """The command line of `tbg dev`.

    Attributes:
        root: The checkout.
        host: The name or address to serve on.
        port: The port to serve on; 0 takes a free one.
        reload: Start the workers again when a file changes.
        workers: How many; None leaves it to the environment, and to one if that says nothing.
        commands: What to run.
    """

    root: Path
    host: str = "127.0.0.1"
    port: int = 8000
    reload: bool = False
    workers: int | None = None
    commands: Commands = Commands()
