"""The user PostgreSQL runs as, and the way in for that user."""

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tbg.dev import account
from tbg.dev.account import Account, outside_of, reachable_directory, reachable_program, remove
from tbg.dev.errors import DevServerError
from tests.support.root import AS_ROOT


@pytest.fixture
def nobody() -> Account:
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Path]:
    """A directory that only its owner can enter."""
    tmp_path.chmod(0o700)
    yield tmp_path
    for path in (tmp_path / "data", tmp_path / "package"):
        shutil.rmtree(outside_of(path), ignore_errors=True)


@pytest.fixture
def package(private: Path) -> Path:
    package = private / "package"
    (package / "bin").mkdir(parents=True)
    (package / "bin" / "server").write_text("#!/bin/sh\n")
    (package / "bin" / "server").chmod(0o700)
    (private / "package.libs").mkdir()
    return package


def test_an_ordinary_user_stays_where_it_is(tmp_path: Path) -> None:
    directory = reachable_directory(tmp_path / "new" / "data", None)

    assert directory == tmp_path / "new" / "data"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert reachable_program(tmp_path / "server", [tmp_path], None) == tmp_path / "server"


@pytest.mark.parametrize("name", ['a"b', "a$b", "a`b", "a\\b", "a\nb"])
def test_programs_are_copied_from_where_a_shell_would_not_find_them(tmp_path: Path, name: str) -> None:
    """initdb starts PostgreSQL through one."""
    package = tmp_path / name / "package"
    package.mkdir(parents=True)
    (package / "server").touch()

    copy = reachable_program(package / "server", [package], None)

    assert copy == outside_of(package) / "package" / "server"
    account.forget_programs(package, tmp_path / "other")
    assert copy.exists()
    account.forget_programs(package, tmp_path.resolve())
    assert not copy.exists()


def test_root_becomes_an_account_of_no_person_and_others_stay_themselves() -> None:
    """Not nobody: what runs as the servers' account can read their data."""
    chosen = account.unprivileged()

    assert chosen == (None if os.geteuid() else Account(*pwd.getpwnam("daemon")[2:4]))


@AS_ROOT
def test_data_moves_outside_behind_a_link(private: Path, nobody: Account) -> None:
    first = reachable_directory(private / "data", nobody)
    second = reachable_directory(private / "data", nobody)

    assert first == second == outside_of(private / "data") / "data"
    assert (private / "data").readlink() == first
    assert first.stat().st_uid == nobody.uid
    assert nobody.enters(first)
    assert not nobody.enters(private)
    remove(private / "data")
    assert not first.parent.exists()
    assert not (private / "data").is_symlink()


@AS_ROOT
def test_data_stays_where_nobody_can_go(nobody: Account) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)

        directory = reachable_directory(place / "data", nobody)

        assert directory == place / "data"
        assert directory.stat().st_uid == nobody.uid


@AS_ROOT
def test_programs_are_copied_for_who_cannot_run_them(package: Path, nobody: Account) -> None:
    server = package / "bin" / "server"
    trees = [package, package.with_name("package.libs")]

    copy = reachable_program(server, trees, nobody)
    again = reachable_program(server, trees, nobody)

    assert copy == again == outside_of(package) / "package" / "bin" / "server"
    assert nobody.runs(copy)
    assert (outside_of(package) / "package.libs").is_dir()


@AS_ROOT
def test_programs_stay_where_they_can_be_run(nobody: Account) -> None:
    assert reachable_program(Path("/bin/cat"), [Path("/bin")], nobody) == Path("/bin/cat")


def test_two_that_copy_at_once_do_no_harm(package: Path, tmp_path: Path) -> None:
    """The other one's copy appeared after the look and before the move."""
    target = tmp_path / "copy"
    target.mkdir()
    (target / "complete").touch()

    account._move_into_place(package, target)

    assert (target / "complete").exists()
    assert not package.exists()


@AS_ROOT
def test_a_place_of_somebody_else_is_not_used(private: Path, nobody: Account) -> None:
    place = outside_of(private / "data")
    place.mkdir()
    os.chown(place, nobody.uid, nobody.gid)

    with pytest.raises(DevServerError, match=f"{place} belongs to someone else: remove it"):
        reachable_directory(private / "data", nobody)


@AS_ROOT
@pytest.mark.parametrize(("uid", "name"), [(65534, "nobody"), (54321, "user 54321")])
def test_data_of_another_user_is_not_touched(tmp_path: Path, uid: int, name: str) -> None:
    (tmp_path / "data").mkdir()
    os.chown(tmp_path / "data", uid, -1)

    with pytest.raises(DevServerError, match=f"data belongs to {name}, not to root: start this as"):
        reachable_directory(tmp_path / "data", None)


def test_only_links_of_our_own_are_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "mine")

    remove(tmp_path / "data")
    remove(tmp_path / "data")

    assert (tmp_path / "mine").exists()
    assert not (tmp_path / "data").exists()
