"""Migrations on a database that others use: other migrations, writers, locks, and whatever kills a process."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tbg.dev.postgres import EmbeddedPostgres
from tbg.migrations.turns import LOCK_KEY
from tests.migrations.conftest import NewDatabase
from tests.support import collector
from tests.support.catalogue import catalogue, contents, exists, fill
from tests.support.databases import Server, ask, migrate, session
from tests.support.environments import full_environment, tbg_command
from tests.support.gunicorn import wait_until
from tests.support.servers import discarded, kill

PATIENT = 60.0


@contextlib.contextmanager
def migrating(url: str, lock_timeout_seconds: float = PATIENT) -> Iterator[subprocess.Popen[str]]:
    """Run `tbg migrate` as a process."""
    environment = full_environment(database_url=url, database_lock_timeout_seconds=lock_timeout_seconds)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(tbg_command("migrate"), env=environment, **pipes)  # type: ignore[call-overload]  # Any
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def holding(url: str, statement: str) -> Iterator[None]:
    """Keep a transaction open in which this has been executed."""
    with session(url) as execute:
        execute("BEGIN")
        execute(statement)
        yield


def backends(url: str, condition: str = "true") -> int:
    """Return how many sessions of migrations the server has on this database."""
    [row] = ask(
        url,
        "SELECT count(*) FROM pg_stat_activity"
        f" WHERE datname = current_database() AND application_name = 'tbg-migrate' AND {condition}",
    )
    return int(row["count"])


def stopped_in_the_middle(url: str, stop: Callable[[subprocess.Popen[str]], None]) -> None:
    """Let a migration run until the last table, which another session is just making, and ``stop`` it there."""
    with migrating(url) as process, holding(url, "CREATE TABLE rate_limit_events (mine int)"):
        wait_until(lambda: backends(url, "wait_event_type = 'Lock'") == 1, 20)
        stop(process)


def test_eight_at_once_under_load(half_way: str) -> None:
    """All end well, exactly one applies the revision, and writers never wait for long."""
    fill(half_way, compress=False)
    slowest = 0.0
    written = 0
    with contextlib.ExitStack() as running:
        processes = [running.enter_context(migrating(half_way)) for _ in range(8)]
        execute = running.enter_context(session(half_way))
        while any(process.poll() is None for process in processes):
            before = time.monotonic()
            execute("INSERT INTO shares (time, btc_address, difficulty, share_diff) VALUES (now(), 'busy', 1, 1)")
            slowest, written = max(slowest, time.monotonic() - before), written + 1
        outputs = [process.communicate() for process in processes]

    assert [process.returncode for process in processes] == [0] * 8, outputs
    assert sum("Running upgrade" in stdout for stdout, _ in outputs) == 1
    assert ask(half_way, "SELECT count(*) FROM shares WHERE btc_address = 'busy'") == [{"count": written}]
    assert slowest < 5


def test_a_migration_waits_for_its_turn_however_long(at_head: str) -> None:
    with contextlib.ExitStack() as running:
        with holding(at_head, f"SELECT pg_advisory_xact_lock({LOCK_KEY})"):
            process = running.enter_context(migrating(at_head, lock_timeout_seconds=0.1))
            assert process.stdout is not None
            said = next(line for line in process.stdout if "migrations.waiting" in line)
            time.sleep(0.5)
            assert process.poll() is None
        _, stderr = process.communicate()

    assert (process.returncode, stderr) == (0, "")
    assert "another migration" in said


def test_a_refused_lock_changes_nothing_and_says_so(new_database: NewDatabase, timescaledb: bool) -> None:
    """`workers` refers to `users`, so that `users` must be locked for a moment to make it."""
    url = new_database()
    statements = collector.complete(timescaledb=timescaledb)
    ask(url, *statements[: 2 if timescaledb else 1])
    before = catalogue(url, timescaledb=timescaledb)

    lock = holding(url, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
    with lock, migrating(url, lock_timeout_seconds=0.3) as process:
        _, stderr = process.communicate()

    assert process.returncode == 1
    assert "canceling statement due to lock timeout" in stderr
    assert "TBG_DATABASE_LOCK_TIMEOUT_SECONDS" in stderr
    assert stderr.count("\n") == 1
    assert catalogue(url, timescaledb=timescaledb) == before
    assert not exists(url, "alembic_version")


def test_a_complete_schema_is_adopted_although_its_tables_are_locked(at_head: str) -> None:
    """Nothing is missing, so nothing is touched but the collector's ledger."""
    ask(at_head, "DELETE FROM alembic_version")
    tables = "users, workers, shares, blocks, weekly_best_diff, mining_events, rate_limit_events"

    with (
        holding(at_head, f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"),
        migrating(at_head, lock_timeout_seconds=0.3) as process,
    ):
        _, stderr = process.communicate()

    assert (process.returncode, stderr) == (0, "")


@pytest.mark.parametrize("state", ["empty", "half_way"])
def test_a_killed_process_leaves_no_trace(request: pytest.FixtureRequest, state: str, timescaledb: bool) -> None:
    url = request.getfixturevalue(state)
    if state == "half_way":
        fill(url, compress=timescaledb)
    found = describe(url, timescaledb)

    def stop(process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()
        # The server notices while the statement still waits.
        wait_until(lambda: backends(url) == 0, 10)

    stopped_in_the_middle(url, stop)

    assert describe(url, timescaledb) == found
    migrate(url)
    assert found[1].items() <= (contents(url)).items()
    assert exists(url, "idx_ratelimit_ip")


def describe(url: str, timescaledb: bool) -> tuple[Any, dict[str, tuple[int, str]]]:
    has_extension = timescaledb and bool(ask(url, "SELECT FROM pg_extension WHERE extname = 'timescaledb'"))
    return catalogue(url, timescaledb=has_extension), contents(url)


def test_a_killed_server_leaves_no_trace(tmp_path: Path) -> None:
    """On an embedded server always: nobody would lend one for this."""
    with discarded(EmbeddedPostgres(tmp_path / "data")) as postgres:
        url = Server(postgres.admin_url, postgres.url).create("game")
        ask(url, *collector.half_way(timescaledb=False))
        fill(url, compress=False)
        found = describe(url, False)  # noqa: FBT003 - plain PostgreSQL

        def stop(process: subprocess.Popen[str]) -> None:
            kill(postgres)
            process.wait(20)

        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            stopped_in_the_middle(url, stop)
        postgres.start()

        assert describe(url, False) == found  # noqa: FBT003 - the same
        migrate(url)
        assert found[1].items() <= (contents(url)).items()
