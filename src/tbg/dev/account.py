"""The account a server runs as, and whether that account can get where the server's files are.

Root starts servers as an account without rights (PostgreSQL refuses to run as root). A checkout often lies where that
account cannot go (a home with mode 700); then a server's data, and a copy of its programs, move to a place under
`/var/tmp` and a link stays behind. Permissions on the way are never widened.
"""

import contextlib
import hashlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tbg.dev.errors import DevServerError, writing

OUTSIDE = Path("/var/tmp")  # noqa: S108 - what is made there is checked to be ours before it is used
_ROOT = 0
# Not nobody if there is a choice: other services run as nobody, and whoever has a server's account has its data.
_SERVER_ACCOUNTS = ("daemon", "nobody")
# initdb starts PostgreSQL through a shell, with its own path in double quotes.
_UNSAFE_IN_A_SHELL = frozenset('"$`\\\n')


class Account(NamedTuple):
    """A numeric user and group."""

    uid: int
    gid: int

    def enters(self, directory: Path) -> bool:
        """Tell whether this account can get into a directory; only root may ask."""
        return self._succeeds("/bin/sh", "-c", 'cd "$1"', "sh", str(directory))

    def runs(self, program: Path) -> bool:
        """Tell whether this account can run a program; only root may ask."""
        return self._succeeds(str(program), "--version")

    def _succeeds(self, *command: str) -> bool:
        try:
            answer = subprocess.run(  # noqa: S603 - a fixed command; the path is an argument of it
                command, user=self.uid, group=self.gid, extra_groups=[], cwd="/", capture_output=True, check=False
            )
        except PermissionError:
            return False
        return answer.returncode == 0


def unprivileged() -> Account | None:
    """Return the account root must use for the servers; None for everyone else, who can run them themselves."""
    if os.geteuid() != _ROOT:
        return None
    for name in _SERVER_ACCOUNTS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise DevServerError(
        f"PostgreSQL does not run as root and there is no user {' or '.join(_SERVER_ACCOUNTS)} to run it as: "
        "run this as an ordinary user"
    )


def outside_of(path: Path) -> Path:
    """Return this user's place under `/var/tmp` that stands for a path; it need not exist."""
    digest = hashlib.sha256(b"%d:%s" % (os.geteuid(), os.fsencode(path))).hexdigest()
    return OUTSIDE / f"tbg-dev-{digest[:16]}"


def reachable_directory(path: Path, account: Account | None) -> Path:
    """Create a private directory for an account, or outside behind a link if it cannot get there; return where it is.

    Raises:
        DevServerError: It cannot be created, or exists and belongs to another user.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if account is None or path.is_dir() or account.enters(path.parent):
            real = path.resolve()
        else:
            real = _own_place(path) / path.name
            path.unlink(missing_ok=True)
            path.symlink_to(real)
        real.mkdir(mode=0o700, exist_ok=True)
        _give(real, account)
    return real


def reachable_program(program: Path, trees: list[Path], account: Account | None) -> Path:
    """Return a program, or its copy outside if it cannot be run where it is: by an account, or through a shell.

    Args:
        program: The program, inside one of the trees.
        trees: Neighbouring directories it needs, copied as they lie beside each other.
        account: Who has to run it; None is this process's own.

    Raises:
        DevServerError: It cannot be copied.
    """
    if not _UNSAFE_IN_A_SHELL & set(str(program)) and (account is None or account.runs(program)):
        return program
    with writing(OUTSIDE):
        place = _own_place(trees[0])
        for tree in trees:
            _copy_once(tree, place / tree.name)
    return place / program.relative_to(trees[0].parent)


def forget_programs(tree: Path, root: Path) -> None:
    """Delete the copy that `reachable_program` made of a tree in ``root``, if any; others may use any other copy."""
    if tree.resolve().is_relative_to(root):
        shutil.rmtree(outside_of(tree), ignore_errors=True)


def remove(path: Path) -> None:
    """Delete a directory that `reachable_directory` made, if it exists."""
    with writing(path):
        if path.is_symlink():
            place = path.readlink().parent
            if place.match(f"{OUTSIDE}/tbg-dev-*"):  # a link somebody else made is only unlinked
                shutil.rmtree(place, ignore_errors=True)
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)


def _own_place(path: Path) -> Path:
    """Return the directory outside that stands for a path: anybody may enter it, only root write there."""
    place = outside_of(path)
    place.mkdir(exist_ok=True)
    if place.is_symlink() or place.stat().st_uid != os.geteuid():
        raise DevServerError(f"{place} belongs to someone else: remove it")
    place.chmod(0o755)  # whatever the umask
    return place


def _give(directory: Path, account: Account | None) -> None:
    wanted = os.geteuid() if account is None else account.uid
    owner = directory.stat().st_uid
    if account is not None and owner == os.geteuid() and not any(directory.iterdir()):
        os.chown(directory, account.uid, account.gid)
    elif owner != wanted:
        # Who starts the servers tells a person more than the account that they run as.
        other = wanted if owner == os.geteuid() else os.geteuid()
        raise DevServerError(
            f"{directory} belongs to {user_name(owner)}, not to {user_name(other)}: "
            "start this as the user that started it first, or delete that directory"
        )


def _copy_once(source: Path, target: Path) -> None:
    """Copy a tree for all to read; another process that copies the same at the same time does no harm."""
    if target.exists():
        return
    scratch = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.copytree(source, scratch, symlinks=True, ignore=shutil.ignore_patterns("include", "pginstall18"))
    for path in [scratch, *scratch.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755)
    _move_into_place(scratch, target)


def _move_into_place(scratch: Path, target: Path) -> None:
    try:
        scratch.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(scratch)


def user_name(uid: int) -> str:
    """Return how a person would call a user."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
