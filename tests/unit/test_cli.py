"""The `tbg` command, in this process."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tbg import __version__, cli
from tbg.app import build_app
from tbg.checking import check_contract
from tbg.config import PROJECT_ROOT, Settings, options
from tbg.contract import Contract, ContractError
from tbg.infrastructure import Infrastructure
from tbg.server.concurrency import worker_count

ROOT_CONTRACT = (PROJECT_ROOT / "openapi.yaml").read_text()
SERVED = {
    "getHealth": "GET /health",
    "getReadiness": "GET /ready",
    "getVersion": "GET /version",
    "getContractAsYaml": "GET /openapi.yaml",
    "getContractAsJson": "GET /openapi.json",
}


@pytest.fixture
def tbg(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command with nothing but these variables set."""

    def run(*arguments: str, **variables: str) -> Result:
        for name in os.environ:
            if name.startswith("TBG_") or name == "WEB_CONCURRENCY":
                monkeypatch.delenv(name)
        for variable, field in options():
            if variable not in variables and isinstance(field.default, str) and variable != "TBG_CONTRACT_PATH":
                variables[variable] = str(field.default)
        return CliRunner().invoke(cli.main, arguments, env=dict(variables))

    return run


def test_help_lists_every_command(tbg: Callable[..., Result]) -> None:
    for help_ in ("--help", "-h"):
        result = tbg(help_)

        assert result.exit_code == 0
        assert all(f"  {name} " in result.output for name in cli.main.commands)


@pytest.mark.parametrize("command", ["dev", "serve", "check", "settings", "migrate"])
def test_every_command_explains_itself(tbg: Callable[..., Result], command: str) -> None:
    result = tbg(command, "--help")

    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main {command} [OPTIONS]")
    explanation = result.output.splitlines()[2].strip()
    assert explanation.startswith(cli.main.commands[command].help.split(maxsplit=1)[0])  # type: ignore[union-attr]  # all have one


def test_these_are_all_commands() -> None:
    assert set(cli.main.commands) == {"dev", "serve", "check", "settings", "migrate", "migration"}


