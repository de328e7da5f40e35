"""One field of a form: parts or texts to a value, as the schema and the ``encoding`` of the property say.

OpenAPI 3.1.1, section 4.8.15.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import attrs

from tbg.contract.casting import Cast, Casters, as_text
from tbg.contract.decoding import MalformedBodyError, check_depth, decode_json
from tbg.contract.kinds import BINARY, STRUCTURED, Kinds, encoding_of, items_of, kinds_of, lengths_of
from tbg.contract.matching import parse_media_type
from tbg.contract.media_types import UTF8, is_json, is_text
from tbg.contract.parts import Part
from tbg.contract.schemas import Finding, pointer_of
from tbg.contract.shapes import Schema
from tbg.contract.uploads import Lengths, UploadedFile

_JSON_BY_DEFAULT: Final = ("", "application/json", "text/plain", "application/octet-stream")
_UNREADABLE: Final = "has no media type that can be read"
_PLAIN: Final = frozenset({"", "7bit", "8bit", "binary"})  # transfer encodings that change nothing


class WrongPartError(Exception):
    """A part is not sent as the contract says."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding


Check = Callable[[Part], Finding | None]
"""Say what is wrong with a part besides its media type and its content; the pointer is the part's."""


@attrs.frozen
class Field:
    """What one property says about how it is sent.

    Attributes:
        name: The property, or ``""`` for one that the contract does not name.
        kinds: What one part can stand for; an array's are those of its items.
        is_list: Whether even a single part is a list.
        accepted: The media types that a part may have, or ranges of them, when the contract names some.
        cast: Turns text, or a list of it, into a value.
        lengths: What is asked of bytes, if they need only be counted to be judged.
        transfer_encoding: Under which bytes are sent as text, and stay text.
        checks: What else is wanted of a part.
    """

    name: str
    kinds: Kinds
    is_list: bool = False
    accepted: tuple[str, ...] = ()
    cast: Cast = attrs.field(default=as_text, repr=False)
    lengths: Lengths | None = attrs.field(factory=Lengths)
    transfer_encoding: str = ""
    checks: Sequence[Check] = attrs.field(default=(), repr=False, eq=False)

    def read(self, parts: Sequence[Part]) -> object:
        """Return the value that ``parts`` stand for, in their order.

        Raises:
            WrongPartError: One of them is not sent as the contract says; the schema has not been asked.
            MalformedBodyError: One of them is not what its media type says.
        """
        is_list = self.is_list or len(parts) > 1
        values, are_text = [], True
        for index, part in enumerate(parts):
            mode = self._checked_mode(part, (index,) if is_list else ())
            values.append(self._decode(part, mode))
            are_text = are_text and isinstance(values[-1], str) and mode != "json"
        if is_list and len(values) == 1 and not are_text and self._is_whole(values[0]):
            return values[0]
        value = values if is_list else values[0]
        return self.cast(value) if are_text else value

    def _is_whole(self, value: object) -> bool:
        """Tell whether one JSON text is all of a list: many clients write it so, and it can be none of its items."""
        return isinstance(value, list) and "array" not in self.kinds

    def is_file(self, part: Part) -> bool:
        """Tell whether a part is kept as a file."""
        try:
            return self._mode(part, ()) == "bytes"
        except WrongPartError:  # which is told when all are there
            return True

    def _checked_mode(self, part: Part, path: Sequence[object]) -> str:
        mode = self._mode(part, path)
        for check in self.checks:
            if finding := check(part):
                raise WrongPartError(Finding(pointer_of((self.name or part.name, *path)), finding.code, finding.detail))
        return mode

    def _mode(self, part: Part, path: Sequence[object]) -> str:
        """Return how a part is to be read: ``json``, ``text``, ``json or text`` or ``bytes``."""
        if isinstance(part.data, str):
            return self._mode_of_text(part, path)
        media_type, parameters = parse_media_type(part.content_type)
        wrong = self._wrong_type(media_type)
        transfer_encoding = part.headers.get("content-transfer-encoding", "").lower()
        if not wrong and transfer_encoding not in {*_PLAIN, self.transfer_encoding}:
            wrong = "must be sent without a Content-Transfer-Encoding"  # RFC 7578, section 4.7
        mode = self._mode_of(part, media_type or (self.accepted[0] if len(self.accepted) == 1 else ""))
        if not wrong and mode != "bytes" and parameters.get("charset", "utf-8").lower() not in UTF8:
            wrong = "must be sent in UTF-8"
        if wrong:
            raise WrongPartError(Finding(pointer_of((self.name or part.name, *path)), "contentType", wrong))
        return mode

    def _mode_of_text(self, part: Part, path: Sequence[object]) -> str:
        """Do the same for a form that is urlencoded: there is no media type but the contract's."""
        if self.is_unread:
            raise WrongPartError(Finding(pointer_of((self.name or part.name, *path)), "contentType", _UNREADABLE))
        return "json" if self._is_json_only or any(map(is_json, self.accepted)) else self._text_mode

    @property
    def is_unread(self) -> bool:
        """Whether no media type that the contract names for it can be read."""
        return bool(self.accepted) and self._is_json_only and not any(map(is_json, self.accepted))

    def _wrong_type(self, media_type: str) -> str:
        """Say what is wrong with a part's media type; without one it has the right one."""
        if not media_type or not self.name:
            return ""
        if self.accepted:
            fits = any(_matches(media_type, accepted) for accepted in self.accepted)
            if fits and (is_json(media_type) or not self._is_json_only):
                return ""
            readable = [each for each in self.accepted if is_json(each) or not self._is_json_only]
            return f"must be sent as {', '.join(readable)}" if readable else _UNREADABLE
        if self._is_json_only:
            is_right = is_json(media_type) or media_type in _JSON_BY_DEFAULT
            return "" if is_right else "must be sent as application/json"
        is_right = BINARY in self.kinds or is_text(media_type)
        return "" if is_right else "must be sent as text/plain"

    @property
    def _is_json_only(self) -> bool:
        return bool(self.kinds & STRUCTURED) and self.kinds <= STRUCTURED | {"null"}

    def _mode_of(self, part: Part, media_type: str) -> str:
        if self._is_json_only:
            return "json"
        if BINARY in self.kinds and self.kinds <= {BINARY, "null"}:
            return "bytes"
        if (media_type and not is_text(media_type)) or (BINARY in self.kinds and part.filename is not None):
            return "bytes"
        if is_json(media_type) and (self.accepted or self.kinds & STRUCTURED):
            return "json"
        return "text" if media_type else self._text_mode

    @property
    def _text_mode(self) -> str:
        return "json or text" if self.kinds & STRUCTURED else "text"

    def _decode(self, part: Part, mode: str) -> object:
        data = part.data
        if isinstance(data, UploadedFile):
            return data
        if mode == "bytes" and isinstance(data, bytes):
            return UploadedFile.in_memory(part.filename, part.content_type, data)
        called = f"The field '{self.name}'" if self.name else "A field"
        if mode == "json":
            return _decode_json(data.encode() if isinstance(data, str) else data, called)
        try:
            text = data if isinstance(data, str) else data.decode()
        except UnicodeDecodeError as error:
            if BINARY in self.kinds and isinstance(data, bytes):
                return UploadedFile.in_memory(part.filename, part.content_type, data)
            raise MalformedBodyError(f"{called} is not valid UTF-8") from error
        if mode == "json or text" and text[:1] in {"{", "["}:
            with suppress(MalformedBodyError):
                return _decode_json(text.encode(), called)
        return text


