"""What is copied, and which environment it runs in."""

import sys
from pathlib import Path

import pytest

from benchmarks.micro.commits import BaseError, find_base, git
from benchmarks.micro.sides import prepare

IDENTITY = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false")


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def commit(root: Path) -> str:
    git(root, "add", "--all")
    git(root, *IDENTITY, "commit", "--quiet", "--message=all")
    return find_base(root, "HEAD")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project, nothing of which is committed."""
    root = tmp_path / "project"
    write(root, "src/tbg/__init__.py", "SIDE = 'base'\n")
    write(root, "benchmarks/micro/child.py", "")
    write(root, "requirements/bootstrap.txt", "pip==1\n")
    write(root, "requirements/development.txt", "falcon==4  # via\n    # tbg\n")
    write(root, ".gitignore", "ignored\n")
    git(root, "init", "--quiet")
    return root


def test_the_base_is_as_committed_and_the_tree_as_it_is(project: Path, tmp_path: Path) -> None:
    base = commit(project)
    write(project, "src/tbg/__init__.py", "SIDE = 'tree'\n")
    write(project, "src/tbg/new.py", "")
    write(project, "ignored", "")

    sides = prepare(project, base, tmp_path / "scratch")

    assert [(each.root / "src/tbg/__init__.py").read_text() for each in sides] == ["SIDE = 'base'\n", "SIDE = 'tree'\n"]
    assert [(each.root / "src/tbg/new.py").exists() for each in sides] == [False, True]
    assert not (sides[1].root / "ignored").exists()


def test_both_are_measured_by_the_scripts_of_the_tree(project: Path, tmp_path: Path) -> None:
    base = commit(project)
    write(project, "benchmarks/micro/child.py", "NEW = True\n")

    sides = prepare(project, base, tmp_path / "scratch")

    assert sides[0].scripts == sides[1].scripts
    assert (sides[0].scripts / "benchmarks/micro/child.py").read_text() == "NEW = True\n"


def test_a_file_that_was_deleted_is_not_there(project: Path, tmp_path: Path) -> None:
    write(project, "src/tbg/old.py", "")
    base = commit(project)
    (project / "src/tbg/old.py").unlink()

    sides = prepare(project, base, tmp_path / "scratch")

    assert [(each.root / "src/tbg/old.py").exists() for each in sides] == [True, False]


def test_the_same_lock_needs_no_other_environment(project: Path, tmp_path: Path) -> None:
    base = commit(project)
    write(project, "requirements/development.txt", "# only a comment differs\nfalcon==4  # via\n")

    assert [each.python for each in prepare(project, base, tmp_path / "scratch")] == [sys.executable] * 2


def test_a_base_whose_dependencies_cannot_be_installed_is_told(project: Path, tmp_path: Path) -> None:
    (project / "requirements/development.txt").unlink()
    base = commit(project)

    with pytest.raises(BaseError, match=r"the base has no requirements/development\.txt"):
        prepare(project, base, tmp_path / "scratch")
