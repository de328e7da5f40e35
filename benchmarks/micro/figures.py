"""What is measured: the names, the units, and the differences that are too small to mean anything."""

from typing import Final, Literal

import attrs

Unit = Literal["µs", "ms", "MiB"]

CALIBRATION: Final = "calibration"
IMPORT: Final = "boot: import tbg.main"


@attrs.frozen
class Figure:
    """One line of the tables.

    Attributes:
        floor: A difference below this is none, however large its ratio is.
    """

    name: str
    unit: Unit
    floor: float


# 0.2 µs is two calls of a Python function: less is the luck of where the interpreter put its objects, and at a few
# thousand requests per second and core it is a thousandth of the core.
_REQUEST: Final = 0.2
_BOOT_MS: Final = 20.0  # a start takes seconds
_BOOT_MIB: Final = 2.0  # how far the allocator's own bookkeeping moves it

_NAMES: Final = (
    "wire: GET /health",
    "wire: GET /version, admitted",
    "app: GET /health",
    "app: GET /version, admitted",
    "app: GET /version, refused",
    "app: GET /ready",
    "app: POST /workers, 10 fields",
    "app: GET /workers, 100 that differ",
    "app: GET /workers, the same 100",
    "app: GET /nowhere, 404",
    "app: preflight",
    "stage: request id",
    "stage: CORS",
    "stage: access log",
    "stage: rate limit, admitted",
    "stage: rate limit, refused",
    "stage: request contract, GET",
    "stage: request contract, POST 10 fields",
    "stage: response contract, GET /version",
    "stage: response contract, 100 objects",
)

REPEATED: Final = tuple(Figure(name, "µs", _REQUEST) for name in _NAMES)
"""Measured as often as there is time for."""

BOOT: Final = (
    Figure(IMPORT, "ms", _BOOT_MS),
    Figure("boot: Contract.load", "ms", _BOOT_MS),
    Figure("boot: build_app", "ms", _BOOT_MS),
    Figure("boot: resident memory", "MiB", _BOOT_MIB),
)
"""Measured once per process."""

FIGURES: Final = (*REPEATED, *BOOT)


def amount(value: float) -> str:
    """Write a figure with as many digits as mean something."""
    return f"{value:.1f}" if value < 1000 else f"{value:,.0f}"  # noqa: PLR2004 - four digits are enough
