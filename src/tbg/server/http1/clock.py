"""The time of one connection: one deadline, and whether its client reads what is sent to it."""

import asyncio
from asyncio import TimerHandle
from collections.abc import Callable
from typing import Final

_SLOWEST_BYTES: Final = 16 * 1024  # what a client must read within the write time-out, if there is as much


class Clock:
    """Calls back when a deadline has passed, or when writing makes no progress.

    A deadline is set several times for each request, so setting one costs next to nothing: one timer comes by now and
    then, and looks at everything.

    Args:
        loop: The event loop.
        write_seconds: How long a client may read next to nothing.
        pending: The number of bytes that were written, and of these the number that wait to be sent.
        expired: Called when the deadline has passed.
        stalled: Called when the client does not read.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        write_seconds: float,
        pending: Callable[[], tuple[int, int]],
        expired: Callable[[], None],
        stalled: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._write_seconds = write_seconds
        self._pending = pending
        self._expired = expired
        self._stalled = stalled
        self._deadline: float | None = None
        self._timer: TimerHandle | None = None
        self._next_look = 0.0
        self._read = 0
        self._waits_since: float | None = None
        self._is_stopped = False

    def set(self, seconds: float) -> None:
        """Call back in so many seconds, instead of at the deadline that was set before."""
        self._deadline = deadline = self._loop.time() + seconds
        if self._timer is None or self._next_look > deadline:
            self._arm()

    def set_sooner(self, seconds: float) -> None:
        """Do the same if there is no deadline, or a later one."""
        if self._deadline is None or self._deadline > self._loop.time() + seconds:
            self.set(seconds)

    def clear(self) -> None:
        """Forget the deadline."""
        self._deadline = None

    def stop(self) -> None:
        """Never call back again."""
        self._is_stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        look = self._loop.time() + self._write_seconds / 2
        self._next_look = look if self._deadline is None else min(look, self._deadline)
        self._timer = self._loop.call_at(self._next_look, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._makes_no_progress(now):
            self._stalled()
        elif self._deadline is not None and now >= self._deadline:
            self._deadline = None
            self._expired()
        if not self._is_stopped and self._timer is None:
            self._arm()

    def _makes_no_progress(self, now: float) -> bool:
        written, waiting = self._pending()
        read = written - waiting
        if not waiting or self._waits_since is None or read - self._read >= _SLOWEST_BYTES:
            self._read = read
            self._waits_since = now if waiting else None
            return False
        return now - self._waits_since >= self._write_seconds
