"""The embedded servers are closed to the other users of the machine."""

import asyncio
import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
import redis

from tbg.dev.errors import DevServerError
from tbg.dev.postgres import DATABASE, EmbeddedPostgres
from tbg.dev.server import EmbeddedServer
from tbg.dev.valkey import EmbeddedValkey
from tests.support.databases import ask, migrate
from tests.support.root import AS_ROOT
from tests.support.servers import discarded

OLD_PASSWORD = "tbgdev2026"
SERVERS = [EmbeddedPostgres, EmbeddedValkey]


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """A directory that every user can enter, so that only the servers' own rights keep anybody out."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def postgres(directory: Path) -> Iterator[EmbeddedPostgres]:
    with discarded(EmbeddedPostgres(directory / "postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def valkey(directory: Path) -> Iterator[EmbeddedValkey]:
    with discarded(EmbeddedValkey(directory / "valkey")) as server:
        yield server


@pytest.fixture(scope="module")
def passwords(postgres: EmbeddedPostgres, valkey: EmbeddedValkey) -> set[str]:
    return {str(urlsplit(url).password) for url in (postgres.url, postgres.admin_url, valkey.url)}


def family(server: EmbeddedServer) -> list[psutil.Process]:
    process = psutil.Process(server.pid)
    return [*process.parents()[:1], process, *process.children(recursive=True)]


def test_every_password_is_another_and_cannot_be_guessed(passwords: set[str]) -> None:
    assert len(passwords) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", password) for password in passwords)


def test_files_with_a_password_are_for_their_owner_only(
    directory: Path, postgres: EmbeddedPostgres, valkey: EmbeddedValkey, passwords: set[str]
) -> None:
    assert postgres.alive()
    assert valkey.alive()
    files = [path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()]
    told = {path for path in files if any(password.encode() in path.read_bytes() for password in passwords)}

    assert {path.name for path in told} == {"postgres.pgpass", "valkey.password", "valkey.conf"}
    assert {(stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) for path in told} == {(0o600, os.geteuid())}


def test_no_process_shows_a_password(postgres: EmbeddedPostgres, valkey: EmbeddedValkey, passwords: set[str]) -> None:
    shown = []
    for process in [*family(postgres), *family(valkey)]:
        shown += [*process.cmdline(), *process.environ().values()]

    assert not [text for text in shown for password in passwords if password in text]


def test_the_role_of_the_service_owns_its_database_and_may_do_nothing_else(postgres: EmbeddedPostgres) -> None:
    [role] = ask(postgres.url, "SELECT * FROM pg_roles WHERE rolname = current_user")
    rights = {name for name, value in role.items() if value is True}
    [memberships] = ask(postgres.url, "SELECT count(*) AS n FROM pg_auth_members WHERE member = current_user::regrole")
    [owner] = ask(
        postgres.url, "SELECT datdba::regrole::text AS name FROM pg_database WHERE datname = current_database()"
    )

    assert (rights, memberships["n"], owner["name"]) == ({"rolinherit", "rolcanlogin"}, 0, "tbg")


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "CREATE TABLE stolen (line text); COPY stolen FROM PROGRAM 'id'",
        "SELECT pg_read_file('pg_hba.conf')",
        "SELECT * FROM pg_authid",
        "CREATE DATABASE another",
        "CREATE ROLE another",
        "ALTER ROLE tbg SUPERUSER",
        "SET ROLE postgres",
        "CREATE EXTENSION file_fdw",
    ],
)
def test_what_the_role_of_the_service_may_not(postgres: EmbeddedPostgres, statement: str) -> None:
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError)):
        ask(postgres.url, *statement.split("; "))


def test_migrations_need_no_more_than_that(postgres: EmbeddedPostgres) -> None:
    ask(postgres.admin_url, "CREATE DATABASE migrated OWNER tbg")

    migrate(postgres.url.replace(f"/{DATABASE}", "/migrated"))


def test_postgres_asks_everybody_for_a_password(postgres: EmbeddedPostgres) -> None:
    rules = ask(postgres.admin_url, "SELECT type, auth_method FROM pg_hba_file_rules")

    assert {rule["type"] for rule in rules} >= {"local", "host"}
    assert {rule["auth_method"] for rule in rules} == {"scram-sha-256"}


@pytest.mark.parametrize("user", ["tbg", "postgres", "root", "nobody"])
@pytest.mark.parametrize("database", [DATABASE, "postgres", "template1"])
@pytest.mark.parametrize("password", [None, "", OLD_PASSWORD, "postgres"])
def test_nobody_gets_into_postgres(
    postgres: EmbeddedPostgres, user: str, database: str, password: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", "/nowhere")

    with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InterfaceError)):
        asyncio.run(
            asyncpg.connect(host="127.0.0.1", port=postgres.port, user=user, database=database, password=password)
        )


@pytest.mark.parametrize("password", [None, "", OLD_PASSWORD])
def test_nobody_gets_into_valkey(valkey: EmbeddedValkey, password: str | None) -> None:
    client = redis.Redis("127.0.0.1", valkey.port, password=password)

    with client, pytest.raises(redis.AuthenticationError):
        client.config_get("dir")


@AS_ROOT
def test_no_server_runs_as_root_or_as_nobody(postgres: EmbeddedPostgres, valkey: EmbeddedValkey) -> None:
    """Others run as nobody, and whoever does could read a server's memory and data."""
    for server in (postgres, valkey):
        process = psutil.Process(server.pid)
        accounts = {each.uids() for each in (process, *process.children(recursive=True))}

        assert {uid for account in accounts for uid in account}.isdisjoint({0, 65534})
        assert set(process.gids()).isdisjoint({0, 65534})
        groups = re.findall(r"^Groups:(.*)$", Path(f"/proc/{server.pid}/status").read_text(), re.MULTILINE)
        assert groups[0].split() == []


