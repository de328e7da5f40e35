"""Run one command; end it, and whatever it started, when standard input closes.

Started as a script by `tbg.dev.process`, which holds the other end of that pipe and never writes to it: it closes
when the starter asks for a stop, and when the starter dies, of SIGKILL too. One way to stop covers both, on Linux and
macOS, and unlike PR_SET_PDEATHSIG alone it does not depend on the *thread* that started the process.

Only the standard library: this runs in every embedded server's shadow and must start in milliseconds.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform == "linux"


def children_of_this_process() -> list[int]:
    """Return this process's children; none where the system does not list them, as macOS (no subreaper there)."""
    with contextlib.suppress(OSError):
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()]
    return []


def main(order: dict[str, Any], children: Callable[[], list[int]] = children_of_this_process) -> int:
    """Carry out an order and return the command's exit status as a shell would give it.

    Args:
        order: `argv`, `cwd`, `stdin` (a path), `user` and `group` (null keeps), `stop_signal`,
            `grace_seconds` until SIGKILL, `leash`, the descriptor whose end means to stop, and `report`, the one that
            gets `{"pid": …}` or `{"error": …}` once.
        children: Lists what to end when the command has ended.
    """
    alarm = _wake_on_signals()
    if _LINUX:
        # Orphans of the command come to this process instead of to init, so that they can be found and ended.
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        child = _start(order)
    except OSError as error:
        _report(order["report"], {"error": str(error)})
        return 127
    _report(order["report"], {"pid": child.pid})
    if not _ended(child, order["leash"], alarm):
        _stop(child, order["stop_signal"], order["grace_seconds"])
    _sweep(child.pid, children)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _wake_on_signals() -> int:
    """Return a descriptor that becomes readable with the number of each signal that arrives."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A handler, since an ignored signal would stay ignored in the command.
        signal.signal(number, lambda _number, _frame: None)
    return reader


def _start(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    with Path(order["stdin"]).open("rb") as stdin:
        return subprocess.Popen(  # noqa: S603 - the command is the starter's own
            order["argv"],
            cwd=order["cwd"],
            user=order["user"],
            group=order["group"],
            extra_groups=None if order["user"] is None else [],
            stdin=stdin,
            start_new_session=True,
            # No thread runs here. It runs after the change of user, which would have cleared the setting.
            preexec_fn=_die_with_guard(order["stop_signal"]) if _LINUX else None,  # noqa: PLW1509 - see above
        )


def _die_with_guard(stop_signal: int) -> Callable[[], None]:
    guard, libc = os.getpid(), ctypes.CDLL(None)

    def ask_for_signal() -> None:  # pragma: no cover - runs in the child before it becomes the command
        libc.prctl(_PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)
        if os.getppid() != guard:  # it died before the request was in place
            os._exit(127)

    return ask_for_signal


def _prctl(option: int, argument: int) -> None:
    ctypes.CDLL(None).prctl(option, argument, 0, 0, 0)


def _report(descriptor: int, fact: dict[str, object]) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(descriptor, "w") as report:
        json.dump(fact, report)


def _ended(child: subprocess.Popen[bytes], leash: int, alarm: int) -> bool:
    """Wait for the end of the child (True), or for a reason to stop it (False)."""
    while child.poll() is None:
        ready, _, _ = select.select([leash, alarm], [], [])
        if leash in ready:
            return False
        if set(os.read(alarm, 64)) != {signal.SIGCHLD}:
            return False
    return True


def _stop(child: subprocess.Popen[bytes], stop_signal: int, grace_seconds: float) -> None:
    child.send_signal(stop_signal)
    _signal_group(child.pid, signal.SIGCONT)  # a frozen process would not see it
    try:
        child.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        _signal_group(child.pid, signal.SIGKILL)
        child.wait()


def _sweep(group: int, children: Callable[[], list[int]]) -> None:
    """End what the command left behind and wait until it is gone, so that its ports and files are free."""
    _signal_group(group, signal.SIGKILL)
    while orphans := children():
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _signal_group(group: int, number: int) -> None:
    # macOS answers EPERM for a group in which only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":  # pragma: no cover - the tests call main, or run this where coverage does not look
    sys.exit(main(json.loads(sys.argv[1])))
