"""The service and its commands in a locale that has no letters but ASCII's, as cron, init and bare containers give."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tbg.config import PROJECT_ROOT
from tbg.dev.ports import free_port
from tests.support.environments import ROOT, bare_environment, full_environment, tbg_command
from tests.support.gunicorn import Gunicorn

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LETTERS = "caf\u00e9 \u20bf"


@pytest.fixture
def contract(tmp_path: Path) -> Iterator[Path]:
    """The service's contract with more letters than ASCII has, in its path too."""
    path = tmp_path / LETTERS / "openapi.yaml"
    path.parent.mkdir()
    text = (PROJECT_ROOT / "openapi.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("\n  title: ", f"\n  title: {LETTERS} ", 1), encoding="utf-8")
    yield path
    shutil.rmtree(path.parent)


def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[bytes]":
    environment = bare_environment(**ASCII) | variables
    return subprocess.run(tbg_command(*arguments), cwd=ROOT, env=environment, check=False, capture_output=True)


def test_the_service_boots(tmp_path: Path, postgres_url: str, redis_url: str, contract: Path) -> None:
    chosen = {"app_version": LETTERS, "contract_path": contract, "debug": True}
    environment = full_environment(port=free_port(), database_url=postgres_url, redis_url=redis_url, **chosen)
    with Gunicorn(tmp_path, environment | ASCII) as server, server.client() as client:
        document = client.get("/openapi.yaml")
        version = client.get("/version").json()["version"]
        docs = client.get("/docs")
        missing = client.get("/\u20bf")

    assert f"title: {LETTERS} " in document.text
    assert version == LETTERS
    assert docs.status_code == 200
    assert missing.status_code == 404


@pytest.mark.parametrize("command", ["check", "settings"])
def test_commands_print_what_they_can(command: str, contract: Path) -> None:
    result = run(command, TBG_CONTRACT_PATH=str(contract), TBG_APP_VERSION=LETTERS)

    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.isascii()
    assert b"GET /version" in result.stdout or b"caf\\xe9 \\u20bf" in result.stdout


@pytest.mark.parametrize("from_file", [True, False])
def test_settings_are_utf8_wherever_they_stand(tmp_path: Path, *, from_file: bool) -> None:
    env_file = tmp_path / ".env"
    text = f"TBG_APP_VERSION='{LETTERS}'\nTBG_CONTRACT_PATH='/{LETTERS}'\n" if from_file else ""
    env_file.write_text(text, encoding="utf-8")
    program = (
        "import os, pathlib, sys\nfrom tbg.config import Settings\n"
        "settings = Settings.load(pathlib.Path(sys.argv[1]))\n"
        "sys.stdout.buffer.write(settings.app_version.encode() + os.fsencode(settings.contract_path))"
    )
    variables = {} if from_file else {"TBG_APP_VERSION": LETTERS, "TBG_CONTRACT_PATH": f"/{LETTERS}"}

    result = subprocess.run(
        [sys.executable, "-c", program, env_file],
        env=bare_environment(**ASCII) | variables,
        check=True,
        capture_output=True,
    )

    assert result.stdout.decode() == f"{LETTERS}/{LETTERS}"


def test_migrations_run(postgres_url: str) -> None:
    result = run("migrate", TBG_DATABASE_URL=postgres_url)

    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize("command", ["check", "settings", "migrate", "serve", "dev"])
@pytest.mark.parametrize("text", [b"caf\xe9", b"\xff\xfe"])
def test_bytes_that_are_no_text_end_in_a_sentence(command: str, text: bytes) -> None:
    environment = {name.encode(): value.encode() for name, value in bare_environment(**ASCII).items()}
    result = subprocess.run(
        tbg_command(command), cwd=ROOT, env=environment | {b"TBG_CONTRACT_PATH": text}, check=False, capture_output=True
    )

    assert result.returncode == 1
    assert b"TBG_CONTRACT_PATH: is not UTF-8 text; it must be a path" in result.stderr
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("variable", ["TBG_APP_VERSION", "TBG_HOST", "TBG_CORS_ORIGINS", "TBG_LOG_LEVEL"])
def test_a_refusal_of_other_letters_is_a_sentence(variable: str) -> None:
    result = run("settings", **{variable: LETTERS * 20})

    assert result.returncode == 1
    assert f"{variable}: ".encode() in result.stderr
    assert b"Traceback" not in result.stderr
