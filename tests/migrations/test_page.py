"""docs/migrations.md, followed on a copy of the project as a new engineer would."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.databases import ask
from tests.support.environments import ROOT, full_environment

PAGE = (ROOT / "docs/migrations.md").read_text()
BLOCKS = dict(re.findall(r'```python title="([^"]+)"\n(.*?)```', PAGE, re.DOTALL))
END_OF_USER = "    is_verified: Mapped[bool | None] = mapped_column(server_default=sa.false())\n"


class Project:
    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self._environment = full_environment(database_url=url) | {"PYTHONPATH": str(root / "src")}
        for name in ("src", "alembic"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("alembic.ini", "pyproject.toml"):
            shutil.copy(ROOT / name, root)

    def run(self, *command: str) -> str:
        result = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.root,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def write(self, name: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(BLOCKS[name])

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert text.count(old) == 1
        (self.root / name).write_text(text.replace(old, new))


def test_the_page_can_be_followed(tmp_path: Path, at_head: str) -> None:
    project = Project(tmp_path, at_head)

    project.edit("src/tbg/db/models.py", END_OF_USER, END_OF_USER + BLOCKS["src/tbg/db/models.py User"])
    column = project.run("tbg", "migration", "add region")
    project.write("src/tbg/achievements/models.py")
    table = project.run("tbg", "migration", "add achievements")
    project.write("alembic/versions/004_find_achievements_by_time.py")
    project.edit("src/tbg/achievements/models.py", "func.now())", "func.now(), index=True)")

    assert column.endswith(f"{os.sep}002_add_region.py\n")
    assert (tmp_path / "alembic/versions/002_add_region.py").read_text() == BLOCKS["alembic/versions/002_add_region.py"]
    assert table.endswith(f"{os.sep}003_add_achievements.py\n")
    project.run("tbg", "migrate")
    project.run("alembic", "check")
    assert ask(at_head, "SELECT conname FROM pg_constraint WHERE conrelid = 'achievements'::regclass ORDER BY 1") == [
        {"conname": "achievements_pkey"},
        {"conname": "achievements_user_id_fkey"},
        {"conname": "achievements_user_id_name_key"},
    ]
    assert ask(
        at_head, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'idx_achievements_earned_at'::regclass"
    ) == [{"indisvalid": True}]
    project.run("alembic", "downgrade", "001_baseline")
    project.run("tbg", "migrate")
    project.run("ruff", "check", "alembic", "src/tbg/db")
    project.run("ruff", "format", "--check", "alembic")
