"""The named texts of a query, a form or a Cookie header, as they were sent: still percent-encoded.

What stands between delimiters is decoded only after it was split (OpenAPI 3.1.1, appendix C, "Delimiters in Parameter
Values"), so an encoded delimiter is data. Names are decoded at once.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote, unquote_plus, unquote_to_bytes

Fields = Mapping[str, list[str]]
"""Raw values by decoded name, each as often as it was sent, in that order."""

Decode = Callable[[str], str]
"""Turn a raw value, or a part of one, into text; UnicodeDecodeError if that is none."""

MOST_FIELDS: Final = 1000
NO_FIELDS: Final[Fields] = {}


def decode_form(raw: str) -> str:
    """Decode what stands in a query or an urlencoded form, where ``+`` is a space (appendix E)."""
    return unquote_plus(raw, errors="strict") if "%" in raw or "+" in raw else raw


def decode_percent(raw: str) -> str:
    """Decode what stands in a path or a cookie, where ``+`` is itself (RFC 3986, section 2.1)."""
    return unquote(raw, errors="strict") if "%" in raw else raw


def decode_nothing(raw: str) -> str:
    """Take a text as it is: nothing in a header or a part of a multipart body is percent-encoded."""
    return raw


def split_query(text: str) -> Fields:
    """Split a query, or an urlencoded form, into its fields.

    Raises:
        ValueError: It has too many of them, or is not UTF-8.
    """
    if not text:
        return NO_FIELDS
    if text.count("&") >= MOST_FIELDS:
        raise ValueError("too many fields")
    is_encoded = "%" in text or "+" in text
    if is_encoded:
        unquote_to_bytes(text).decode()
    fields: dict[str, list[str]] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if is_encoded:
            name = decode_form(name)
        if name in fields:
            fields[name].append(value)
        elif pair:
            fields[name] = [value]
    return fields


_QUOTED_PAIR: Final = re.compile(r"\\([0-3][0-7]{2}|.)", re.DOTALL)


def split_cookies(text: str) -> Fields:
    """Split a Cookie header into its pairs (RFC 6265, sections 4.2.1 and 5.4), however untidy."""
    fields: dict[str, list[str]] = {}
    for pair in text.split(";"):
        name, equals, value = pair.partition("=")
        name = name.strip()
        if name and equals:
            fields.setdefault(name, []).append(_unquoted(value.strip()))
    return fields


def _unquoted(value: str) -> str:
    """Take the quotes off a value, and the escapes that Python writes into one (RFC 2109, section 4.1)."""
    if len(value) < 2 or not value[0] == value[-1] == '"':  # noqa: PLR2004 - both quotes
        return value
    return _QUOTED_PAIR.sub(_unescaped, value[1:-1]) if "\\" in value else value[1:-1]


def _unescaped(found: re.Match[str]) -> str:
    escaped = found[1]
    return escaped if len(escaped) == 1 else chr(int(escaped, 8))


class PathText(str):
    """The decoded text of a path's parameter, which knows how it was written."""

    __slots__ = ("raw",)
    raw: str

    @classmethod
    def of(cls, raw: str) -> str:
        """Decode ``raw``; what is not encoded is its own raw text."""
        if "%" not in raw:
            return raw
        text = cls(unquote(raw))
        text.raw = raw
        return text