def test_the_version(tbg: Callable[..., Result]) -> None:
    assert tbg("--version").output == f"tbg, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["check", "--nonsense"], ["dev", "--port", "0"], ["dev", "--workers", "0"]]
)
def test_a_wrong_command_line_is_refused(tbg: Callable[..., Result], arguments: list[str]) -> None:
    result = tbg(*arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")


@pytest.mark.parametrize("command", ["dev", "check", "settings", "migrate"])
def test_bad_settings_are_said_in_plain_words(tbg: Callable[..., Result], command: str) -> None:
    result = tbg(command, TBG_PORT="many", TBG_DATABASE_URL="mysql://u:Xk9-marker@h")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The settings cannot be used:\n  - TBG_PORT: 'many' is not allowed")
    assert "TBG_DATABASE_URL: *** is not allowed" in result.stderr
    assert "marker" not in result.output


class TestSettings:
    def test_every_variable_is_listed_with_its_meaning(self, tbg: Callable[..., Result]) -> None:
        result = tbg("settings")

        assert result.exit_code == 0
        for variable, field in options():
            (row,) = [line for line in result.output.splitlines() if f" {variable} " in line]
            assert f" {field.metadata['meaning']} " in row

    def test_current_values_stand_beside_the_defaults(self, tbg: Callable[..., Result]) -> None:
        result = tbg("settings", TBG_PORT="4321", TBG_CORS_ORIGINS='["https://app.example.com"]')

        (row,) = [line for line in result.output.splitlines() if " TBG_PORT " in line]
        assert [cell.strip() for cell in row.split("│")[1:-1]] == [
            "TBG_PORT", "whole number", "8000", "4321", "port to listen on",
        ]  # fmt: skip
        assert '["https://app.example.com"]' in result.output

    def test_secrets_are_masked(self, tbg: Callable[..., Result]) -> None:
        result = tbg(
            "settings",
            TBG_DATABASE_URL="postgresql+asyncpg://u:Xk9-marker@db/game?password=Xk9-marker",
            TBG_REDIS_URL="redis://:Xk9-marker@cache",
        )

        assert "postgresql+asyncpg://u:***@db/game" in result.output
        assert "redis://:***@cache" in result.output
        assert "marker" not in result.output
        assert "tbgdev2026" not in result.output


class TestCheck:
    @pytest.fixture
    def contract(self, tmp_path: Path) -> Callable[[str, str], Path]:
        """Write the root contract with one text replaced by another."""

        def write(old: str, new: str) -> Path:
            assert old in ROOT_CONTRACT
            path = tmp_path / "openapi.yaml"
            path.write_text(ROOT_CONTRACT.replace(old, new))
            return path

        return write

    def test_the_project_agrees_with_itself(self, tbg: Callable[..., Result]) -> None:
        result = tbg("check")

        assert (result.exit_code, result.stderr) == (0, "")
        rows = [line for line in result.output.splitlines() if line.startswith("│")]
        assert len(rows) == len(SERVED)
        for operation, where in SERVED.items():
            (row,) = [row for row in rows if f" {operation} " in row]
            assert f" {where} " in row
            assert ".on_get " in row
            assert "200" in row
            assert "500" in row

    def test_a_missing_operation_is_listed(
        self, tbg: Callable[..., Result], contract: Callable[[str, str], Path]
    ) -> None:
        path = contract("\n  /ready:\n", "\n  /readiness:\n")
        result = tbg("check", "--contract", str(path))

        assert result.exit_code == 1
        errors = result.stderr.splitlines()
        assert len(errors) == 2
        assert errors[0].startswith("error: GET /readiness: promised as 'getReadiness'")
        assert errors[1].startswith("error: GET /ready: served by ReadinessResource.on_get")
        assert "not promised" in result.stdout
        assert "nothing" in result.stdout

    def test_every_difference_is_listed(self, tbg: Callable[..., Result], contract: Callable[[str, str], Path]) -> None:
        path = contract('        "500": { $ref: "#/components/responses/InternalServerError" }\n', "")
        result = tbg("check", TBG_CONTRACT_PATH=str(path))

        assert result.exit_code == 1
        lines = [line for line in result.stderr.splitlines() if "can answer 500, which is not documented" in line]
        assert len(lines) == len(SERVED)

    @pytest.mark.parametrize("content", [None, "", "[]", "openapi: [", "openapi: 3.0.3\ninfo: {}\npaths: {}\n"])
    def test_what_is_no_contract_is_said_to_be_none(
        self, tbg: Callable[..., Result], tmp_path: Path, content: str | None
    ) -> None:
        path = tmp_path / "openapi.yaml"
        if content is not None:
            path.write_text(content)
        result = tbg("check", "--contract", str(path))

        assert result.exit_code == 1
        assert str(path) in result.stderr
        assert "Traceback" not in result.output

    def test_a_finding_is_a_line_with_its_place(
        self, tbg: Callable[..., Result], contract: Callable[[str, str], Path]
    ) -> None:
        path = contract("maxLength: 1000", "maxlength: 1000")
        lines = [number for number, line in enumerate(path.read_text().splitlines(), 1) if "maxlength" in line]
        result = tbg("check", "--contract", str(path))

        assert result.exit_code == 1
        headline, *errors = result.stderr.splitlines()
        assert headline == f"The contract {path} cannot be used:"
        assert len(errors) == len(lines) > 1
        for number, error in zip(lines, errors, strict=True):
            assert error.startswith(f"error: openapi.yaml:{number}: ")
            assert error.endswith("maxlength is no keyword of JSON Schema 2020-12: did you mean maxLength?")

    @pytest.mark.parametrize("name", ["x-ratelimit", "x-rate-limits", "x-limit-rate"])
    def test_a_misspelt_limit_is_an_error(
        self, tbg: Callable[..., Result], contract: Callable[[str, str], Path], name: str
    ) -> None:
        path = contract("x-rate-limit: default", f"{name}: default")
        lines = [number for number, line in enumerate(path.read_text().splitlines(), 1) if name in line]
        result = tbg("check", "--contract", str(path))

        assert result.exit_code == 1
        assert result.stderr.splitlines() == [
            f"error: openapi.yaml:{number}: {name} is not read by anything: did you mean x-rate-limit?"
            for number in lines
        ]
        with pytest.raises(ContractError, match=f"{name} is not read by anything"):
            build_app(Infrastructure.from_settings(Settings()), Contract.load(path), [])

    def test_a_warning_fails_only_when_told_to(
        self, tbg: Callable[..., Result], contract: Callable[[str, str], Path]
    ) -> None:
        path = contract("    Health:\n", "    Error: { type: boolean, nullable: true }\n    Health:\n")
        line = path.read_text().splitlines().index("    Error: { type: boolean, nullable: true }") + 1
        lenient, strict = (tbg("check", "--contract", str(path), *options) for options in ([], ["--strict"]))

        assert (lenient.exit_code, strict.exit_code) == (0, 1)
        assert strict.stderr == lenient.stderr
        assert [each.partition(": ")[2].partition(":")[0] for each in strict.stderr.splitlines()] == [
            "openapi.yaml"
        ] * 3
        assert all(each.startswith(f"warning: openapi.yaml:{line}: ") for each in strict.stderr.splitlines())

    def test_broken_features_are_named_beside_a_broken_contract(
        self, tbg: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tbg.assembly._LOCATION", "tbg.no_features")
        (tmp_path / "openapi.yaml").write_text("{}")
        both = tbg("check", "--contract", str(tmp_path / "openapi.yaml"))
        alone = tbg("check")

        for result in (both, alone):
            assert result.exit_code == 1
            assert "tbg.no_features cannot be imported: ModuleNotFoundError: No module named" in result.stderr
            assert "Traceback" not in result.output
        assert "openapi: must be 3.1.x" in both.stderr

    def test_it_connects_to_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        settings = Settings(port=1)

        assert check_contract(settings, settings.contract_path) == 0
        assert capsys.readouterr().err == ""


class TestMigrate:
    def test_it_brings_the_database_to_the_newest_schema(self, tbg: Callable[..., Result], postgres_url: str) -> None:
        result = tbg("migrate", TBG_DATABASE_URL=postgres_url)

        assert (result.exit_code, result.stderr) == (0, "")

    def test_it_says_why_it_cannot(self, tbg: Callable[..., Result]) -> None:
        result = tbg("migrate", TBG_DATABASE_URL="postgresql+asyncpg://u:Xk9-marker@127.0.0.1:9/d")

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: the database postgresql+asyncpg://u:***@127.0.0.1:9/d")
        assert "marker" not in result.output


class TestConcurrency:
    @pytest.mark.parametrize(("text", "count"), [("1", 1), ("12", 12)])
    def test_the_environment_says_how_many(self, text: str, count: int) -> None:
        assert worker_count({"WEB_CONCURRENCY": text}) == count

    @pytest.mark.parametrize("environment", [{}, {"WEB_CONCURRENCY": ""}])
    def test_else_there_is_one_per_usable_core(self, environment: dict[str, str]) -> None:
        assert 1 <= worker_count(environment) <= (os.cpu_count() or 1)

    @pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", " ", "\u0663"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(SystemExit, match=r"WEB_CONCURRENCY: .* must be a whole number of workers, from 1"):
            worker_count({"WEB_CONCURRENCY": text})
