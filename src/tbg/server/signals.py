"""Signals that come before anybody handles them: while Python imports, while gunicorn forks, and SIGUSR2.

Light to import, because it comes before everything else.
"""

import os
import signal
import sys
from types import FrameType
from typing import Final

_STARTED_IN: Final = os.getcwd()  # noqa: PTH109 - pathlib takes as long to import as all the rest
_ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class _End:
    """End the process at once."""

    def __init__(self, status: int) -> None:
        self._status = status

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        os._exit(self._status)


def end_early(status: int) -> None:
    """Let SIGTERM end this process at once with ``status``, until somebody else handles it.

    The first process of a container ignores a signal that it has no handler for.
    """
    handler = signal.getsignal(signal.SIGTERM)
    if handler is signal.SIG_DFL or isinstance(handler, _End):
        signal.signal(signal.SIGTERM, _End(status))


class ForkGuard:
    """Let no signal be lost that reaches a new worker before it has handlers of its own.

    Until then it has its parent's: gunicorn's, which note the signal for a loop that the worker does not run. Then the
    worker serves on until the graceful time-out is over and it is killed.
    """

    def __init__(self) -> None:
        self._parent = 0
        self._mask: set[signal.Signals | int] = set()

    def install(self) -> None:
        """Guard the forks of this process from now on; once is enough."""
        if not self._parent:
            self._parent = os.getpid()
            os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._after_in_child)

    def _before(self) -> None:
        self._mask = set(signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING))

    def _after(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _after_in_child(self) -> None:
        if os.getppid() == self._parent:  # the workers themselves may have other wishes for their children
            for number in _ENDING:
                signal.signal(number, _End(0))
        self._after()


FORK_GUARD: Final = ForkGuard()
"""The process's own: what is registered for forks stays."""


def started_with() -> dict[int | str, str | list[str]]:
    """Return the command line and folder that this process was started with, as gunicorn's ``START_CTX`` has them.

    gunicorn's own guess starts ``python -m gunicorn`` as ``gunicorn/__main__.py``, beside which a folder ``http`` hides
    the standard library's.
    """
    return {"args": sys.orig_argv, "cwd": _STARTED_IN}
