"""A checkout may lie anywhere: the real service starts from a path with every kind of character."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tbg.config import PROJECT_ROOT
from tbg.dev.ports import free_port
from tbg.dev.state import clean
from tests.support.environments import bare_environment
from tests.support.gunicorn import wait_until

NAME = "a b'c\"d\\e%f%(g)s#h$i ${j};&`k` ~[l]* \u00e4\u20bf"
NEEDED = ("Makefile", "alembic", "alembic.ini", "gunicorn.conf.py", "openapi.yaml", "src", "requirements")


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A copy of this checkout that every user can enter, with this one's packages."""
    with tempfile.TemporaryDirectory(prefix="tbg-paths-") as directory:
        Path(directory).chmod(0o755)
        root = Path(directory) / NAME
        root.mkdir()
        for name in NEEDED:
            source = PROJECT_ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
        yield root
        clean(root)


def run(root: Path, *arguments: str, **variables: str) -> "subprocess.Popen[bytes]":
    """Run the copy's `tbg` command, not the installed one."""
    environment = bare_environment(**variables) | {"PYTHONPATH": str(root / "src")}
    return subprocess.Popen(
        [sys.executable, "-m", "tbg", *arguments],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def text_of(process: "subprocess.Popen[bytes]") -> str:
    return process.communicate(timeout=60)[0].decode()


def output_of_a_service(process: "subprocess.Popen[bytes]", port: int) -> str:
    """Wait until it is ready, end it, and return what it has said."""

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
        except httpx.TransportError:
            return process.poll() is not None

    try:
        wait_until(answers, 60, "the service")
        process.terminate()
        return text_of(process)
    finally:
        process.kill()


@pytest.mark.parametrize("options", [(), ("--reload",)], ids=["", "reload"])
def test_tbg_dev_starts_everything_from_there(checkout: Path, options: tuple[str, ...]) -> None:
    port = free_port()

    process = run(checkout, "dev", "--port", str(port), *options)
    output = output_of_a_service(process, port)

    assert process.returncode == 0, output
    assert "Running upgrade" in output
    assert "Ready in" in output
    passwords = [
        *(checkout / ".tbg" / "valkey.password").read_text().split(),
        *(line.rpartition(":")[2] for line in (checkout / ".tbg" / "postgres.pgpass").read_text().split()),
    ]
    assert len(passwords) == 3
    assert not [password for password in passwords if password in output]
    assert stat.S_IMODE((checkout / ".tbg").stat().st_mode) & 0o007 == 0


def test_commands_work_from_there(checkout: Path, postgres_url: str) -> None:
    (checkout / ".env").write_text("TBG_PROT=1\n")
    for command in ("check", "settings", "migrate"):
        process = run(checkout, command, TBG_DATABASE_URL=postgres_url)

        output = text_of(process)

        assert process.returncode == 0, output
        assert "warning: TBG_PROT is no setting" in output


def test_a_misspelt_name_in_the_file_is_logged(checkout: Path, postgres_url: str, redis_url: str) -> None:
    (checkout / ".env").write_text("TBG_PROT=1\n")
    port = free_port()
    urls = {"TBG_DATABASE_URL": postgres_url, "TBG_REDIS_URL": redis_url}

    output = output_of_a_service(run(checkout, "serve", TBG_PORT=str(port), WEB_CONCURRENCY="1", **urls), port)

    assert '"variables": ["TBG_PROT"]' in output
    assert "settings.unknown" in output


def test_a_locale_without_the_path_s_letters_ends_in_a_sentence(checkout: Path) -> None:
    """Python itself cannot load compiled modules from there."""
    process = run(checkout, "check", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")

    output = text_of(process)

    assert process.returncode == 1
    assert output.startswith("Error: Python cannot load this service from ")
    assert os.fspath(checkout) in output
    assert "set LC_ALL=C.UTF-8" in output
