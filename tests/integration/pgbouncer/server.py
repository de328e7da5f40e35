"""The real PgBouncer in transaction mode, in front of the tests' PostgreSQL."""

import shutil
import signal
import socket
from pathlib import Path
from typing import ClassVar, override

from sqlalchemy import URL, make_url

from tbg.dev.account import unprivileged
from tbg.dev.process import Command
from tbg.dev.server import EmbeddedServer

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
SERVER_CONNECTIONS = 2
WAIT_SECONDS = 3


class PgBouncer(EmbeddedServer):
    """A PgBouncer whose clients share a few connections to the server; like PostgreSQL it does not run as root.

    Args:
        data_dir: Where its files go.
        server_url: The server behind it, as the settings name it.
        pool_size: How many connections to the server there are at most.
    """

    name: ClassVar[str] = "PgBouncer"
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    grace_seconds: ClassVar[float] = 3.0

    def __init__(self, data_dir: Path, server_url: str, *, pool_size: int) -> None:
        super().__init__(data_dir)
        self._server: URL = make_url(server_url)
        self._pool_size = pool_size

    @property
    @override
    def url(self) -> str:
        return self._server.set(host="127.0.0.1", port=self.port).render_as_string(hide_password=False)

    @override
    def _prepare(self) -> None:
        self._make_directory(unprivileged())

    @override
    def _command(self) -> Command:
        users = self._file("users.txt", f'"{self._server.username}" "{self._server.password}"\n')
        options = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": users,
            "pool_mode": "transaction",
            "default_pool_size": self._pool_size,
            "max_client_conn": 200,
            "query_wait_timeout": WAIT_SECONDS,
            "server_login_retry": 1,
        }
        lines = [f"{name} = {value}" for name, value in options.items()]
        database = f"* = host={self._server.host} port={self._server.port or 5432}"
        settings = self._file("pgbouncer.ini", "\n".join(["[databases]", database, "[pgbouncer]", *lines, ""]))
        return self._guarded([str(PROGRAM), str(settings)])

    @override
    def _accepts(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def _file(self, name: str, content: str) -> Path:
        path = self._real_dir / name
        path.write_text(content)
        path.chmod(0o644)  # for the account it runs as; nobody else can enter the directory
        return path
