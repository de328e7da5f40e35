"""schemathesis, with every check and every phase, against real gunicorn: the service's own contract and a second one.

Each contract is fuzzed with a seed that never changes and with a fresh one, which `make` prints; give it back as
``FUZZ_SEED`` to see the same again. ``FUZZ_EXAMPLES`` sets how many cases each operation gets.
"""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import StartGunicorn
from tests.support.environments import ROOT, bare_environment

FIXED_SEED = 20261122
FRESH_SEED = int(os.environ.get("FUZZ_SEED") or secrets.randbits(32))
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "15")
HOOKS = Path(__file__).with_name("wire_hooks.py")
WORKERS_APP = "tests.contract.workers.app:create_app()"

# The service answers a fuzzer as any client, so it must not run out of requests, nor of patience on a busy machine.
UNLIMITED = {"rate_limit_requests": 1_000_000, "redis_timeout_seconds": 10.0}


def fuzz(url: str, contract: Path | str, seed: int, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run schemathesis as its users do; the result holds its report."""
    phases, checks = "examples,coverage,fuzzing,stateful", "all"
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(contract), "--url", url, "--seed", str(seed)]
    options = ["--checks", checks, "--phases", phases, "--max-examples", EXAMPLES, "--generation-database", "none"]
    return subprocess.run(
        [*command, *options, "--no-color", "--continue-on-failure", "--workers", "2"],
        cwd=directory,
        env=bare_environment(PYTHONWARNINGS="ignore", SCHEMATHESIS_HOOKS=str(HOOKS)),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("seed", [FIXED_SEED, FRESH_SEED], ids=["fixed", "fresh"])
@pytest.mark.parametrize("app", [None, WORKERS_APP], ids=["service", "workers"])
def test_nothing_is_found(app: str | None, seed: int, start_gunicorn: StartGunicorn, tmp_path: Path) -> None:
    service = start_gunicorn(app=app, **UNLIMITED)
    workers = service.worker_pids()

    result = fuzz(service.url, f"{service.url}/openapi.json", seed, tmp_path)

    assert result.returncode == 0, f"seed {seed}\n{result.stdout}\n{result.stderr}"
    assert "No issues found" in result.stdout
    assert service.worker_pids() == workers
    bad = [line for line in service.log() if line["level"] in {"error", "critical"} or "exception" in line]
    assert bad == []


def test_a_broken_promise_is_found(start_gunicorn: StartGunicorn, tmp_path: Path) -> None:
    service = start_gunicorn(**UNLIMITED)
    contract = yaml.safe_load((ROOT / "openapi.yaml").read_text())
    contract["components"]["schemas"]["Version"]["properties"]["version"]["type"] = "integer"
    broken = tmp_path / "broken.yaml"
    broken.write_text(yaml.safe_dump(contract))

    result = fuzz(service.url, broken, FIXED_SEED, tmp_path)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "Response violates schema" in result.stdout
