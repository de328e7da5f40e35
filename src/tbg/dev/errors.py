"""What can go wrong in the development environment, as one sentence for the person in front of it.

Exception
└── DevServerError          cause and way out, ready to print
    └── PortTakenError      another program listens where this one was to listen
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NEARLY_NOTHING_BYTES = 64 * 1024
_FULL_TEXTS = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))


class DevServerError(Exception):
    """A reason why the development environment cannot start or go on; its text names the way out."""


class PortTakenError(DevServerError):
    """Another program listens on the wanted port."""


def disk_full(path: Path) -> DevServerError:
    """Say that nothing more can be written at a path."""
    return DevServerError(f"the disk is full at {path}: free some space there, or use a checkout on another disk")


def says_disk_full(text: str) -> bool:
    """Tell whether a program's output blames a full disk."""
    return any(phrase in text for phrase in _FULL_TEXTS)


def is_full(path: Path) -> bool:
    """Tell whether so little can be written at a path that even the complaint about it may be missing from a log."""
    return shutil.disk_usage(path).free < _NEARLY_NOTHING_BYTES


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says about writing at a path into a sentence.

    Raises:
        DevServerError: The disk is full, the place is read-only or belongs to someone else, or another OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(path) from error
        if error.errno in _FORBIDDEN:
            raise DevServerError(
                f"cannot write to {path} ({os.strerror(error.errno)}): make it writable for this user, "
                "or use a checkout that is"
            ) from error
        raise DevServerError(f"cannot use {path}: {error}") from error
