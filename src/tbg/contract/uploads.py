"""Files that clients send: in memory while they are small, then on disk, and gone when their request has ended.

All files of one body lie one behind the other in one `Spool`, so a body takes one file descriptor at most, however
many parts it has. The temporary file has no name: nothing of it outlives the process.
"""

import asyncio
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, BinaryIO, Final

import attrs

from tbg.contract.schemas import Finding, describe

IN_MEMORY: Final = 64 * 1024
"""So many bytes of the files of one body are kept in memory, in all."""

MOST_ON_DISK: Final = 64
"""The files of so many bodies are on disk at a time, one descriptor each; more bodies with large files are refused."""


class UploadStorageError(Exception):
    """A file that a client sends cannot be kept: the disk is full, or too many are being received."""


class TooLargeError(Exception):
    """What must be kept in memory is larger than it may be."""


class Disk:
    """Counts the temporary files of a process: there is a bound to what clients may make it open."""

    def __init__(self, most: int = MOST_ON_DISK) -> None:
        self._free = most

    def take(self) -> None:
        """Take a place.

        Raises:
            UploadStorageError: There is none.
        """
        if self._free == 0:
            raise UploadStorageError("too many uploads at the same time")
        self._free -= 1

    def give_back(self) -> None:
        """Free a place."""
        self._free += 1


class Spool:
    """The bytes of all files of one body.

    A thread may write or read while the request ends, so whoever holds the lock last closes the file: a descriptor that
    is closed under a reader could be another file's by the time it reads.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._has_place = self._closed = False
        self._lock = Lock()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append ``data``; `settle` moves it to the disk when it is time."""
        self._memory += data
        self.size += len(data)

    async def settle(self) -> None:
        """Keep no more than `IN_MEMORY` bytes in memory; the disk is waited for in a thread.

        Raises:
            UploadStorageError: The disk does not take them.
        """
        if self.size <= IN_MEMORY or not self._memory:
            return
        if not self._has_place:
            self._disk.take()
            self._has_place = True
        data, self._memory = self._memory, bytearray()
        try:
            await asyncio.to_thread(self._store, data)
        except OSError as error:
            raise UploadStorageError(f"cannot be written: {error.strerror}") from error

    def _store(self, data: bytearray) -> None:
        with self._held():
            if self._file is None:
                self._file = TemporaryFile()  # noqa: SIM115 - close() ends it
            self._file.write(data)
            self._file.flush()

    def read(self, start: int, size: int) -> bytes:
        """Return ``size`` bytes from ``start``, or those that there are."""
        with self._held():
            if self._file is None:
                return bytes(self._memory[start : start + size])
            return os.pread(self._file.fileno(), size, start)

    @contextmanager
    def _held(self) -> Iterator[None]:
        try:
            with self._lock:
                if self._closed:
                    raise ValueError("The file is closed: its request has ended")
                yield
        finally:
            if self._closed:
                self._dispose()

    def close(self) -> None:
        """Delete everything; the second time does nothing."""
        if self._has_place and not self._closed:
            self._disk.give_back()
        self._closed = True
        self._memory = bytearray()
        self._dispose()

    def _dispose(self) -> None:
        if self._lock.acquire(blocking=False):  # or who holds it does the same at the end
            try:
                if self._file is not None:
                    self._file.close()
            finally:
                self._lock.release()


@attrs.frozen
class Lengths:
    """What a schema asks of bytes that it does not look at.

    Attributes:
        steps: The lengths at which some keyword changes its mind, in their order.
        longest: Beyond which nothing is valid; None if there is no such length.
    """

    steps: tuple[int, ...] = ()
    longest: int | None = None

    def like(self, size: int) -> str:
        """Return the shortest text that the schema judges as it does one of ``size`` characters."""
        return "x" * max((step for step in self.steps if step <= size), default=0)


@attrs.frozen
class FileRule:
    """How a file is judged.

    Attributes:
        lengths: What is asked of its length; None if its bytes must be looked at, so that they need memory.
    """

    lengths: Lengths | None = Lengths()


@attrs.frozen(eq=False)
class UploadedFile:
    """A file as a client sent it; it can be read until its request has ended.

    Attributes:
        filename: What the client calls it: a claim, not to be used as a path. None if it said nothing.
        content_type: The media type that the client says it has, with its parameters; another claim. ``""`` if none.
        size: In bytes.
    """

    filename: str | None
    content_type: str
    size: int
    _spool: Spool = attrs.field(repr=False)
    _start: int = attrs.field(repr=False)
    _rule: FileRule = attrs.field(repr=False)

    @classmethod
    def in_memory(cls, filename: str | None, content_type: str, data: bytes) -> "UploadedFile":
        """Return a file whose bytes are at hand."""
        spool = Spool(Disk(0))
        spool.write(data)
        return cls(filename, content_type, len(data), spool, 0, FileRule(None))

    @property
    def judged(self) -> str:
        """What its schema is asked about: a string of as many characters (OpenAPI 3.1.1, section 4.8.14)."""
        lengths = self._rule.lengths
        return self.read().decode("latin-1") if lengths is None else lengths.like(self.size)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What can be said of it without a text of its size."""
        longest = self._rule.lengths.longest if self._rule.lengths else None
        is_longer = longest is not None and self.size > longest
        return (Finding("", "maxLength", describe("maxLength", longest)),) if is_longer else ()

    def read(self) -> bytes:
        """Return all of it; a file beyond 64 KiB is read from the disk, and then fills the memory after all."""
        return self._spool.read(self._start, self.size)

    def open(self) -> BinaryIO:
        """Return it as a file object at its beginning; read it in a thread (``asyncio.to_thread``) if it is large."""
        return io.BufferedReader(_Section(self._spool, self._start, self.size))


class _Section(io.RawIOBase):
    """A part of a spool as a file."""

    def __init__(self, spool: Spool, start: int, size: int) -> None:
        super().__init__()
        self._spool, self._start, self._size, self._position = spool, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]  # what io.BufferedReader passes
        wanted = min(len(buffer), max(self._size - self._position, 0))
        data = self._spool.read(self._start + self._position, wanted)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
