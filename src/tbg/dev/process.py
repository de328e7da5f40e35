"""A child process that cannot outlive this one: `_guard.py` runs between the two and ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import attrs

from tbg.dev.errors import DevServerError

type Sleep = Callable[[float], None]

NOTHING = Path(os.devnull)
_GUARD = Path(__file__).with_name("_guard.py")
_POLL_SECONDS = 0.01
_KILL_SECONDS = 5.0


@attrs.frozen(kw_only=True)
class Command:
    """What to run, and how to end it.

    Attributes:
        argv: The program and its arguments.
        cwd: Where it runs.
        env: Its whole environment; None inherits this process's.
        stdin: What it reads.
        account: Numeric user and group to run as; None keeps this process's.
        stop_signal: Asks it to end.
        grace_seconds: How long it may take until it is killed.
        keep_open: Descriptors its guard holds until everything is gone, such as a lock.
    """

    argv: Sequence[str]
    cwd: Path = Path("/")
    env: Mapping[str, str] | None = None
    stdin: Path = NOTHING
    account: tuple[int, int] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 3.0
    keep_open: Sequence[int] = ()


class GuardedProcess:
    """A running command. It ends with `stop()` and with this process, however that ends.

    Args:
        command: What to run.
        output: Where its standard output and error go; None shares this process's.

    Raises:
        DevServerError: The program cannot be executed.
    """

    def __init__(self, command: Command, output: IO[bytes] | None = None) -> None:
        self._grace_seconds = command.grace_seconds
        stdin, self._leash = os.pipe()
        reader, writer = os.pipe()
        self._guard = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-I", "-S", str(_GUARD), _order(command, writer)],
            stdin=stdin,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            env=command.env,  # not in the order, whose text every user of this machine can see
            pass_fds=(writer, *command.keep_open),
            start_new_session=True,  # a terminal's Ctrl-C must reach only the supervisor
        )
        os.close(stdin)
        os.close(writer)
        self.pid = self._read_report(reader, command.argv[0])

    def _read_report(self, descriptor: int, program: str) -> int:
        with os.fdopen(descriptor) as reader:
            report = json.loads(reader.read() or '{"error": "its guard was killed"}')
        if "pid" in report:
            return int(report["pid"])
        self.stop()
        raise DevServerError(f"cannot run {program}: {report['error']}")

    def poll(self) -> int | None:
        """Return the exit status (128 + the signal's number if killed by one), None while anything is left of it."""
        return self._guard.poll()

    def wait(self, timeout_seconds: float, sleep: Sleep = time.sleep) -> int | None:
        """Return the exit status, or None if it still runs after a time."""
        deadline = time.monotonic() + timeout_seconds
        while self.poll() is None and time.monotonic() < deadline:
            sleep(_POLL_SECONDS)
        return self.poll()

    def stop(self) -> None:
        """End the command and everything it started; return when it is gone, after the grace and a little at most."""
        if self._leash >= 0:
            os.close(self._leash)
            self._leash = -1
        try:
            self._guard.wait(self._grace_seconds + _KILL_SECONDS)
        except subprocess.TimeoutExpired:  # pragma: no cover - the kernel does not let go of a process
            self._guard.kill()
            self._guard.wait()


def _order(command: Command, report: int) -> str:
    user, group = command.account or (None, None)
    return json.dumps(
        {
            "argv": list(command.argv),
            "cwd": str(command.cwd),
            "stdin": str(command.stdin),
            "user": user,
            "group": group,
            "stop_signal": command.stop_signal,
            "grace_seconds": command.grace_seconds,
            "leash": 0,
            "report": report,
        }
    )
