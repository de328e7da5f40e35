"""Where log lines leave the process: a thread writes them, so that no request waits for whoever reads them.

A reader may be slow, or stop: a terminal that is held, a log shipper that restarts, a disk that is full. Lines then
wait in a bounded buffer; when that is full the new ones are dropped, and a line says how many.
"""

import atexit
import contextlib
import fcntl
import os
import select
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import batched
from queue import Empty, SimpleQueue
from typing import Final, TextIO

import msgspec

MAX_WAITING: Final = 10_000
"""How many lines may wait to be written, a few megabytes; twice as many if they are important."""

_COLLECT_SECONDS: Final = 0.02  # waking a thread costs as much as ten lines: let some come together
_FLUSH_SECONDS: Final = 2.0
_TURN_LINES: Final = 200  # how many one process writes before another has its turn

type _Flushed = threading.Lock  # held until all that was put before it is written


class LogStream:
    """Write whole lines to a file; several processes may have the same one.

    Each line is written before `put` returns, until `start` begins to write in the background. A process that forks
    must not have started. Signal handlers may put lines, too.

    Args:
        file: Usually ``sys.stdout``, to which nothing else should write.
        max_waiting: How many lines may wait.
    """

    def __init__(self, file: TextIO, max_waiting: int = MAX_WAITING) -> None:
        self._file = file
        self._descriptor = _descriptor(file)
        self._max_waiting = max_waiting
        self._waiting: SimpleQueue[bytes | _Flushed] = SimpleQueue()
        self._is_running = False
        self._is_torn = False
        self._dropped = self._told = 0

    def put(self, line: bytes, *, important: bool = False) -> None:
        """Write ``line``, which ends in a newline."""
        if not self._is_running:
            self._write([line])
        elif self._waiting.qsize() < self._max_waiting * (1 + important):
            self._waiting.put(line)
        else:
            self._dropped += 1

    def start(self) -> None:
        """Write in the background from now on."""
        if not self._is_running and self._descriptor is not None:
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

    def _run(self) -> None:
        while True:
            first = self._waiting.get()
            time.sleep(_COLLECT_SECONDS)
            lines, flushed = self._sort([first, *self._others()])
            for turn in batched(lines, _TURN_LINES):
                self._write(turn)
            for each in flushed:
                each.release()

    def _others(self) -> Iterator[bytes | _Flushed]:
        with contextlib.suppress(Empty):
            while True:
                yield self._waiting.get_nowait()

    def _sort(self, waiting: Sequence[bytes | _Flushed]) -> tuple[list[bytes], list[_Flushed]]:
        lines = [each for each in waiting if isinstance(each, bytes)]
        if self._dropped != self._told:
            self._told = self._dropped
            lines.append(_note(self._dropped))
        return lines, [each for each in waiting if not isinstance(each, bytes)]

    def _write(self, lines: Sequence[bytes]) -> None:
        if self._descriptor is None:  # a file of a test's
            self._file.write(b"".join(lines).decode())
            return
        # Half a line may be there from before: it must not spoil this one.
        rest = memoryview(b"\n" * self._is_torn + b"".join(lines))
        try:
            with _turn(self._descriptor):
                while rest:
                    rest = rest[_write_some(self._descriptor, rest) :]
                    self._is_torn = bool(rest)
        except OSError:  # nobody reads any more, or the disk is full
            self._dropped += len(lines)


def _descriptor(file: TextIO) -> int | None:
    try:
        return file.fileno()
    except OSError:  # io.UnsupportedOperation is one
        return None


@contextlib.contextmanager
def _turn(descriptor: int) -> Iterator[None]:
    """Keep other processes out, whose lines would end up inside of ours when a pipe is full.

    The lock belongs to the process and ends with it, whatever becomes of it. Where a file cannot be locked, there are
    no turns.
    """
    with contextlib.suppress(OSError):
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            fcntl.lockf(descriptor, fcntl.LOCK_UN)


def _write_some(descriptor: int, rest: memoryview) -> int:
    try:
        return os.write(descriptor, rest)
    except BlockingIOError:  # somebody with the same terminal or pipe has made it non-blocking
        select.select([], [descriptor], [])
        return 0


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
