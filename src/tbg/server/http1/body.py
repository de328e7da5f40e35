"""Take the body of a request from the bytes of its connection (RFC 9112, sections 6 and 7)."""

import re
from typing import Final, Protocol

from tbg.server.http1.head import check_trailer
from tbg.server.http1.refused import FIELD_OVERHEAD, header_too_large, malformed

# The extensions of a chunk are ignored (7.1.1), but must not hide the end of its line.
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_LONGEST_SIZE: Final = 16  # digits, with which a chunk would be as long as any disk


class Body(Protocol):
    """Reads one body.

    Attributes:
        is_complete: Whether its end has been read.
    """

    is_complete: bool

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the content in ``data``, and what follows the body.

        Raises:
            RefusedRequestError: The bytes are no such body.
        """


class SizedBody:
    """A body whose length the head says."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.is_complete = length == 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the content in ``data``, and what follows the body."""
        content, rest = data[: self._left], data[self._left :]
        self._left -= len(content)
        self.is_complete = self._left == 0
        return content, rest


class ChunkedBody:
    """A body in chunks; its trailer fields are read over (RFC 9110, section 6.5.1).

    Args:
        max_bytes: What the extensions of chunks, and the trailer fields, may hold together.
    """

    def __init__(self, max_bytes: int) -> None:
        self._left_for_extras = max_bytes
        self._pending = b""  # the beginning of a line
        self._left = 0  # bytes of the chunk, its CRLF included
        self._in_trailers = False
        self.is_complete = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the content in ``data``, and what follows the body.

        Raises:
            RefusedRequestError: 400 for what is not chunked, 431 for too many extensions or trailer fields.
        """
        checked = max(0, len(self._pending) - 1)  # one byte at a time must not cost what all of them cost
        data = self._pending + data
        position, content = 0, list[bytes]()
        while not self.is_complete and position < len(data):
            if self._left:
                position = self._read_chunk(data, position, content)
                continue
            end = data.find(b"\r\n", max(position, checked))
            if end < 0:
                break
            self._read_line(data[position:end])
            position = end + 2
        self._pending = b"" if self.is_complete else data[position:]
        self._check_pending(0 if position else checked)
        return b"".join(content), data[position:] if self.is_complete else b""

    def _read_chunk(self, data: bytes, position: int, content: list[bytes]) -> int:
        """Read on in a chunk; the CRLF behind it counts as its last two bytes."""
        if self._left > 2:  # noqa: PLR2004 - the CRLF
            piece = data[position : position + self._left - 2]
            content.append(piece)
            self._left -= len(piece)
            return position + len(piece)
        expected = b"\r\n"[2 - self._left :]
        found = data[position : position + self._left]
        if not expected.startswith(found):
            raise malformed("a chunk is longer than its size")
        self._left -= len(found)
        return position + len(found)

    def _read_line(self, line: bytes) -> None:
        if self._in_trailers:
            self._read_trailer(line)
            return
        chunk = _CHUNK.fullmatch(line)
        if chunk is None:
            raise malformed("the size of a chunk is not a hexadecimal number")
        size = int(chunk[1], 16)
        self._spend(len(line) - len(chunk[1]))
        self._in_trailers = size == 0
        self._left = size + 2 if size else 0

    def _read_trailer(self, line: bytes) -> None:
        if not line:
            self.is_complete = True
            return
        check_trailer(line)
        self._spend(len(line) + FIELD_OVERHEAD)

    def _spend(self, size: int) -> None:
        self._left_for_extras -= size
        if self._left_for_extras < 0:
            raise header_too_large()

    def _check_pending(self, checked: int) -> None:
        """Refuse a line that is too long, or no line, before its end has come."""
        if len(self._pending) > self._left_for_extras + _LONGEST_SIZE:
            raise header_too_large()
        new = self._pending[checked:]
        if b"\n" in new or b"\r" in new[:-1]:
            raise malformed("a line of a chunked body does not end in CRLF")
