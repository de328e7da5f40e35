"""What log lines are written to: a pipe, a terminal, a socket or a file, which others may read, fill and lock.

To look for room first does not keep a write from waiting: somebody else may fill the pipe in between. Nor may the
descriptor become non-blocking, because that changes it for every process that has it. So a pipe or a terminal is
opened once more, for this process alone, and a socket has a flag for each message.
"""

import contextlib
import fcntl
import os
import select
import socket
import stat
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Final

PIECE_BYTES: Final = select.PIPE_BUF
"""A pipe takes this much at once or not at all, so nobody else's lines end up inside."""

_FIRST_PAUSE_SECONDS: Final = 0.001
_LONGEST_PAUSE_SECONDS: Final = 0.02

type _Write = Callable[[bytes], int]


class LogTarget:
    """Write to a descriptor that other processes may have, too.

    Args:
        descriptor: Usually that of standard output.
    """

    def __init__(self, descriptor: int) -> None:
        kind = os.fstat(descriptor).st_mode
        self._descriptor = descriptor
        self._has_turns = stat.S_ISFIFO(kind)  # elsewhere the kernel writes each piece whole
        self._had_turn = True
        self._write_at_once = _writer_at_once(self, descriptor, kind)

    def write(self, piece: bytes) -> int:
        """Write some of ``piece``, however long its reader takes, and return how much.

        Raises:
            OSError: Nobody reads any more, or the disk is full.
        """
        while True:
            try:
                return os.write(self._descriptor, piece)
            except BlockingIOError:  # somebody with the same terminal or pipe has made it non-blocking
                self._wait_for_room(None)

    def write_until(self, piece: bytes, deadline: float) -> int:
        """Do the same, but wait for the reader no longer than until ``deadline`` (of ``time.monotonic``).

        Raises:
            BlockingIOError: The time is over.
            OSError: Nobody reads any more, or the disk is full.
        """
        while True:
            try:
                return self._write_at_once(piece)
            except BlockingIOError:
                if (left := deadline - time.monotonic()) <= 0:
                    raise
                self._wait_for_room(left)

    @contextlib.contextmanager
    def turn(self, wait_seconds: float) -> Iterator[None]:
        """Keep other processes out of a pipe, whose lines would end up inside of a long one of ours when it is full.

        The lock belongs to the process and ends with it, whatever becomes of it. Whoever cannot have it in time writes
        without: a process that is stopped, or a stranger, may hold it for ever. After that nobody waits for it again
        until it is free.
        """
        locked = self._has_turns and self._lock(wait_seconds if self._had_turn else 0)
        self._had_turn = locked or not self._has_turns
        try:
            yield
        finally:
            if locked:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def _lock(self, wait_seconds: float) -> bool:
        deadline = time.monotonic() + wait_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() + pause > deadline:
                    return False
            else:
                return True
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _wait_for_room(self, seconds: float | None) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        poll.poll(None if seconds is None else seconds * 1000)
        time.sleep(_FIRST_PAUSE_SECONDS)  # room for a byte is not room for a line


def _writer_at_once(owner: object, descriptor: int, kind: int) -> _Write:
    """Return what writes to ``descriptor`` without waiting for anybody: it raises `BlockingIOError` instead."""
    if stat.S_ISSOCK(kind):
        own_socket = socket.socket(fileno=os.dup(descriptor))
        weakref.finalize(owner, own_socket.close).atexit = False
        return lambda piece: own_socket.send(piece, socket.MSG_DONTWAIT)
    if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
        try:
            own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:  # no Linux, or another user's
            return lambda piece: _write_if_there_is_room(descriptor, piece)
        weakref.finalize(owner, os.close, own).atexit = False
        return lambda piece: os.write(own, piece)
    return lambda piece: os.write(descriptor, piece)


def _write_if_there_is_room(descriptor: int, piece: bytes) -> int:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if not poll.poll(0):
        raise BlockingIOError
    return os.write(descriptor, piece[:PIECE_BYTES])
