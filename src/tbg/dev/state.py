"""The directory `.tbg` of a checkout: the servers' data and logs, and the lock that admits one `tbg dev` at a time."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from tbg.dev import postgres, valkey
from tbg.dev.account import remove, unprivileged
from tbg.dev.errors import DevServerError, writing
from tbg.dev.process import Sleep

_DIRECTORY = ".tbg"
_UNKNOWN = 0
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

    @property
    def schema(self) -> Path:
        """The note of what PostgreSQL's schema is."""
        return self.directory / "schema"


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
        directory.mkdir(mode=0o700, exist_ok=True)
        _close(directory)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(lock, root, sleep)
        with writing(directory):
            _write(lock, {"pid": os.getpid(), "address": address})
        yield State(directory, lock)
    finally:
        os.close(lock)


def clean(root: Path) -> None:
    """Delete everything `tbg dev` keeps for a checkout, in it and outside.

    Raises:
        DevServerError: It runs, or something cannot be deleted.
    """
    root = root.resolve()
    if not (root / _DIRECTORY).exists():
        return
    with hold(root, "cleaning") as state:
        for data in (state.postgres, state.valkey):
            remove(data)
        for forget_copy in (postgres.forget_copy, valkey.forget_copy):
            with contextlib.suppress(DevServerError):  # without the package there is no copy either
                forget_copy(root)
        remove(state.directory)


def _close(directory: Path) -> None:
    """Keep other users out; the account of the servers that root starts may pass through to their data."""
    if directory.stat().st_uid != os.geteuid():
        return  # the servers' own directories say whose this is
    account = unprivileged()
    if account is not None:
        os.chown(directory, -1, account.gid)
    directory.chmod(0o700 if account is None else 0o710)


def _take(lock: int, root: Path, sleep: Sleep) -> None:
    deadline = time.monotonic() + _LEFTOVER_SECONDS
    while not _locked(lock):
        holder = _read(lock)
        if _runs(holder["pid"]) or time.monotonic() > deadline:
            raise DevServerError(
                f"tbg dev already runs in {root} (process {holder['pid']}, {holder['address']}): "
                f"use it, or stop it with `kill {holder['pid']}`"
            )
        sleep(_POLL_SECONDS)  # it was killed; its servers are about to be gone


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _runs(pid: int) -> bool:
    if pid == _UNKNOWN:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _read(lock: int) -> dict[str, Any]:
    try:
        return dict(json.loads(os.pread(lock, 4096, 0)))
    except ValueError:  # it has taken the lock, but not yet written who it is
        return {"pid": _UNKNOWN, "address": "starting"}


def _write(lock: int, holder: dict[str, object]) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps(holder).encode(), 0)
