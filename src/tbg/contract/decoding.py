"""Bytes to JSON values and to text, with nothing worse than MalformedBodyError."""

from collections.abc import Mapping
from typing import Final

import msgspec

DEEPEST: Final = 100
"""How many arrays and objects of a request may stand inside each other (RFC 8259, section 9, allows a limit)."""

_BRACKETS: Final = bytes.maketrans(b"[{]}", b"(())")
_NO_STRUCTURE: Final = bytes(set(range(256)) - set(b'[{]}"\\'))


class MalformedBodyError(Exception):
    """The bytes are not what their media type says; the message is fit for a client."""


def decode_json(body: bytes, _parameters: Mapping[str, str] | None = None, called: str = "The body") -> object:
    """Return the value that a JSON text stands for; of two equal names the last counts.

    Raises:
        MalformedBodyError: It is not JSON as RFC 8259 has it, or nested too deeply.
    """
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"{called} is not valid UTF-8") from error
    except msgspec.DecodeError as error:
        # msgspec's words on syntax quote nothing of the body.
        reason = str(error).removeprefix("JSON is malformed: ")
        raise MalformedBodyError(f"{called} is not valid JSON: {reason}") from error
    except RecursionError as error:
        raise MalformedBodyError(f"{called} is nested too deeply") from error


def check_depth(body: bytes, value: object, called: str = "The body") -> None:
    """Refuse a JSON text that is nested so deeply that not everything which works with its value could bear it.

    Raises:
        MalformedBodyError: It is.
    """
    if len(body) <= 2 * DEEPEST:
        return
    # What is left of the text: its brackets, and the quotes of its strings.
    structure = body.translate(_BRACKETS, _NO_STRUCTURE)
    if len(structure) > 2 * DEEPEST and _is_deep(structure.replace(b'""', b""), value):
        raise MalformedBodyError(f"{called} is nested too deeply")


def check_depths(values: object) -> None:
    """Refuse a list of values, each of a JSON text of its own, if one of them is nested so deeply.

    Raises:
        MalformedBodyError: One is.
    """
    if _has_deep_value(values, DEEPEST + 1):
        raise MalformedBodyError("The body is nested too deeply")


def _is_deep(brackets: bytes, value: object) -> bool:
    """Take the innermost brackets away as often as may be; this is linear, and quick."""
    if b'"' in brackets:  # some string has brackets or backslashes in it
        return _has_deep_value(value)
    for _ in range(DEEPEST):
        if not brackets:
            return False
        brackets = brackets.replace(b"()", b"")
    return bool(brackets)


def _has_deep_value(value: object, deepest: int = DEEPEST) -> bool:
    """Look at the values instead, one level after the other."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(deepest):
        if not level:
            return False
        children = (child for each in level for child in (each.values() if isinstance(each, dict) else each))
        level = [child for child in children if isinstance(child, dict | list)]
    return bool(level)


def decode_text(body: bytes, _parameters: Mapping[str, str] | None = None) -> object:
    """Return the characters of a text.

    Raises:
        MalformedBodyError: It is not UTF-8.
    """
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise MalformedBodyError("The body is not valid UTF-8") from error
