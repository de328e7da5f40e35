"""Media types: how one is written, and what it says of the bytes."""

import re
from typing import Final

JSON: Final = "application/json"
MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"
FORMS: Final = frozenset({MULTIPART, URLENCODED})

UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii"})
"""The values of ``charset`` that are read; ASCII is UTF-8, too."""

_TEXTUAL: Final = frozenset({"json", "xml", "yaml", "javascript", "x-www-form-urlencoded", "csv", "graphql"})
# The quantifiers are possessive and each match begins with a semicolon, so that a long header takes a short time.
_PARAMETER: Final = re.compile(r';[ \t]*+([^;="\s]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^;]*+))')


def parse_media_type(header: str) -> tuple[str, dict[str, str]]:
    """Split a Content-Type into its lower-case type and parameters (RFC 9110, section 8.3.1), however untidy."""
    media_type, semicolon, rest = header.partition(";")
    parameters: dict[str, str] = {}
    for name, quoted, token in _PARAMETER.findall(semicolon + rest):
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted else token.strip().strip('"')
        parameters.setdefault(name.lower(), value)
    return media_type.strip().lower(), parameters


def is_json(media_type: str) -> bool:
    """Tell whether a media type is JSON, by name or by suffix."""
    return media_type == JSON or media_type.endswith("+json")


def is_text(media_type: str) -> bool:
    """Tell whether what has this (lower-case) media type is text, by name or by suffix."""
    main, _, sub = media_type.partition("/")
    return main == "text" or sub.rpartition("+")[2] in _TEXTUAL or sub.removeprefix("x-") in _TEXTUAL
