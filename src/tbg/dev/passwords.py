"""The embedded servers' passwords: random, made at the first start, in files that only their owner can read."""

import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from tbg.dev.account import user_name
from tbg.dev.errors import DevServerError, writing

_BYTES = 24


def new_password() -> str:
    """Return a password that nobody can guess, of letters, digits, `-` and `_`: no syntax has to escape it."""
    return secrets.token_urlsafe(_BYTES)


def checked_password(text: str, path: Path) -> str:
    """Return a password as `new_password` makes them.

    Raises:
        DevServerError: It is none, as in a file that was cut off; an empty one would let everybody in.
    """
    if re.fullmatch(r"[A-Za-z0-9_-]{32}", text) is None:
        raise DevServerError(f"the password in {path} is damaged: {_begin_anew()}")
    return text


def write_private(path: Path, text: str, owner: tuple[int, int] | None = None) -> None:
    """Write a file that only its owner can read, in place of any other.

    Args:
        path: Where to. A link or a file that somebody has put there is removed, not followed or reused.
        text: Its content.
        owner: Numeric user and group to give it to; None keeps this process's.

    Raises:
        DevServerError: It cannot be written.
    """
    with writing(path):
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if owner is not None:
                os.fchown(descriptor, *owner)
            file.write(text)


def read_private(path: Path) -> str | None:
    """Return what such a file holds, None if there is none.

    Raises:
        DevServerError: It is not this user's, or others can read it, so that what it holds may be known.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DevServerError(f"cannot read {path} ({error.strerror}): {_begin_anew()}") from error
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid():
            raise DevServerError(
                f"{path} belongs to {user_name(status.st_uid)}, not to {user_name(os.geteuid())}: "
                f"start this as the user that started it first, or {_begin_anew()}"
            )
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise DevServerError(f"others can read the password in {path}: {_begin_anew()}")
        return file.read()


def kept_passwords(path: Path, data_dir: Path, make: Callable[[], str]) -> str:
    """Return the text of a server's password file; made by `make` if the server has no data yet.

    Raises:
        DevServerError: There is data, but no such file: an older version made it, with a password that is public.
    """
    text = read_private(path)
    if text is not None:
        return text
    with writing(data_dir):
        if data_dir.is_dir() and any(data_dir.iterdir()):
            raise DevServerError(
                f"the data in {data_dir} has no password of its own ({path} is missing), as an older version made it: "
                f"{_begin_anew()}"
            )
    text = make()
    with writing(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, text)
    return text


def _begin_anew() -> str:
    return "delete the data with `make clean` and begin anew"
