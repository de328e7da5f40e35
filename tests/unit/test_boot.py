"""What the boot leaves out."""

import subprocess
import sys

import pytest

from tbg.config import PROJECT_ROOT
from tbg.server.boot import absent


def test_an_absent_package_cannot_be_imported_and_later_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with absent("this"), pytest.raises(ModuleNotFoundError):
        import this  # noqa: F401, PLC0415 - not loaded by anything else

    assert "this" not in sys.modules


def test_what_is_loaded_stays() -> None:
    with absent("json"):
        import json  # noqa: PLC0415 - inside on purpose

    assert sys.modules["json"] is json


def test_the_service_loads_nothing_that_it_does_not_use() -> None:
    unused = {"requests", "urllib3", "rich", "pygments", "alembic", "click.testing", "tbg.dev", "django"}
    code = "import runpy, sys; runpy.run_path('gunicorn.conf.py'); import tbg.main; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT)

    assert not unused & set(result.stdout.split())
