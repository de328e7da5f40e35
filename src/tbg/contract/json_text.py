"""Single texts as JSON would read them (RFC 8259, sections 3 and 6), and nothing looser.

`1_000`, ` 7 `, `٣`, `nan` and `yes` stay what they are.
"""

import re
from typing import Any, Final

from tbg.contract.decoding import MalformedBodyError, check_depth, decode_json

# 400 digits are more than a double needs and less than int() refuses.
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,399})", re.ASCII)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,399})(?:\.[0-9]{1,400})?(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
_INFINITE: Final = frozenset({float("inf"), float("-inf")})
_BOOLEANS: Final = {"true": True, "false": False}


def as_integer(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return the integer that a text is, else the value itself."""
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value


def as_number(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return the number that a text is, an integer if it is written as one, else the value itself."""
    if not isinstance(value, str) or _NUMBER.fullmatch(value) is None:
        return value
    if _INTEGER.fullmatch(value):
        return int(value)
    number = float(value)
    return value if number in _INFINITE else number


def as_boolean(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return what ``true`` and ``false`` stand for, else the value itself."""
    return _BOOLEANS.get(value, value) if isinstance(value, str) else value


def as_json(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return the array or object that a text is as JSON, else the value itself.

    That is how one inside another is read, which OpenAPI leaves to the implementation (3.1.1, appendix C).
    """
    if not isinstance(value, str) or not value.startswith(("[", "{")):
        return value
    try:
        text = value.encode()
        found = decode_json(text)
        check_depth(text, found)
    except (MalformedBodyError, UnicodeEncodeError):
        return value
    return found
