"""`tbg migrate` and the other commands, as processes."""

import asyncio
import subprocess
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.environments import ROOT, full_environment, tbg_command
from tests.support.texts import json_lines

MARKER = "Xk9-marker-password"


def run(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        tbg_command(*arguments), cwd="/", env=full_environment(**settings), capture_output=True, text=True, check=False
    )


async def revisions(url: str) -> list[str]:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT version_num FROM alembic_version"))
    await engine.dispose()
    return list(rows.scalars())


def test_migrate_can_be_repeated(postgres_url: str) -> None:
    first = run("migrate", database_url=postgres_url)
    after_first = asyncio.run(revisions(postgres_url))
    second = run("migrate", database_url=postgres_url)

    for result in (first, second):
        assert (result.returncode, result.stderr) == (0, "")
        assert all(line["level"] == "info" for line in json_lines(result.stdout))
        assert "tbgdev2026" not in result.stdout
    assert asyncio.run(revisions(postgres_url)) == after_first


@pytest.mark.parametrize("password", [MARKER, "p%40" + MARKER])
def test_migrate_says_why_it_cannot(password: str) -> None:
    result = run(
        "migrate", database_url=f"postgresql+asyncpg://tbg:{password}@127.0.0.1:9/thebitcoingame", log_level="DEBUG"
    )

    assert result.returncode == 1
    assert result.stderr.startswith("Error: the database postgresql+asyncpg://tbg:***@127.0.0.1:9/thebitcoingame")
    assert "TBG_DATABASE_URL" in result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert MARKER not in result.stdout + result.stderr


def test_the_driver_may_have_the_password(postgres_url: str) -> None:
    """As every PostgreSQL client, it takes what the URL does not say from PGPASSWORD: with any letters, unencoded."""
    parts = urlsplit(postgres_url)
    assert parts.password
    environment = full_environment(database_url=postgres_url.replace(f":{parts.password}@", "@"), log_level="DEBUG")
    right, wrong = (
        subprocess.run(
            tbg_command("migrate"),
            env=environment | {"PGPASSWORD": each},
            capture_output=True,
            text=True,
            check=False,
        )
        for each in (unquote(parts.password), f"{MARKER}@/?#%40")
    )

    assert (right.returncode, right.stderr) == (0, "")
    assert wrong.returncode == 1
    assert "password authentication failed" in wrong.stderr
    assert MARKER not in wrong.stdout + wrong.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["check"], ["settings"], ["--version"]])
def test_commands_work_anywhere_and_without_a_server(arguments: list[str]) -> None:
    result = run(
        *arguments,
        database_url=f"postgresql+asyncpg://tbg:{MARKER}@127.0.0.1:9/game",
        redis_url=f"redis://:{MARKER}@127.0.0.1:9",
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert MARKER not in result.stdout


def test_the_installed_command_is_the_same() -> None:
    installed = subprocess.run([ROOT / ".venv/bin/tbg", "--version"], capture_output=True, text=True, check=True)

    assert installed.stdout == run("--version").stdout
