"""docs/adding-a-feature.md, applied to a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r'```(?:yaml|python) title="([^"]+)"\n(.*?)```', re.DOTALL)
_SECTIONS = {"tags": "\ntags:\n", "paths": "\npaths:\n", "schemas": "\n  schemas:\n", "responses": "\n  responses:\n"}

_CALL = """
import falcon.testing
from tbg.main import create_app

client = falcon.testing.TestClient(create_app())
for hashrate in ("100", "fast", "999999999"):
    result = client.simulate_get("/estimates/block", params={"hashrate_ths": hashrate})
    print(result.status_code, result.text)
"""


def _apply(page: Path, project: Path) -> None:
    for title, text in _BLOCK.findall(page.read_text()):
        file, _, section = title.partition(" ")
        target = project / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if section:
            head, separator, tail = target.read_text().partition(_SECTIONS[section])
            target.write_text(head + separator + text + tail)
        else:
            target.write_text(text)


def _python(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(project / "src"), "TBG_REDIS_URL": "redis://127.0.0.1:1/0"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_page_adds_a_feature_that_works(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "openapi.yaml", tmp_path)
    _apply(ROOT / "docs" / "adding-a-feature.md", tmp_path)

    check = _python(tmp_path, "-m", "tbg", "check", "--strict")
    call = _python(tmp_path, "-c", _CALL)

    assert check.returncode == 0, check.stdout + check.stderr
    assert "getBlockEstimate" in check.stdout
    answers = [line for line in call.stdout.splitlines() if not line.startswith('{"')]
    assert answers == [
        '200 {"average_days":48611.1}',
        (
            '422 {"detail":"The request does not satisfy the contract","errors":[{"in":"query",'
            '"pointer":"/hashrate_ths","code":"type","detail":"must be of type number"}]}'
        ),
        '409 {"detail":"The whole network has less than that"}',
    ], call.stdout + call.stderr


def test_each_forgotten_step_is_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "openapi.yaml", tmp_path)
    _apply(ROOT / "docs" / "adding-a-feature.md", tmp_path)
    shutil.copy(ROOT / "openapi.yaml", tmp_path)
    without_contract = _python(tmp_path, "-m", "tbg", "check")
    _apply(ROOT / "docs" / "adding-a-feature.md", tmp_path)
    shutil.copy(ROOT / "src" / "tbg" / "features.py", tmp_path / "src" / "tbg")
    without_line = _python(tmp_path, "-m", "tbg", "check")
    (tmp_path / "src" / "tbg" / "features.py").write_text("from tbg import estimats\n")
    without_package = _python(tmp_path, "-c", "from tbg.main import create_app; create_app()")

    assert without_contract.returncode == 1
    assert "GET /estimates/block: served by BlockEstimateResource.on_get, but" in without_contract.stderr
    assert without_line.returncode == 1
    assert "GET /estimates/block: promised as 'getBlockEstimate', but" in without_line.stderr
    assert "src/tbg/features.py:1: tbg.features cannot be imported: ImportError: " in without_package.stderr
