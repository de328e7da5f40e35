"""Measuring CPU time in tests that may run under coverage."""

import sys
import time
from collections.abc import Callable


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return how much CPU this process spends on ``work``, which coverage does not trace: that would be most of it."""
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        started = time.process_time()
        work()
        return time.process_time() - started
    finally:
        sys.settrace(trace)