def _decode_json(data: bytes, called: str) -> object:
    value = decode_json(data, None, called)
    check_depth(data, value, called)
    return value


def _matches(media_type: str, accepted: str) -> bool:
    main, _, sub = accepted.partition("/")
    return accepted in {media_type, "*/*"} or (sub == "*" and media_type.partition("/")[0] == main)


def compile_field(
    casters: Casters, name: str, schemas: Sequence[Schema], content_type: str = "", checks: Sequence[Check] = ()
) -> Field:
    """Compile the field ``name``, for which all of ``schemas`` hold.

    Args:
        casters: Of the document.
        name: The property; ``""`` if it has none.
        schemas: What holds for it.
        content_type: As its Encoding Object says, a list separated by commas.
        checks: What else is wanted of its parts.
    """
    shapes = casters.shapes
    kinds = kinds_of(shapes, schemas)
    is_list = "array" in kinds and kinds <= {"array", "null"}
    if "array" in kinds:
        items = [kinds_of(shapes, each) for each in items_of(shapes, schemas)]
        kinds = (frozenset() if is_list else kinds - {"array"}).union(*items)
    accepted = tuple(parse_media_type(each)[0] for each in content_type.split(",") if each.strip())
    if accepted and not any(each == "*/*" or is_text(each) for each in accepted) and "string" in kinds:
        kinds = (kinds - {"string"}) | {BINARY}
    if "application/octet-stream" in accepted:  # which is what any file is (RFC 2046, section 4.5.1), said or not
        accepted = ()
    return Field(
        name,
        kinds,
        is_list=is_list,
        accepted=accepted,
        cast=as_text if kinds <= STRUCTURED | {BINARY, "null"} else casters.cast(schemas),
        lengths=lengths_of(shapes, schemas),
        transfer_encoding=encoding_of(shapes, schemas),
        checks=checks,
    )


ANYTHING: Final = Field("", frozenset({BINARY, "string"}))
"""How a field is read of which the contract says nothing."""
