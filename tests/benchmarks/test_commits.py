"""What the working tree is compared with."""

import subprocess
from pathlib import Path

import pytest

from benchmarks.micro.commits import FALLBACK, BaseError, find_base, is_dirty


def git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *words], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of two commits; the fallback is the first of them."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    for number in (1, 2):
        git(root, "commit", "--quiet", "--allow-empty", f"--message={number}")
    (tmp_path / "fallback").write_text(git(root, "rev-parse", "HEAD~1"))
    return root


@pytest.fixture
def fallback(tmp_path: Path) -> Path:
    return tmp_path / "fallback"


def test_a_commit_can_be_named_in_any_way(repository: Path) -> None:
    assert find_base(repository, "main") == git(repository, "rev-parse", "HEAD")


def test_without_a_name_it_is_the_last_tag(repository: Path, fallback: Path) -> None:
    git(repository, "tag", "v1")

    assert find_base(repository, None, fallback) == git(repository, "rev-parse", "v1")


def test_without_a_tag_it_is_what_the_file_names(repository: Path, fallback: Path) -> None:
    assert find_base(repository, None, fallback) == git(repository, "rev-parse", "HEAD~1")


def test_the_file_names_a_whole_hash() -> None:
    assert len(FALLBACK.read_text().strip()) == 40


def test_a_commit_that_does_not_exist_is_named(repository: Path) -> None:
    with pytest.raises(BaseError, match=r"there is no commit nonsense here: name one that exists"):
        find_base(repository, "nonsense")


def test_a_shallow_clone_is_told_how_to_get_the_rest(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", repository.as_uri(), "shallow")

    with pytest.raises(BaseError, match=r"this clone is shallow; run git fetch --unshallow"):
        find_base(tmp_path / "shallow", git(repository, "rev-parse", "HEAD~1"))


def test_what_is_no_repository_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match="is not a git repository"):
        find_base(tmp_path, None)


def test_a_change_that_is_not_committed_is_noticed(repository: Path) -> None:
    assert not is_dirty(repository)

    (repository / "new").touch()

    assert is_dirty(repository)
