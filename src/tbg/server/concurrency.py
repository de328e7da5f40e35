"""How many workers to run."""

import os
from collections.abc import Mapping

VARIABLE = "WEB_CONCURRENCY"


def worker_count(environment: Mapping[str, str] = os.environ) -> int:
    """Return what the environment says, else the cores that this process may use.

    A container's CPU quota is not seen, so set ``WEB_CONCURRENCY`` there.

    Raises:
        SystemExit: It says something that is no number of workers.
    """
    text = environment.get(VARIABLE) or str(_usable_cores())
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise SystemExit(f"{VARIABLE}: {text!r} is not allowed; it must be a whole number of workers, from 1")
    return int(text)


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
