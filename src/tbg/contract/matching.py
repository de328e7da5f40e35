"""Media types: how they are written, and which entry of a ``content`` map is meant by one.

Of the keys that match, the most specific one counts (OpenAPI 3.1.1, sections 4.8.13 and 4.8.17): a type before a range,
and with more parameters before with fewer.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TYPE: Final = re.compile(rf"{_TOKEN.pattern}/{_TOKEN.pattern}")
# The quantifiers are possessive and each match begins with a semicolon, so that a long header takes a short time.
_PARAMETER: Final = re.compile(r';[ \t]*+([^;="\s]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^;]*+))')
_MOST_SPELLINGS: Final = 16
_LONGEST_SPELLING: Final = 64
_CHARSET: Final = "charset"
_UTF8: Final = {"utf8": "utf-8"}

type Parameters = Mapping[str, str]
type Find[T] = Callable[[str], tuple[T | None, Parameters]]
"""Find by a Content-Type the entry that is meant, if any, and return the parameters with it."""


def parse_media_type(header: str) -> tuple[str, dict[str, str]]:
    """Split a Content-Type into its lower-case type and parameters (RFC 9110, section 8.3.1), however untidy."""
    media_type, semicolon, rest = header.partition(";")
    parameters: dict[str, str] = {}
    for name, quoted, token in _PARAMETER.findall(semicolon + rest):
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted else token.strip().strip('"')
        parameters.setdefault(name.lower(), value)
    return media_type.strip().lower(), parameters


def canonical(key: str) -> str:
    """Return the one spelling of a key of a ``content`` map.

    Raises:
        ValueError: It is neither a media type nor a range of them.
    """
    media_type, parameters = parse_media_type(key)
    if _TYPE.fullmatch(media_type) is None:
        raise ValueError(f"'{key}' is no media type (RFC 6838, section 4.2)")
    return "; ".join([media_type, *(f"{name}={_written(value)}" for name, value in sorted(_comparable(parameters)))])


def _written(value: str) -> str:
    """Write a parameter's value as a token, or quoted."""
    return value if _TOKEN.fullmatch(value) else '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def distinct[T](content: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Return the entries of a ``content`` map by the one spelling of their keys.

    Raises:
        ValueError: Two keys mean the same, or one means nothing.
    """
    entries: dict[str, T] = {}
    keys: dict[str, str] = {}
    for key, entry in content:
        name = canonical(key)
        if name in entries:
            raise ValueError(f"'{keys[name]}' and '{key}' are the same media type")
        keys[name], entries[name] = key, entry
    return entries


def finder[T](content: Mapping[str, T]) -> Find[T]:
    """Build what finds among ``content``, whose keys are canonical, and remembers the usual spellings."""
    table = _by_type(content)
    found: dict[str, tuple[T | None, Parameters]] = {}

    def find(header: str) -> tuple[T | None, Parameters]:
        if (known := found.get(header)) is not None:
            return known
        media_type, parameters = parse_media_type(header)
        entry = _match(table, media_type, parameters)
        if entry is not None and len(found) < _MOST_SPELLINGS and len(header) <= _LONGEST_SPELLING:
            found[header] = entry, parameters
        return entry, parameters

    return find


type _Wanted = frozenset[tuple[str, str]]


def _by_type[T](content: Mapping[str, T]) -> dict[str, list[tuple[_Wanted, T]]]:
    """Return the entries by type or range, those with most parameters first."""
    table: dict[str, list[tuple[_Wanted, T]]] = {}
    for key, entry in content.items():
        media_type, parameters = parse_media_type(key)
        table.setdefault(media_type, []).append((_comparable(parameters), entry))
    for entries in table.values():
        entries.sort(key=lambda each: -len(each[0]))
    return table


def _match[T](table: Mapping[str, list[tuple[_Wanted, T]]], media_type: str, parameters: Parameters) -> T | None:
    given = _comparable(parameters)
    # What does not name its charset is read as UTF-8.
    readings = (given,) if _CHARSET in parameters else (given, given | {(_CHARSET, "utf-8")})
    for name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        for reading in readings if name in table else ():
            for wanted, entry in table[name]:
                if wanted <= reading:
                    return entry
    return None


def _comparable(parameters: Parameters) -> _Wanted:
    """Return the parameters so that equal ones are the same: only a charset's value has no case (section 8.3.2)."""
    return frozenset((name, _charset(value) if name == _CHARSET else value) for name, value in parameters.items())


def _charset(value: str) -> str:
    return _UTF8.get(value.lower(), value.lower())
