"""Being asked to stop: signals do not interrupt, they are noticed while waiting."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tbg.dev.process import Sleep

_ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(BaseException):
    """Somebody asked this process to stop; like KeyboardInterrupt not an error, so not an Exception."""


@contextmanager
def stop_when_asked() -> Iterator[Sleep]:
    """Give a sleep that raises `Stop` once one of the signals arrived.

    An exception thrown from a handler could hit between starting a process and noting it. Afterwards the signals mean
    what they meant before.
    """
    arrived: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        if arrived:
            raise Stop

    before = {number: signal.getsignal(number) for number in _ASKING}
    for number, handler in before.items():
        if not (number == signal.SIGHUP and handler is signal.SIG_IGN):  # nohup
            signal.signal(number, note)
    try:
        yield sleep
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
