"""An older release on a database that a newer one has migrated, and on one that is somebody else's."""

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tbg.dev.ports import free_port
from tbg.dev.postgres import ADMIN, EmbeddedPostgres
from tests.support.catalogue import catalogue, contents, exists
from tests.support.databases import ask
from tests.support.environments import ROOT, full_environment
from tests.support.gunicorn import Gunicorn
from tests.support.servers import discarded
from tests.support.texts import json_lines

Release = Callable[..., Path]
Result = subprocess.CompletedProcess[str]

REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("users", sa.Column("{column}", sa.String(8), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "{column}")
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Make a release: this one, and further revisions, each of which adds a column."""

    def make(*revisions: str) -> Path:
        root = tmp_path_factory.mktemp("release")
        for name in ("alembic", "src"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("alembic.ini", "openapi.yaml", "gunicorn.conf.py"):
            shutil.copy(ROOT / name, root / name)
        before = "001_baseline"
        for number, name in enumerate(revisions):
            text = REVISION.format(name=name, before=before, column=f"column_{number}")
            (root / "alembic/versions" / f"{name}.py").write_text(text)
            before = name
        return root

    return make


@pytest.fixture(scope="module")
def newer(release: Release) -> Path:
    return release("002_add_one", "003_add_two")


def run(root: Path, url: str, *arguments: str, module: str = "tbg") -> Result:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=root,
        env=full_environment(database_url=url) | {"PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def revision(url: str) -> str:
    [row] = ask(url, "SELECT version_num FROM alembic_version")
    return str(row["version_num"])


@pytest.fixture
def ahead(empty: str, newer: Path) -> str:
    """A database that the newer release has migrated."""
    result = run(newer, empty, "migrate")
    assert (result.returncode, result.stderr) == (0, "")
    assert revision(empty) == "003_add_two"
    return empty


class TestNewer:
    def test_an_older_release_says_so_and_how_to_go_back(self, ahead: str) -> None:
        result = run(ROOT, ahead, "migrate")

        assert result.returncode == 1
        assert "it is at 003_add_two, this version leads to 001_baseline: a newer version" in result.stderr
        assert "--allow-newer" in result.stderr
        assert "TBG_DATABASE_URL" not in result.stderr
        assert "Traceback" not in result.stdout + result.stderr

    def test_it_leaves_the_database_alone_when_asked_to(self, ahead: str, timescaledb: bool) -> None:
        before = (catalogue(ahead, timescaledb=timescaledb), contents(ahead))
        result = run(ROOT, ahead, "migrate", "--allow-newer")

        assert (result.returncode, result.stderr) == (0, "")
        (line,) = [line for line in json_lines(result.stdout) if line["event"] == "migrations.newer"]
        assert (line["level"], line["database"], line["version"]) == ("warning", ["003_add_two"], ["001_baseline"])
        assert (catalogue(ahead, timescaledb=timescaledb), contents(ahead)) == before
        assert revision(ahead) == "003_add_two"

    def test_the_older_release_serves_it(self, ahead: str, redis_url: str, tmp_path: Path) -> None:
        environment = full_environment(port=free_port(), database_url=ahead, redis_url=redis_url)
        with Gunicorn(tmp_path, environment) as server, server.client() as client:
            assert client.get("/ready").status_code == 200

    def test_the_newer_release_goes_on_afterwards(self, ahead: str, release: Release) -> None:
        run(ROOT, ahead, "migrate", "--allow-newer")
        result = run(release("002_add_one", "003_add_two", "004_add_three"), ahead, "migrate", "--allow-newer")

        assert (result.returncode, result.stderr) == (0, "")
        assert revision(ahead) == "004_add_three"

    def test_a_release_between_goes_back_as_well(self, ahead: str, release: Release) -> None:
        assert run(release("002_add_one"), ahead, "migrate", "--allow-newer").returncode == 0

    def test_nothing_is_newer_after_a_downgrade(self, ahead: str, newer: Path) -> None:
        assert run(newer, ahead, "downgrade", "001_baseline", module="alembic").returncode == 0
        result = run(ROOT, ahead, "migrate")

        assert (result.returncode, result.stderr) == (0, "")

    @pytest.mark.parametrize("command", [["upgrade", "head"], ["stamp", "head"]], ids=" ".join)
    def test_alembic_itself_notes_it_too(self, at_head: str, newer: Path, command: list[str]) -> None:
        assert run(newer, at_head, *command, module="alembic").returncode == 0

        assert run(ROOT, at_head, "migrate", "--allow-newer").returncode == 0

    def test_a_branch_is_not_newer(self, ahead: str, release: Release) -> None:
        """This release has a revision that the database has never had."""
        result = run(release("002_mend_one"), ahead, "migrate", "--allow-newer")

        assert result.returncode == 1
        assert "it has had 001_baseline, 002_add_one, 003_add_two: a version from another branch" in result.stderr


class TestSomebodyElses:
    @pytest.mark.parametrize("name", ["002_add_accounts", "9f3b2c1d4e5f"])
    @pytest.mark.parametrize("options", [[], ["--allow-newer"]])
    def test_it_is_refused_with_the_likely_cause(self, empty: str, name: str, options: list[str]) -> None:
        ask(
            empty,
            "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)",
            f"INSERT INTO alembic_version VALUES ('{name}')",
        )
        result = run(ROOT, empty, "migrate", *options)

        assert result.returncode == 1
        assert name in result.stderr
        assert "another service keeps its own history" in result.stderr
        assert "a newer version" not in result.stderr
        assert not exists(empty, "users")

    def test_a_database_that_was_ours_and_that_another_service_went_on_with(self, at_head: str) -> None:
        """Both histories begin with `001_baseline`."""
        ask(at_head, "UPDATE alembic_version SET version_num = '002_add_accounts'")
        result = run(ROOT, at_head, "migrate", "--allow-newer")

        assert result.returncode == 1
        assert "002_add_accounts" in result.stderr


def test_a_database_without_a_note_gets_one(at_head: str, newer: Path) -> None:
    """It was migrated by a release that made none; the newer one is told from somebody else's from then on."""
    ask(at_head, "COMMENT ON TABLE alembic_version IS NULL")
    assert run(ROOT, at_head, "migrate").returncode == 0
    assert run(newer, at_head, "migrate").returncode == 0

    assert run(ROOT, at_head, "migrate", "--allow-newer").returncode == 0


def test_looking_writes_no_note(at_head: str) -> None:
    ask(at_head, "COMMENT ON TABLE alembic_version IS 'ours'")
    assert run(ROOT, at_head, "current", module="alembic").returncode == 0

    assert ask(at_head, "SELECT obj_description('alembic_version'::regclass) AS note") == [{"note": "ours"}]


def test_the_note_is_no_condition(tmp_path: Path) -> None:
    """Whoever may change Alembic's table need not own it."""
    with discarded(EmbeddedPostgres(tmp_path / "data")) as postgres:
        assert run(ROOT, postgres.url, "migrate").returncode == 0
        ask(postgres.url, "COMMENT ON TABLE alembic_version IS NULL")
        (password,) = re.findall(f":{ADMIN}:(.*)", postgres.password_path.read_text())
        ask(
            re.sub("//[^@]*@", f"//{ADMIN}:{password}@", postgres.url),
            f"ALTER TABLE alembic_version OWNER TO {ADMIN}",
            "GRANT ALL ON alembic_version TO tbg",
        )
        result = run(ROOT, postgres.url, "migrate")
        note = ask(postgres.url, "SELECT obj_description('alembic_version'::regclass) AS note")

    assert (result.returncode, result.stderr, note) == (0, "", [{"note": None}])


class TestWaiting:
    def test_a_database_that_starts_late_is_waited_for(self, tmp_path: Path) -> None:
        results: list[Result] = []
        with discarded(EmbeddedPostgres(tmp_path / "data")) as postgres:
            url = postgres.url
            postgres.stop()
            thread = threading.Thread(target=lambda: results.append(run(ROOT, url, "migrate", "--wait", "60")))
            thread.start()
            time.sleep(3)
            assert thread.is_alive()
            postgres.start()
            thread.join(60)
            assert postgres.url == url

        assert (results[0].returncode, results[0].stderr) == (0, "")
        assert [line for line in json_lines(results[0].stdout) if line["event"] == "migrations.database_awaited"]

    def test_but_not_for_ever(self) -> None:
        begun = time.monotonic()
        result = run(ROOT, f"postgresql+asyncpg://tbg:x@127.0.0.1:{free_port()}/none", "migrate", "--wait", "2")

        assert result.returncode == 1
        assert 1 < time.monotonic() - begun < 15

    def test_and_not_for_one_that_refuses(self, at_head: str) -> None:
        result = run(ROOT, re.sub(":[^:@/]*@", ":wrong@", at_head), "migrate", "--wait", "60")

        assert result.returncode == 1
        assert "password" in result.stderr