@AS_ROOT
def test_another_user_can_read_nothing(directory: Path, postgres: EmbeddedPostgres, valkey: EmbeddedValkey) -> None:
    command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    secret = [
        *(directory / name for name in ("postgres.pgpass", "valkey.password", "valkey.conf")),
        directory / "postgres" / "cluster" / "pg_hba.conf",
        *(Path(f"/proc/{server.pid}/environ") for server in (postgres, valkey)),
    ]

    for path in secret:
        assert subprocess.run([*command, "cat", path], check=False, capture_output=True).returncode == 1, path
    for server in (postgres, valkey):
        assert subprocess.run([*command, "ls", server.data_dir], check=False, capture_output=True).returncode == 2
        kill = subprocess.run([*command, "sh", "-c", f"kill -TERM {server.pid}"], check=False, capture_output=True)
        assert kill.returncode != 0


@pytest.mark.parametrize("kind", SERVERS)
def test_data_of_a_version_with_a_public_password_is_not_served(directory: Path, kind: type[EmbeddedServer]) -> None:
    server = kind(directory / f"old-{kind.name}")
    with server:
        pass
    server.password_path.unlink()

    with pytest.raises(DevServerError, match=r"has no password of its own .*: delete the data with `make clean`"):
        server.start()

    assert not server.alive()
    server.discard()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
@pytest.mark.parametrize("kind", SERVERS)
def test_a_password_that_others_could_read_is_not_used(tmp_path: Path, kind: type[EmbeddedServer], mode: int) -> None:
    server = kind(tmp_path / "data")
    server.password_path.write_text("known")
    server.password_path.chmod(mode)

    with pytest.raises(DevServerError, match=r"others can read the password in .*: delete the data with `make clean`"):
        server.start()


@AS_ROOT
def test_a_password_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "data")
    server.password_path.write_text("known")
    server.password_path.chmod(0o600)
    os.chown(server.password_path, 65534, -1)

    with pytest.raises(DevServerError, match="belongs to nobody, not to root: start this as the user"):
        server.start()


def test_a_link_to_a_password_is_not_followed(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "data")
    (tmp_path / "elsewhere").write_text("known")
    server.password_path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(DevServerError, match="cannot read"):
        server.start()


@pytest.mark.parametrize("text", ["", "\n", "nonsense", f"127.0.0.1:*:*:tbg:{'x' * 32}\n", f"{'x' * 32}\nuser x"])
@pytest.mark.parametrize("kind", SERVERS)
def test_a_damaged_password_file_lets_nobody_in(tmp_path: Path, kind: type[EmbeddedServer], text: str) -> None:
    server = kind(tmp_path / "data")
    server.password_path.touch(0o600)
    server.password_path.write_text(text)

    with pytest.raises(DevServerError, match="is damaged: delete the data with `make clean`"):
        server.start()


def test_the_url_for_everybody_has_no_password(postgres: EmbeddedPostgres, valkey: EmbeddedValkey) -> None:
    assert postgres.public_url == f"postgresql+asyncpg://tbg@127.0.0.1:{postgres.port}/{DATABASE}"
    assert valkey.public_url == f"redis://127.0.0.1:{valkey.port}/0"
