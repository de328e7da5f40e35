"""Copies of both sides, and an environment for the base."""

import compileall
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

from benchmarks.micro.commits import BaseError, git
from benchmarks.micro.processes import Side

_LOCKS: Final = ("requirements/bootstrap.txt", "requirements/development.txt")


def prepare(root: Path, commit: str, scratch: Path) -> tuple[Side, Side]:
    """Return the base and the working tree, both copied into ``scratch``: it may be edited while it is measured.

    Raises:
        BaseError: The base has no environment of its own, and none can be made.
    """
    scripts, base, tree = (scratch / name for name in ("scripts", "base", "tree"))
    _copy_scripts(root, scripts)
    _extract(root, commit, base)
    _copy_working_tree(root, tree)
    for each in (base, tree):
        compileall.compile_dir(each / "src", quiet=1)  # else the first process of each would do it, and be slow
    python = _interpreter(base, tree, root / ".bench" / "base")
    return Side("the base", base, python, scripts), Side("the working tree", tree, sys.executable, scripts)


def _copy_scripts(root: Path, target: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "benchmarks" / "micro", target / "benchmarks" / "micro", ignore=ignored)


def _extract(root: Path, commit: str, target: Path) -> None:
    archive = subprocess.run(["git", "archive", commit], cwd=root, capture_output=True, check=True).stdout  # noqa: S603, S607 - whichever git there is
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(target, filter="data")


def _copy_working_tree(root: Path, target: Path) -> None:
    """Copy what a commit of everything would hold."""
    listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard") or ""
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, target / name)


def _interpreter(base: Path, tree: Path, cache: Path) -> str:
    """Return the interpreter of this environment if both sides have the same lock, else of one with the base's."""
    wanted = _lock(base)
    if wanted is None:
        raise BaseError(f"the base has no {_LOCKS[-1]}, so its dependencies cannot be installed")
    if wanted == _lock(tree):
        return sys.executable
    home = cache / hashlib.sha256(wanted + sys.version.encode()).hexdigest()[:16]
    if not (home / "complete").is_file():
        print(f"setting up the base's environment, whose lock differs, in {home}", file=sys.stderr)
        _install(base, home)
        (home / "complete").touch()
    return str(home / "bin" / "python")


def _lock(side: Path) -> bytes | None:
    """Return what is to be installed, without comments, which say only who wants it."""
    files = [side / name for name in _LOCKS]
    if not all(file.is_file() for file in files):
        return None
    lines = (line.partition(b"#")[0].strip() for file in files for line in file.read_bytes().splitlines())
    return b"\n".join(filter(None, lines))


def _install(base: Path, home: Path) -> None:
    """Do what ``requirements/install.sh`` does, but for the service itself, which is found by its path."""
    bootstrap, development = (str(base / name) for name in _LOCKS)
    python = str(home / "bin" / "python")
    hashed = ["--quiet", "--require-hashes"]
    _run(sys.executable, "-m", "venv", "--clear", str(home))
    _run(python, "-m", "pip", "install", *hashed, "--disable-pip-version-check", "-r", bootstrap)
    _run(
        str(home / "bin" / "uv"),
        "pip",
        "sync",
        *hashed,
        "--compile-bytecode",
        "--python",
        python,
        development,
        bootstrap,
    )


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise BaseError(
            f"the base's environment cannot be set up: {' '.join(words)} said:\n{done.stderr.strip()[-2000:]}"
        )
