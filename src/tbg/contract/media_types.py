"""Media types: what they say of the bytes."""

from typing import Final

JSON: Final = "application/json"
MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"
FORMS: Final = frozenset({MULTIPART, URLENCODED})

UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii"})
"""The values of ``charset`` that are read; ASCII is UTF-8, too."""

_TEXTUAL: Final = frozenset({"json", "xml", "yaml", "javascript", "x-www-form-urlencoded", "csv", "graphql"})


def is_json(media_type: str) -> bool:
    """Tell whether a media type is JSON, by name or by suffix."""
    return media_type == JSON or media_type.endswith("+json")


def is_text(media_type: str) -> bool:
    """Tell whether what has this (lower-case) media type is text, by name or by suffix."""
    main, _, sub = media_type.partition("/")
    return main == "text" or sub.rpartition("+")[2] in _TEXTUAL or sub.removeprefix("x-") in _TEXTUAL
