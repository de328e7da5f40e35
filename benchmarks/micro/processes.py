"""The processes that measure, seen from the one that compares."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import attrs

from tbg.dev.valkey import EmbeddedValkey
from tests.support.servers import discarded

ROOT: Final = Path(__file__).resolve().parents[2]
_GRACE_SECONDS: Final = 10

# What importing the service costs is what a process has used when it has done nothing else. A side without the package
# would have the one that is installed, which is the working tree's.
_PROGRAM: Final = """
import os, sys, time, tbg
if not os.path.realpath(tbg.__file__).startswith(os.getcwd() + os.sep):
    sys.exit(f"tbg comes from {tbg.__file__}")
import tbg.main
used = time.process_time_ns()
from benchmarks.micro.child import main
main(used)
"""


class MeasuringError(Exception):
    """A side cannot be measured at all; the message says why."""


@attrs.frozen
class Side:
    """Code to measure.

    Attributes:
        name: For people.
        root: Where its ``src``, ``tests`` and ``openapi.yaml`` are.
        python: The interpreter whose environment it runs in.
        scripts: The folder that holds ``benchmarks``; the same scripts measure both sides.
    """

    name: str
    root: Path = ROOT
    python: str = sys.executable
    scripts: Path = ROOT

    def environment(self, seed: int) -> dict[str, str]:
        """Return an environment in which this side is imported, and no setting comes from the outside."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith("TBG_")}
        path = os.pathsep.join(map(str, (self.scripts, self.root / "src", self.root)))
        return outside | {"PYTHONPATH": path, "PYTHONHASHSEED": str(seed)}


class Child:
    """A process that has built the application of one side, and measures what it is asked to.

    Args:
        side: Whose code.
        redis_url: Where it counts requests.
        seed: Of its dictionaries' order, which matters a little to how fast they are.
    """

    def __init__(self, side: Side, redis_url: str, seed: int) -> None:
        self._side = side
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(  # noqa: S603 - our own
            [side.python, "-P", "-c", _PROGRAM, redis_url],
            cwd=side.root,
            env=side.environment(seed),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,  # Ctrl-C is for the parent, whose end of the pipe then ends this one
        )
        try:
            self.boot: Mapping[str, float] = self._read()
        except BaseException:
            self.close()
            raise

    def measure(self, name: str, seconds: float) -> dict[str, Any]:
        """Return ``{"batches": [µs, …]}``, or ``{"missing": why}``."""
        assert self._process.stdin  # noqa: S101 - for the type checker
        try:
            print(json.dumps({"name": name, "seconds": seconds}), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise self._failure() from None
        return self._read()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin  # noqa: S101 - for the type checker
        assert self._process.stdout  # noqa: S101 - the same
        try:
            self._process.stdin.close()
            self._process.wait(_GRACE_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            pass
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout  # noqa: S101 - for the type checker
        line = self._process.stdout.readline()
        if not line:
            raise self._failure()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _failure(self) -> MeasuringError:
        self._process.wait(_GRACE_SECONDS)
        self._errors.seek(0)
        return MeasuringError(f"{self._side.name} cannot be measured:\n{self._errors.read().strip()[-2000:]}")


@contextmanager
def valkey() -> Iterator[str]:
    """Run an embedded Valkey, then keep to one core, so that every process that measures finds the same conditions."""
    with tempfile.TemporaryDirectory() as directory, discarded(EmbeddedValkey(Path(directory) / "valkey")) as server:
        if not hasattr(os, "sched_setaffinity"):
            yield server.url
            return
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(allowed)})
        try:
            yield server.url
        finally:
            os.sched_setaffinity(0, allowed)
