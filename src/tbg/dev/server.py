"""What embedded servers have in common: a port, a log, a start that waits, and an end that leaves nothing."""

import abc
import errno
import os
import re
import signal
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from tbg.dev import ports
from tbg.dev.account import Account, reachable_directory, remove
from tbg.dev.errors import DevServerError, PortTakenError, disk_full, is_full, says_disk_full, writing
from tbg.dev.passwords import kept_passwords, new_password
from tbg.dev.process import NOTHING, Command, GuardedProcess, Sleep

_POLL_SECONDS = 0.01


class EmbeddedServer(abc.ABC):
    """A server on 127.0.0.1 with its data in a directory of its own; it can be started again after any end.

    Args:
        data_dir: Where it keeps its data; created when missing, kept when it stops.
        port: Where it listens; 0 takes a free one at the first start, the same for the same directory if it can.
        sleep: How to wait; the supervisor's raises when it is asked to end.
        keep_open: Descriptors held until the server is gone, such as a lock.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    grace_seconds: ClassVar[float]
    start_seconds: ClassVar[float] = 60.0

    def __init__(
        self, data_dir: Path, port: int = 0, *, sleep: Sleep = time.sleep, keep_open: tuple[int, ...] = ()
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.log_path = self.data_dir.with_name(f"{self.data_dir.name}.log")
        self._port = port
        self._port_is_settled = port != 0
        self._sleep = sleep
        self._keep_open = keep_open
        self._process: GuardedProcess | None = None

    @property
    @abc.abstractmethod
    def url(self) -> str:
        """Where clients connect, as the settings take it, with the password."""

    @property
    def public_url(self) -> str:
        """The same for everybody to see: without the password."""
        return re.sub(r":[^:/@]*@", "@", self.url).replace("//@", "//")

    @property
    def password_path(self) -> Path:
        """The file with the password, which only its owner can read."""
        return self.data_dir.with_name(f"{self.data_dir.name}.password")

    def _new_passwords(self) -> str:
        """Return what the password file of a new server holds."""
        return new_password()

    @abc.abstractmethod
    def _prepare(self) -> None:
        """Make the data directory ready to serve from."""

    @abc.abstractmethod
    def _command(self) -> Command:
        """Return how to run the server on `self.port`."""

    @abc.abstractmethod
    def _accepts(self) -> bool:
        """Tell whether it answers clients."""

    def _diagnosis(self, log: str) -> str | None:
        """Return the cause and the way out if the log says something this server knows, else None."""
        del log
        return None

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the first start if none was given."""
        return self._port

    @property
    def pid(self) -> int:
        """The server's own process.

        Raises:
            DevServerError: It was never started.
        """
        if self._process is None:
            raise DevServerError(f"{self.name} was not started")
        return self._process.pid

    def alive(self) -> bool:
        """Tell whether anything of the server still runs, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and return when it accepts connections.

        Raises:
            DevServerError: It did not come up.
        """
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the server without waiting for it, so that several can come up at once; `wait_ready` follows.

        Raises:
            DevServerError: It cannot be started here.
        """
        self._prepare()
        if not self._port_is_settled:
            self._port = ports.free_port(_preferred_port(self.data_dir))
        ports.require_free(self._port, self.name)
        self._run()

    def wait_ready(self) -> None:
        """Return when it accepts connections; anything else ends it and raises.

        Raises:
            DevServerError: It ended, or took too long.
        """
        try:
            self._wait_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server in an orderly way, or after a grace by force; return when all of it is gone."""
        if self._process is not None:
            self._process.stop()

    def discard(self) -> None:
        """Stop and delete the data and the log, wherever they are."""
        self.stop()
        remove(self.data_dir)
        self.log_path.unlink(missing_ok=True)
        self.password_path.unlink(missing_ok=True)

    def failure(self, what: str) -> DevServerError:
        """Return why the server is not running, read from its log.

        Args:
            what: What it did not do, or did, as in "stopped".
        """
        log = self._log()
        if says_disk_full(log) or is_full(self.data_dir.parent):
            return disk_full(self.data_dir)
        if diagnosis := self._diagnosis(log):
            return DevServerError(diagnosis)
        last = log.strip().rpartition("\n")[2] or "it said nothing"
        return DevServerError(f"{self.name} {what} ({last}): see {self.log_path}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _passwords(self) -> str:
        return kept_passwords(self.password_path, self.data_dir, self._new_passwords)

    def _make_directory(self, account: Account | None) -> None:
        self._account = account
        self._real_dir = reachable_directory(self.data_dir, account)

    def _guarded(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, stdin: Path = NOTHING) -> Command:
        return Command(
            argv=argv,
            env=env,
            stdin=stdin,
            account=self._account,
            stop_signal=self.stop_signal,
            grace_seconds=self.grace_seconds,
            keep_open=self._keep_open,
        )

    def _run(self) -> None:
        with writing(self.log_path), self.log_path.open("wb") as log:
            self._process = GuardedProcess(self._command(), log)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + self.start_seconds
        while not self._accepts():
            if not self.alive():
                self._run_elsewhere()
            if is_full(self.data_dir.parent):  # a server may wait for room in silence
                raise disk_full(self.data_dir)
            if time.monotonic() > deadline:
                raise self.failure(f"did not answer within {self.start_seconds:.0f} s")
            self._sleep(_POLL_SECONDS)
        self._port_is_settled = True

    def _run_elsewhere(self) -> None:
        """Run on another port if somebody took this one between our look and its use; any other end is a failure."""
        if os.strerror(errno.EADDRINUSE) not in self._log():
            raise self.failure("did not start")
        if self._port_is_settled:
            raise PortTakenError(ports.taken(self._port, self.name))
        self._port = ports.free_port()
        self._run()

    def _log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""


def _preferred_port(data_dir: Path) -> int:
    """Return the same port for the same directory, so that a database client's saved connection keeps working."""
    return ports.pick(zlib.crc32(os.fsencode(data_dir)))
