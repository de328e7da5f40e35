"""Which commit the working tree is compared with."""

import subprocess
from pathlib import Path
from typing import Final

FALLBACK: Final = Path(__file__).with_name("base-commit")


class BaseError(Exception):
    """There is nothing to compare with; the message says why, and what helps."""


def git(root: Path, *words: str) -> str | None:
    """Return what git says, or None if it fails."""
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)  # noqa: S603, S607 - whichever git there is
    except FileNotFoundError:
        raise BaseError("git is not installed; it knows the code to compare with") from None
    return done.stdout.strip() if done.returncode == 0 else None


def find_base(root: Path, wanted: str | None, fallback: Path = FALLBACK) -> str:
    """Return the full hash of ``wanted``, else of the last tag, else of what the file ``fallback`` names.

    Raises:
        BaseError: There is no such commit here.
    """
    if git(root, "rev-parse", "--git-dir") is None:
        raise BaseError(f"{root} is not a git repository, so there is nothing to compare with")
    name = wanted or git(root, "describe", "--tags", "--abbrev=0") or fallback.read_text().strip()
    commit = git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if commit is None:
        raise BaseError(f"there is no commit {name} here{_advice(root)}")
    return commit


def is_dirty(root: Path) -> bool:
    """Tell whether the working tree differs from its commit."""
    return bool(git(root, "status", "--porcelain"))


def _advice(root: Path) -> str:
    if git(root, "rev-parse", "--is-shallow-repository") == "true":
        return ": this clone is shallow; run git fetch --unshallow --tags, in CI check out with fetch-depth: 0"
    return ": name one that exists, make bench-check BASE=<commit>, or fetch it"
