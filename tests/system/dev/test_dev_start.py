"""Why `tbg dev` does not start: one sentence with the way out, and nothing left behind."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.root import AS_ROOT
from tests.system.dev.checkouts import Checkout

MakeCheckout = Callable[[Path], Checkout]


@pytest.fixture
def ordinary_user() -> tuple[str, ...]:
    """How to start a program as somebody who is not root."""
    if os.geteuid() != 0:
        return ()
    prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    if subprocess.run([*prefix, sys.executable, "-c", ""], check=False, stderr=subprocess.DEVNULL).returncode:
        # The interpreter is in root's home. This right lets the user read there, and write nowhere.
        prefix += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return tuple(prefix)


@pytest.fixture
def small_disk(shared_directory: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system with little room."""
    directory = shared_directory / "disk"
    directory.mkdir()
    size = getattr(request, "param", "24m")
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tbg-test", directory], check=False
    ).returncode:
        directory.rmdir()
        pytest.skip("this container may not mount")
    yield directory
    subprocess.run(["umount", directory], check=True)
    directory.rmdir()


def fill(disk: Path, room: int) -> None:
    with (disk / "ballast").open("wb") as ballast:
        ballast.write(bytes(max(0, shutil.disk_usage(disk).free - room) // 4096 * 4096))


def give_to_nobody(directory: Path) -> None:
    if os.geteuid() == 0:
        for path in [directory, *directory.rglob("*")]:
            shutil.chown(path, "nobody", "nogroup")


def test_taken_port(fresh_checkout: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        run = fresh_checkout.start(port=port)

        assert run.fails() == (
            f"error: port {port} for the service is taken by another program: "
            "end that program, or choose another one with --port"
        )
    assert not (fresh_checkout.root / ".tbg" / "postgres").exists()


def test_second_run_in_one_checkout(checkout: Checkout) -> None:
    first = checkout.start().ready()

    second = checkout.start()

    sentence = second.fails()
    assert f"process {first.process.pid}, {first.address('API')}" in sentence
    assert f"kill {first.process.pid}" in sentence
    assert first.end() == 0


def test_two_checkouts_at_once(checkout: Checkout, fresh_checkout: Checkout) -> None:
    runs = [checkout.start(), fresh_checkout.start()]

    addresses = {run.ready().address(name) for run in runs for name in ("API", "PostgreSQL", "Redis")}

    assert len(addresses) == 6
    assert [run.end() for run in runs] == [0, 0]


def test_failing_migration(checkout: Checkout) -> None:
    run = checkout.start(migrate=["/bin/sh", "-c", "echo no such revision; exit 3"])

    assert run.fails() == "error: the migrations failed (exit status 3): see what they said above"
    assert "no such revision" in run.text


def test_service_that_cannot_boot(fresh_checkout: Checkout) -> None:
    (fresh_checkout.root / "standin.py").write_text("raise RuntimeError('not like this')")

    run = fresh_checkout.start()

    assert run.process.wait(30) == 1
    assert "error: the service stopped (exit status 3): see what it said above" in run.text
    assert "not like this" in run.text


def test_data_of_another_major_version(fresh_checkout: Checkout) -> None:
    cluster = fresh_checkout.root / ".tbg" / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("15\n")
    cluster.parent.chmod(0o700)
    if os.geteuid() == 0:
        shutil.chown(cluster.parent, "nobody")

    sentence = fresh_checkout.start().fails()

    assert "was made by PostgreSQL 15, this is 16: delete that directory" in sentence
    assert str(cluster.parent) in sentence


def test_data_of_another_user(fresh_checkout: Checkout, ordinary_user: tuple[str, ...]) -> None:
    if not ordinary_user:
        pytest.skip("only root can make data that belongs to somebody else")
    (fresh_checkout.root / ".tbg" / "valkey").mkdir(parents=True)
    give_to_nobody(fresh_checkout.root)

    sentence = fresh_checkout.start().fails()

    assert "belongs to nobody, not to root: start this as the user that started it first" in sentence


def test_read_only_directory(fresh_checkout: Checkout, ordinary_user: tuple[str, ...]) -> None:
    fresh_checkout.root.chmod(0o555)

    run = fresh_checkout.start(prefix=ordinary_user)

    sentence = run.fails()
    fresh_checkout.root.chmod(0o755)
    assert sentence.startswith(f"error: cannot write to {fresh_checkout.root}/.tbg (Permission denied): make it")


@AS_ROOT
@pytest.mark.parametrize("room", [24 * 2**20, 8192, 0])
def test_full_disk(small_disk: Path, make_checkout: MakeCheckout, room: int) -> None:
    """Whether there is room for a part of the data, for the lock only, or for nothing."""
    checkout = make_checkout(small_disk / "checkout")
    fill(small_disk, room)

    sentence = checkout.start().fails()

    assert sentence.startswith(f"error: the disk is full at {small_disk}/checkout/.tbg")
    assert "free some space there" in sentence


@AS_ROOT
@pytest.mark.parametrize("small_disk", ["128m"], indirect=True)
def test_disk_that_is_full_at_the_second_run(small_disk: Path, make_checkout: MakeCheckout) -> None:
    checkout = make_checkout(small_disk / "checkout")
    checkout.start().ready().end()
    fill(small_disk, 0)

    sentence = checkout.start().fails()

    assert sentence.startswith(f"error: the disk is full at {small_disk}/checkout/.tbg")


@AS_ROOT
def test_read_only_disk(small_disk: Path, make_checkout: MakeCheckout) -> None:
    checkout = make_checkout(small_disk / "checkout")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    sentence = checkout.start().fails()

    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert sentence.startswith(f"error: cannot write to {checkout.root}/.tbg (Read-only file system): make it")


def test_as_an_ordinary_user(fresh_checkout: Checkout, ordinary_user: tuple[str, ...]) -> None:
    give_to_nobody(fresh_checkout.root)
    run = fresh_checkout.start(prefix=ordinary_user).ready()

    owners = run.of_each(lambda process: process.uids().real)
    status = run.end(signal.SIGTERM)

    assert status == 0
    assert 0 not in owners
    assert run.survivors(seconds=0) == []


@AS_ROOT
def test_checkout_that_only_root_can_enter(shared_directory: Path, make_checkout: MakeCheckout) -> None:
    """PostgreSQL runs as nobody and its data lies elsewhere; nobody gets more rights on the way to the checkout."""
    private = shared_directory / "private"
    private.mkdir(mode=0o700)
    checkout = make_checkout(private / "checkout")

    statuses = [checkout.start().ready().end() for _ in range(2)]
    data = (checkout.root / ".tbg" / "postgres").readlink()

    assert statuses == [0, 0]
    assert (data / "cluster" / "PG_VERSION").exists()
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    checkout.remove()
    assert not data.parent.exists()
