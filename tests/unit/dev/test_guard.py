"""The guard in this process: no child of the tests is its to end, so they say which are."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import psutil
import pytest

from tbg.dev import _guard

# The guard itself has no threads; this process may, and Python warns of what could happen between fork and exec.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@attrs.define
class Guard:
    """One call of the guard.

    Attributes:
        leash: The writing end of the pipe whose end means to stop.
        report: The reading end of the pipe that tells the process id.
    """

    order: dict[str, object]
    leash: int
    report: int

    def run(self, argv: Sequence[str], orphans: Sequence[int] = (), grace_seconds: float = 5.0) -> int:
        order = self.order | {"argv": list(argv), "grace_seconds": grace_seconds}
        return _guard.main(order, lambda: [pid for pid in orphans if psutil.pid_exists(pid)])

    def let_go(self) -> None:
        os.close(self.leash)
        self.leash = -1

    def reported(self) -> dict[str, object]:
        return dict(json.loads(os.read(self.report, 4096)))


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    leash, writer = os.pipe()
    report, report_writer = os.pipe()
    order = {"cwd": str(tmp_path), "stdin": os.devnull, "user": None, "group": None, "stop_signal": signal.SIGTERM}
    guard = Guard(order | {"leash": leash, "report": report_writer}, writer, report)
    yield guard
    wakeup = signal.set_wakeup_fd(-1)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)  # orphans of other tests are not for this process
    for descriptor in (wakeup, leash, report, guard.leash):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def shell(text: str) -> list[str]:
    return ["/bin/sh", "-c", text]


def test_passes_on_the_exit_status_and_reports_the_process(guard: Guard, tmp_path: Path) -> None:
    status = guard.run(shell("echo $$ >pid; exit 7"))

    assert status == 7
    assert guard.reported() == {"pid": int((tmp_path / "pid").read_text())}


def test_tells_a_signal_as_shells_do(guard: Guard) -> None:
    assert guard.run(shell("kill -KILL $$")) == 128 + signal.SIGKILL


def test_reports_a_program_that_does_not_exist(guard: Guard) -> None:
    status = guard.run(["/nowhere/program"])

    assert status == 127
    assert "No such file or directory: '/nowhere/program'" in str(guard.reported()["error"])


def test_stops_the_command_when_the_leash_ends(guard: Guard) -> None:
    guard.let_go()

    assert guard.run(["/bin/sleep", "60"]) == 128 + signal.SIGTERM


def test_stops_a_frozen_command(guard: Guard) -> None:
    """A request alone would wait in the queue of a frozen process until it is killed."""

    def let_go_when_frozen() -> None:
        command = psutil.Process(int(str(guard.reported()["pid"])))
        while command.status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)
        guard.let_go()

    observer = threading.Thread(target=let_go_when_frozen)
    observer.start()

    status = guard.run(shell("kill -STOP $$; sleep 60"), grace_seconds=2.0)

    observer.join()
    assert status == 128 + signal.SIGTERM


def test_kills_what_does_not_stop_in_time(guard: Guard) -> None:
    """The command says when it ignores the signal; only then is the leash let go."""
    command = shell(f"trap '' TERM; kill -USR1 {os.getpid()}; while :; do sleep 0.05; done")
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: guard.let_go())

    status = guard.run(command, grace_seconds=0.2)

    signal.signal(signal.SIGUSR1, before)
    assert status == 128 + signal.SIGKILL


def test_a_signal_to_the_guard_stops_the_command(guard: Guard) -> None:
    assert guard.run(shell(f"kill -INT {os.getpid()}; sleep 60")) == 128 + signal.SIGTERM


def test_ends_what_the_command_left_behind(guard: Guard) -> None:
    """In the command's group, and beyond it what the system lists as this process's children."""
    with subprocess.Popen(["/bin/sleep", "60"]) as orphan:
        guard.run(shell("sleep 60 & exec true"), orphans=[orphan.pid])

        assert not psutil.pid_exists(orphan.pid)


@pytest.mark.skipif("sys.platform != 'linux'", reason="macOS does not list them")
def test_lists_its_children() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        children = _guard.children_of_this_process()
        child.kill()

    assert child.pid in children


def test_survives_a_starter_that_is_gone(guard: Guard) -> None:
    os.close(guard.report)
    guard.report = -1

    assert guard.run(["/bin/true"]) == 0
