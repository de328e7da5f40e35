"""The stored figures, and how today's compare with them."""

import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs
import msgspec

from benchmarks.micro.figures import CALIBRATION, FIGURES, Figure

STORED: Final = Path(__file__).with_name("baseline.json")

Values = Mapping[str, float]


@attrs.frozen
class Baseline:
    """Figures, and where they are from.

    Attributes:
        calibration: Microseconds of `benchmarks.micro.calibration` on that machine, at that time.
        figures: By name; one that could not be measured is not there.
    """

    machine: str
    python: str
    date: str
    commit: str
    calibration: float
    figures: dict[str, float]

    def relative(self, figure: Figure, values: Values, calibration: float) -> float | None:
        """Return how many times as dear a figure is now, as if this were that machine; None if one is not there.

        Memory needs no such correction.
        """
        if figure.name not in values or figure.name not in self.figures:
            return None
        speed = 1.0 if figure.unit == "MiB" else self.calibration / calibration
        return values[figure.name] / self.figures[figure.name] * speed


def load(path: Path = STORED) -> Baseline | None:
    """Return what is stored, if anything is."""
    return msgspec.json.decode(path.read_bytes(), type=Baseline) if path.is_file() else None


def store(values: Values, path: Path = STORED) -> None:
    """Store these figures, and say where they are from."""
    baseline = Baseline(
        machine=_machine(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        date=datetime.now(UTC).date().isoformat(),
        commit=_commit(),
        calibration=round(values[CALIBRATION], 3),
        figures={figure.name: round(values[figure.name], 3) for figure in FIGURES if figure.name in values},
    )
    path.write_bytes(msgspec.json.format(msgspec.json.encode(baseline), indent=2) + b"\n")


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607 - whichever git there is
        cwd=STORED.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def _machine() -> str:
    """Return the processor's name where the system tells it, never the machine's own."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {len(models) or '?'} cores, {platform.system()}"
