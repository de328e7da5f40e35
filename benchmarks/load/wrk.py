"""The load generator: wrk, from PATH or from where ``requirements/benchmarks.sh`` has unpacked it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

import attrs

from benchmarks.load.targets import Case

_HERE: Final = Path(__file__).parent
_UNPACKED: Final = _HERE.parents[1] / ".bench" / "wrk.sh"
_TIMEOUT_SECONDS: Final = 10


class WrkError(RuntimeError):
    """wrk is missing, or said nothing of use; the message has what it said."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What wrk has seen.

    Attributes:
        wrong: Answers with another status than expected.
        failed: Connections that could not be made, or broke.
        late: Answers that took longer than ten seconds, or never came.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    wrong: int
    failed: int
    late: int

    @property
    def errors(self) -> int:
        """Everything that should not have happened."""
        return self.wrong + self.failed + self.late


def ask(case: Case, port: int, seconds: int) -> Outcome:
    """Ask with so many kept connections, from one thread, for so many whole seconds.

    Raises:
        WrkError: There is no wrk, or it failed.
    """
    done = subprocess.run(  # noqa: S603 - our own arguments
        [program(), *_options(case, seconds), f"http://127.0.0.1:{port}{case.url}", "--", *_arguments(case)],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return _outcome(json.loads(line.removeprefix("RESULT ")))
    raise WrkError(f"wrk failed:\n{done.stdout}{done.stderr}")


def program() -> str:
    """Return wrk's path.

    Raises:
        WrkError: There is none.
    """
    found = shutil.which("wrk") or shutil.which(_UNPACKED)
    if found is None:
        raise WrkError("wrk is missing: run `make bench`, or install it")
    return found


def _options(case: Case, seconds: int) -> list[str]:
    script = str(_HERE / "load.lua")
    return ["-t1", f"-c{case.connections}", f"-d{seconds}s", f"--timeout={_TIMEOUT_SECONDS}s", "-s", script]


def _arguments(case: Case) -> list[str]:
    return [case.kind, str(case.status), str(_HERE / "worker.json.template")]


def _outcome(said: dict[str, int]) -> Outcome:
    return Outcome(
        requests=said["requests"],
        seconds=said["microseconds"] / 1e6,
        p50_ms=said["p50"] / 1e3,
        p99_ms=said["p99"] / 1e3,
        wrong=said["wrong"],
        failed=said["socket"],
        late=said["timeout"],
    )
