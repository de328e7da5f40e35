"""The directory `.tbg` of a checkout: the servers' data and logs, and the lock that admits one `tbg dev` at a time."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import attrs

from tbg.dev.errors import DevServerError, writing
from tbg.dev.process import Sleep

_DIRECTORY = ".tbg"
_LEFTOVER_SECONDS = 15.0
_POLL_SECONDS = 0.05


@attrs.frozen
class State:
    """A checkout's state, held by this process.

    Attributes:
        directory: Where to keep things.
        lock: A descriptor; while any process has it open, nobody else can hold this state.
    """

    directory: Path
    lock: int

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data."""
        return self.directory / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's data."""
        return self.directory / "valkey"


@contextmanager
def hold(root: Path, address: str, sleep: Sleep = time.sleep) -> Iterator[State]:
    """Hold a checkout's state, so that two do not serve from one data directory.

    Args:
        root: The checkout.
        address: Where the service will be, to tell the next one that asks.
        sleep: How to wait for the servers of a `tbg dev` that was killed to be gone.

    Raises:
        DevServerError: Another process holds it, or the directory cannot be written to.
    """
    directory = root / _DIRECTORY
    with writing(directory):
        directory.mkdir(exist_ok=True)
        lock = (directory / "lock").open("a+")
    with lock:
        _take(lock, root, sleep)
        with writing(directory):
            _write(lock, {"pid": os.getpid(), "address": address})
        yield State(directory, lock.fileno())


def _take(lock: IO[str], root: Path, sleep: Sleep) -> None:
    deadline = time.monotonic() + _LEFTOVER_SECONDS
    while not _locked(lock):
        holder = _read(lock)
        if _runs(holder["pid"]) or time.monotonic() > deadline:
            raise DevServerError(
                f"tbg dev already runs in {root} (process {holder['pid']}, {holder['address']}): "
                f"use it, or stop it with `kill {holder['pid']}`"
            )
        sleep(_POLL_SECONDS)  # it was killed; its servers are about to be gone


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _read(lock: IO[str]) -> dict[str, Any]:
    lock.seek(0)
    try:
        return dict(json.loads(lock.read()))
    except ValueError:  # between its taking the lock and writing who it is
        return {"pid": os.getpid(), "address": "starting"}


def _write(lock: IO[str], holder: dict[str, object]) -> None:
    lock.truncate(0)
    lock.write(json.dumps(holder))
    lock.flush()
