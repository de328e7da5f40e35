"""The embedded PostgreSQL in this process."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from tbg.dev import ports
from tbg.dev.account import unprivileged
from tbg.dev.errors import DevServerError
from tbg.dev.postgres import DATABASE, EmbeddedPostgres, forget_dead_server
from tbg.dev.schema import SchemaMark
from tests.support.servers import kill


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """A directory that every user can enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def postgres(directory: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(directory / "postgres")
    yield server
    server.discard()


async def ask(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_postgres_has_the_database_and_wants_the_password(postgres: EmbeddedPostgres) -> None:
    with postgres:
        facts = await ask(postgres, "SELECT current_database() || ' ' || current_user")
        version = await ask(postgres, "SHOW server_version")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(host="127.0.0.1", port=postgres.port, user="tbg", password="x", database=DATABASE)

    assert facts == "thebitcoingame tbg"
    assert str(version).startswith("16.")


async def test_postgres_recovers_on_its_port(postgres: EmbeddedPostgres) -> None:
    with postgres:
        port = postgres.port
        await ask(postgres, "CREATE TABLE recovered AS SELECT 21 AS number")
        family = psutil.Process(postgres.pid).children(recursive=True)

        kill(postgres)
        assert not any(map(psutil.Process.is_running, family))
        postgres.start()

        assert postgres.port == port
        assert await ask(postgres, "SELECT number FROM recovered") == 21


def test_two_servers_do_not_share_data(postgres: EmbeddedPostgres) -> None:
    with postgres:
        second = EmbeddedPostgres(postgres.data_dir, ports.free_port())

        with pytest.raises(
            DevServerError, match=f"another PostgreSQL uses .*: stop it with `kill -INT {postgres.pid}`"
        ):
            second.start()

        assert postgres.alive()


def test_postgres_is_not_misled_by_a_process_that_got_the_old_id(postgres: EmbeddedPostgres) -> None:
    """After a crash and a restart of the machine, or in a container, the id in the file may be anybody's.

    PostgreSQL believes it to be a server if it may send it a signal, so a process of its own user.
    """
    with postgres:
        pid_file = postgres.data_dir / "cluster" / "postmaster.pid"
        text = pid_file.read_text()
    user, group = unprivileged() or (None, None)
    with subprocess.Popen(["/bin/sleep", "60"], user=user, group=group, cwd="/") as stranger:
        pid_file.write_text(text.replace(text.splitlines()[0], str(stranger.pid), 1))

        with postgres:
            assert postgres.alive()
        stranger.kill()


@pytest.mark.parametrize("content", ["", "nonsense", "4194305\n"])
def test_file_that_postgres_can_judge_itself_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "postmaster.pid").write_text(content)

    forget_dead_server(tmp_path / "postmaster.pid")

    assert (tmp_path / "postmaster.pid").exists()


def test_data_of_another_version(directory: Path) -> None:
    server = EmbeddedPostgres(directory / "old")
    (directory / "old" / "cluster").mkdir(parents=True)
    (directory / "old" / "cluster" / "PG_VERSION").write_text("17\n")

    with pytest.raises(DevServerError, match="was made by PostgreSQL 17, this is 16: delete that directory"):
        server.start()


def test_stop_while_the_data_is_created_leaves_none(directory: Path) -> None:
    """The next start begins anew."""

    def sleep(_seconds: float) -> None:
        if (directory / "stopped" / "cluster.new" / "base").exists():
            raise KeyboardInterrupt

    server = EmbeddedPostgres(directory / "stopped", sleep=sleep)

    with pytest.raises(KeyboardInterrupt):
        server.start()

    assert not (directory / "stopped" / "cluster").exists()
    assert not server.alive()


async def test_knows_when_there_is_nothing_to_migrate(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """Neither the migrations nor the database's revision may have changed."""
    versions = tmp_path / "alembic" / "versions"
    versions.mkdir(parents=True)
    mark = SchemaMark(tmp_path / "mark", tmp_path, postgres)
    with postgres:
        current = {"without a note": mark.is_current()}
        mark.set()
        current["without revisions"] = mark.is_current()
        await ask(postgres, "CREATE TABLE alembic_version AS SELECT '001' AS version_num")
        mark.set()
        current["noted"] = mark.is_current()
        await ask(postgres, "UPDATE alembic_version SET version_num = '000'")
        current["downgraded"] = mark.is_current()
        mark.set()
        (versions / "002.py").write_text("")
        current["new migration"] = mark.is_current()

    assert [name for name, is_current in current.items() if is_current] == ["noted"]
