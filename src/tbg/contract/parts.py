"""The parts of a multipart body, read while it arrives (RFC 7578; RFC 2046, section 5.1.1).

The parser is `multipart`'s, which is made for hostile input: linear in time, and strict where leniency would let two
readers see two different forms. A body without its last boundary is no body. The parts of a nested multipart are not
looked for (RFC 7578, section 4.3, deprecates them): it is one part, and bytes.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import attrs
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from tbg.contract.decoding import MalformedBodyError
from tbg.contract.raw import MOST_FIELDS
from tbg.contract.uploads import FileRule, Spool, TooLargeError, UploadedFile

_MOST_HEADERS: Final = 16
_LONGEST_HEADER: Final = 4 * 1024
# RFC 2046, section 5.1.1: bchars, up to 70 of them, the last one no space.
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]", re.ASCII)


@attrs.define(eq=False)
class Part:
    """One field as it was sent.

    Attributes:
        name: As the client wrote it.
        content_type: With its parameters; ``""`` if the client gave none.
        filename: None if the client gave none.
        headers: By lower-case name.
        data: Text, bytes, or a file.
        raw: The text of a urlencoded form as it was sent.
    """

    name: str
    content_type: str = ""
    filename: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    data: str | bytes | UploadedFile = b""
    _raw: str = ""

    @property
    def raw(self) -> str:
        """What was sent, to be read in some style; UnicodeDecodeError if it is no text."""
        if isinstance(self.data, str):
            return self._raw
        return (self.data.read() if isinstance(self.data, UploadedFile) else self.data).decode()


FileOf = Callable[[Part], FileRule | None]
"""Tell of a part, whose data has not been read, how it is judged as a file; None if it is none."""


class PartsReader:
    """Takes a multipart body piece by piece.

    Args:
        boundary: As the Content-Type says.
        spool: Where the files go.
        file_of: Tells which parts are files.
        most_bytes: How many bytes may be kept in memory for the others, in all.

    Raises:
        MalformedBodyError: There is no such boundary.
    """

    def __init__(self, boundary: str, spool: Spool, file_of: FileOf, most_bytes: int) -> None:
        if _BOUNDARY.fullmatch(boundary) is None:
            raise MalformedBodyError("The boundary of the multipart body is missing or not valid")
        self._parser = PushMultipartParser(
            boundary,
            max_header_count=_MOST_HEADERS,
            max_header_size=_LONGEST_HEADER,
            max_segment_count=MOST_FIELDS,
        )
        self._spool = spool
        self._file_of = file_of
        self._room = most_bytes
        self._rule: FileRule | None = None
        self._start = 0
        self._memory = bytearray()
        self.parts: list[Part] = []

    def feed(self, data: bytes) -> None:
        """Take the next piece of the body; what comes after its last boundary is ignored.

        Raises:
            MalformedBodyError: It is no multipart body.
            TooLargeError: Too much of it would have to be kept in memory.
        """
        if self._parser.closed or not data:
            return
        try:
            for event in self._parser.parse(data):
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event is None:
                    self._end()
                else:
                    self._keep(event)
        except ParserLimitReached as error:
            raise MalformedBodyError(
                f"The form has more than {MOST_FIELDS} fields, or a part with too many or too long headers"
            ) from error
        except MultipartError as error:
            raise MalformedBodyError("The body is not valid multipart/form-data") from error

    def finish(self) -> list[Part]:
        """Return the parts in the order they came.

        Raises:
            MalformedBodyError: The last boundary is missing.
        """
        try:
            self._parser.close()  # type: ignore[no-untyped-call]  # it lacks its return type
        except MultipartError as error:
            raise MalformedBodyError("The multipart body ends before its last boundary") from error
        return self.parts

    def _begin(self, segment: MultipartSegment) -> None:
        headers = {name.lower(): value.strip() for name, value in segment.headerlist}
        if not segment.name or len(headers) < len(segment.headerlist):
            raise MalformedBodyError("A part of the multipart body has no name, or a header twice")
        part = Part(segment.name, headers.get("content-type", ""), segment.filename, headers)
        self._rule = self._file_of(part)
        self._start = self._spool.size
        self._memory.clear()
        self.parts.append(part)

    def _keep(self, data: bytes) -> None:
        if self._rule is None or self._rule.lengths is None:
            self._room -= len(data)
            if self._room < 0:
                raise TooLargeError
        if self._rule is not None:
            self._spool.write(data)
        else:
            self._memory += data

    def _end(self) -> None:
        part = self.parts[-1]
        if self._rule is not None:
            size = self._spool.size - self._start
            part.data = UploadedFile(part.filename, part.content_type, size, self._spool, self._start, self._rule)
        else:
            part.data = bytes(self._memory)
