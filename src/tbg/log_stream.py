"""Where log lines leave the process: a thread writes them, so that no request waits for whoever reads them.

A reader may be slow, or stop: a terminal that is held, a log shipper that restarts, a disk that is full. Lines then
wait in a bounded buffer; when that is full the new ones are dropped, and a line says how many.
"""

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import batched, islice
from queue import Empty, SimpleQueue
from typing import Final, TextIO

import msgspec

from tbg.log_target import PIECE_BYTES, LogTarget

MAX_WAITING: Final = 10_000
"""How many lines may wait to be written, a few megabytes; twice as many if they are important."""

_COLLECT_SECONDS: Final = 0.02  # waking a thread costs as much as ten lines: let some come together
_FLUSH_SECONDS: Final = 2.0
_TURN_LINES: Final = 200  # how many one process writes before another has its turn
_TURN_SECONDS: Final = 2.0  # the longest wait for one's turn in the background
_NOW_SECONDS: Final = 0.1  # the longest wait for the turn and the reader elsewhere

_NEWLINE: Final = ord("\n")

type _Flushed = threading.Lock  # held until all that was put before it is written


class LogStream:
    """Write whole lines to a file; several processes may have the same one.

    `put` writes each line itself until `start` begins to write in the background, and then waits for nobody longer than
    a tenth of a second: what cannot be written waits for the next line. A process that forks must not have started; its
    child begins with nothing that waits. Signal handlers may put lines, too.

    Args:
        file: Usually ``sys.stdout``, to which nothing else should write.
        max_waiting: How many lines may wait.
    """

    def __init__(self, file: TextIO, max_waiting: int = MAX_WAITING) -> None:
        self.file = file
        self._target = _target(file)
        self._max_waiting = max_waiting
        self._is_running = False
        self._begin()

    def put(self, line: bytes, *, important: bool = False) -> None:
        """Write ``line``, which ends in a newline."""
        if not self._is_running:
            self._forget_what_a_parent_has_to_write()
            self._write_now()  # to make room
        if self._waiting.qsize() < self._max_waiting * (1 + important):
            self._waiting.put(line)
        else:
            self._dropped += 1
        if not self._is_running:
            self._write_now()

    def start(self) -> None:
        """Write in the background from now on."""
        if not self._is_running and self._target is not None:
            self._forget_what_a_parent_has_to_write()
            self._is_running = True
            threading.Thread(target=self._run, name="log", daemon=True).start()
            atexit.register(self.flush)

    def flush(self, timeout_seconds: float = _FLUSH_SECONDS) -> None:
        """Wait until everything is written that was put before, but not longer than the time-out."""
        if self._is_running:
            flushed = threading.Lock()
            flushed.acquire()
            self._waiting.put(flushed)
            flushed.acquire(timeout=timeout_seconds)
        else:
            self._forget_what_a_parent_has_to_write()
            self._write_now()

    def _forget_what_a_parent_has_to_write(self) -> None:
        if os.getpid() != self._process:
            self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._waiting: SimpleQueue[bytes | _Flushed] = SimpleQueue()
        self._writing = threading.Lock()
        self._rest = b""
        self._now_seconds = _NOW_SECONDS
        self._is_well, self._is_torn = True, False
        self._dropped = self._told = 0

    def _run(self) -> None:
        self._write(self._rest)
        while True:
            first = self._waiting.get()
            time.sleep(_COLLECT_SECONDS)
            waiting, dropped = [first, *self._others()], self._dropped
            lines = (each for each in waiting if isinstance(each, bytes))
            written = [self._write(b"".join(turn)) for turn in batched(lines, _TURN_LINES)]
            if all(written):
                self._tell(dropped)
            for each in waiting:
                if not isinstance(each, bytes):
                    each.release()

    def _others(self) -> Iterator[bytes | _Flushed]:
        with contextlib.suppress(Empty):
            while True:
                yield self._waiting.get_nowait()

    def _write_now(self) -> None:
        """Write what waits, as far as its reader takes it at once.

        Whoever finds another writing, as a signal handler does, leaves its lines to that one.
        """
        while (self._rest or self._waiting.qsize()) and self._writing.acquire(blocking=False):
            try:
                if self._is_well:
                    self._tell(self._dropped)
                lines = (each for each in self._others() if isinstance(each, bytes))
                self._is_well = self._write(self._rest or b"".join(islice(lines, _TURN_LINES)))
            finally:
                self._writing.release()
            if self._rest:
                return

    def _tell(self, dropped: int) -> None:
        """Say how many lines are missing, if it is not said yet."""
        if dropped != self._told and self._write(_note(dropped)):
            self._told = dropped

    def _write(self, lines: bytes) -> bool:
        """Write whole lines and return True when that is done; what has to wait is the rest."""
        if self._target is None:  # a file of a test's
            self.file.write(lines.decode())
            self._rest = b""
            return True
        # Half a line may be there from before: it must not spoil this one.
        self._rest = b"\n" * self._is_torn + lines
        try:
            self._write_rest(self._target)
        except BlockingIOError:
            self._now_seconds = 0  # from now on nobody waits again until the reader goes on
            self._give_up(self._rest.find(b"\n") + 1 if self._is_torn else 0)
        except OSError:  # nobody reads any more, or the disk is full
            self._give_up(len(self._rest))
        else:
            self._now_seconds = _NOW_SECONDS
            return True
        return False

    def _write_rest(self, target: LogTarget) -> None:
        deadline = time.monotonic() + self._now_seconds
        with target.turn(_TURN_SECONDS if self._is_running else self._now_seconds):
            while self._rest:
                piece = self._rest[: _length(self._rest)]
                written = target.write(piece) if self._is_running else target.write_until(piece, deadline)
                self._is_torn = piece[written - 1] != _NEWLINE
                self._rest = self._rest[written:]

    def _give_up(self, length: int) -> None:
        """Drop the first ``length`` bytes of the rest; of a line whose end alone is missing nothing is lost."""
        start = self._rest.startswith(b"\n")
        self._dropped += self._rest.count(b"\n", start, length)
        self._rest = self._rest[max(start, length) :]


def _target(file: TextIO) -> LogTarget | None:
    try:
        return LogTarget(file.fileno())
    except OSError:  # io.UnsupportedOperation is one
        return None


def _length(lines: bytes) -> int:
    """Return how long a piece of ``lines`` is that is written at once: whole lines, or one that is too long."""
    return lines.rfind(b"\n", 0, PIECE_BYTES) + 1 or lines.find(b"\n") + 1


def _note(dropped: int) -> bytes:
    line = {
        "event": "log.dropped",
        "lines": dropped,
        "consequence": "as many lines of this process are missing so far: the log is not read as fast as written",
        "level": "warning",
        "logger": "tbg.logs",
        "timestamp": datetime.now(UTC),
    }
    return msgspec.json.encode(line) + b"\n"
