"""`.env`: every mistake is a sentence that names the file and the line."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tbg import cli
from tbg.config import Settings, SettingsError, options, unknown_variables
from tbg.env_file import read_env_file
from tests.support.root import AS_ROOT
from tests.support.texts import as_variable


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TBG_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ("TBG_PORT=1\n# caf\u00e9\n".encode("latin-1"), "line 2: has a byte that is not UTF-8: save it as UTF-8"),
        ("TBG_PORT=1\n".encode("utf-16"), "line 1: is UTF-16: save it as UTF-8"),
        (b"\xfe\xff\0T", "line 1: is UTF-16: save it as UTF-8"),
        ("TBG_PORT=1\n".encode("utf-16-le"), "line 1: has a byte of value zero: save it as UTF-8 text"),
        (b"A=1\n\nTBG_PORT=1\0\n", "line 3: has a byte of value zero: save it as UTF-8 text"),
        (b"\n\nTBG_PORT\n", "line 3: TBG_PORT has no value: write TBG_PORT=value, or remove the line"),
        (b"export TBG_PORT\n", "line 1: TBG_PORT has no value: write TBG_PORT=value, or remove the line"),
        (b"TBG_PORT=1\r\n\r\nTBG_PORT=2\r\n", "line 3: TBG_PORT is set in line 1 already: remove one of the two"),
        (b"A=1\nTBG_PORT 1\n", "line 2: is not of the form NAME=value: mend it, or begin it with #"),
        (b"A=1\n\n=1\n", "line 3: is not of the form NAME=value: mend it, or begin it with #"),
        (b"TBG_APP_VERSION='a\n", "line 1: is not of the form NAME=value: mend it, or begin it with #"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(env_file: Path, content: bytes, finding: str) -> None:
    env_file.write_bytes(content)

    with pytest.raises(SettingsError) as refused:
        Settings.load(env_file)

    assert refused.value.findings[0] == f"{env_file}, {finding}"


@pytest.mark.parametrize(
    "content",
    [
        b"TBG_PORT=4321",
        b"\xef\xbb\xbfTBG_PORT=4321\n",
        b"export TBG_PORT=4321\n",
        b"TBG_PORT = 4321 # a comment\n",
        b"TBG_PORT='4321'\r\nOTHER\r\nOTHER=1\r\n",
        b'TBG_PORT="4321"\rA=1',
        "# \u00e4\u20bf\nTBG_PORT=4321\n".encode(),
        b"P=4321\nTBG_PORT=${P}\n",
    ],
)
def test_what_is_right_is_read(env_file: Path, content: bytes) -> None:
    env_file.write_bytes(content)

    assert Settings.load(env_file).port == 4321


def test_a_directory_in_its_place(env_file: Path) -> None:
    """Docker makes one where it is to mount a file that is missing."""
    env_file.mkdir()

    with pytest.raises(SettingsError, match=r"\.env: is not a file: put a file of NAME=value lines there, or nothing"):
        Settings.load(env_file)


def test_a_pipe_in_its_place_is_not_waited_for(env_file: Path) -> None:
    os.mkfifo(env_file)

    with pytest.raises(SettingsError, match="is not a file"):
        Settings.load(env_file)


def test_no_end_of_it(env_file: Path) -> None:
    env_file.symlink_to("/dev/zero")

    with pytest.raises(SettingsError, match="is larger than 1048576 bytes"):
        Settings.load(env_file)


@pytest.mark.parametrize("target", ["/dev/null", "/nowhere", "/dev/null/nothing"])
def test_what_stands_for_no_file(env_file: Path, target: str) -> None:
    env_file.symlink_to(target)

    assert Settings.load(env_file) == Settings()


@AS_ROOT
def test_a_file_that_may_not_be_read(env_file: Path) -> None:
    """In a process, which gives up what root may before it reads; the interpreter may be in root's home."""
    env_file.write_text("TBG_PORT=1\n")
    env_file.chmod(0)
    program = (
        "import os, pathlib, sys, encodings.idna\nfrom tbg.env_file import read_env_file\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "sys.stdout.write(read_env_file(pathlib.Path(sys.argv[1]), 'TBG_').findings[0])"
    )
    for directory in env_file.parents[:3]:
        directory.chmod(directory.stat().st_mode | stat.S_IXOTH)

    result = subprocess.run([sys.executable, "-c", program, env_file], check=True, capture_output=True, text=True)

    assert result.stdout.endswith(".env: cannot be read (Permission denied): make it a file that this user can read")


@pytest.mark.parametrize("variable", [name for name, _ in options()])
def test_what_is_set_to_nothing_is_not_set(env_file: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Compose hands on `TBG_DEBUG=` for a variable that is not there."""
    defaults = Settings()
    env_file.write_text(f"{variable}=\n")
    monkeypatch.setenv(variable, "")

    assert Settings.load(env_file) == defaults


def test_nothing_in_the_environment_leaves_the_file_its_say(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file.write_text("TBG_PORT=4321\n")
    monkeypatch.setenv("TBG_PORT", "")

    assert Settings.load(env_file).port == 4321


@pytest.mark.parametrize("text", [os.fsdecode(content) for content in (b"\xff", b"a\xe4b", b"\xed\xa0\x80")])
@pytest.mark.parametrize("variable", ["TBG_APP_VERSION", "TBG_CONTRACT_PATH", "TBG_DATABASE_URL", "TBG_CORS_ORIGINS"])
def test_bytes_that_are_no_text_are_refused(monkeypatch: pytest.MonkeyPatch, variable: str, text: str) -> None:
    monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsError, match=f"{variable}: is not UTF-8 text; it must be"):
        Settings.load(None)


def test_a_path_is_kept_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TBG_CONTRACT_PATH", "/a b/\u00e4%$'\"#/openapi.yaml")

    assert Settings.load(None).contract_path == Path("/a b/\u00e4%$'\"#/openapi.yaml")


class TestUnknown:
    @pytest.fixture(autouse=True)
    def _file(self, env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        env_file.write_text("TBG_PROT=1\nTBG_DB_PASSWORD=x\nTBG_API_PORT=1\nOTHER=1\nTBG_DEV_RELOAD=1\n")
        monkeypatch.setenv("TBG_DEBGU", "true")

    def test_names_in_both_places_are_found(self, env_file: Path) -> None:
        assert unknown_variables(env_file=env_file) == ["TBG_DEBGU", "TBG_PROT"]

    @pytest.mark.parametrize("command", ["check", "settings"])
    def test_commands_warn_of_them(self, command: str) -> None:
        result = CliRunner().invoke(cli.main, [command])

        assert result.exit_code == 0
        warning = "warning: TBG_DEBGU is no setting, so nothing reads it; `tbg settings` lists them all"
        assert warning in result.stderr.splitlines()


def test_values_are_those_that_the_library_reads(env_file: Path) -> None:
    env_file.write_text("".join(f"{name}={as_variable(field.default)}\n" for name, field in options() if field.default))

    assert read_env_file(env_file, "TBG_").findings == []
