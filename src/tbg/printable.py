"""Log lines that can be shown: what a client sent must not steer a terminal, nor reorder or hide what is around it."""

import json
import re
from io import StringIO
from typing import Final, TextIO

import attrs
import structlog
from structlog.typing import EventDict, ExcInfo, WrappedLogger

_SUSPECT: Final = re.compile(r"[^\x20-\x7e]")
_DELETE: Final = "\x7f"  # the one control character that JSON leaves as it is
_COLUMNS: Final = frozenset({"level", "logger", "logger_name", "timestamp"})
_LINES: Final = frozenset({"event", "exception", "stack"})


def printable(text: str) -> str:
    """Escape what is not printable as Python does: control and bidirectional characters, lone surrogates, …."""
    return text if text.isprintable() else _SUSPECT.sub(_escape, text)


def printable_lines(text: str) -> str:
    """Do the same but for line feeds; the lines that follow are indented, so that none looks like an event."""
    return "\n    ".join(map(printable, text.split("\n")))


def escape_for_terminal(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Make an event fit for a terminal, before the renderer adds its colours: a processor of structlog's."""
    return {printable(name): _shown(name, value) for name, value in event.items()}


def write_traceback(target: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback that is fit for a terminal; a rich one would show local variables, which may be secret."""
    plain = StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    target.write("\n" + printable_lines(plain.getvalue().removeprefix("\n")))


def escape_delete(_logger: WrappedLogger, _method: str, rendered: EventDict | str) -> str:
    """Escape the one control character that may be left in a line of ASCII JSON: a processor of structlog's."""
    return str(rendered).replace(_DELETE, "\\u007f")


def ascii_json(value: object) -> bytes:
    """Encode a value of strings and numbers as JSON in printable ASCII, whatever is in its strings."""
    return json.dumps(value, separators=(",", ":")).replace(_DELETE, "\\u007f").encode()


@attrs.frozen
class _Shown:
    """Text that is printed as it is: structlog prints the representation of what is no string."""

    text: str

    def __repr__(self) -> str:
        return self.text


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return character if character.isprintable() else ascii(character)[1:-1]


def _shown(name: str, value: object) -> object:
    if name in _LINES:
        return printable_lines(str(value))
    if name in _COLUMNS:
        return printable(str(value))
    if name == "exc_info" or (isinstance(value, str) and value.isprintable()):
        return value
    # Of text this is what Python writes, which escapes the same characters.
    return _Shown(printable(repr(value)))
