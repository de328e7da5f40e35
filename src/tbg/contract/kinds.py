"""How the value of a schema is sent outside JSON: as text, as bytes or, when it has members, as JSON.

The defaults of OpenAPI 3.1.1, section 4.8.15.1.1. What says nothing is bytes; so is what OpenAPI 3.0 called ``binary``,
which people still write.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from tbg.contract.media_types import is_text
from tbg.contract.shapes import Alternative, Schema, Shapes, item_schemas, types
from tbg.contract.uploads import Lengths

BINARY: Final = "binary"
"""Beside JSON's types: bytes."""

Kinds = frozenset[str]
"""The types that a value can have, by JSON Schema's names, or `BINARY`."""

STRUCTURED: Final = frozenset({"object", "array"})

_OF_TEXT: Final = frozenset({"type", "enum", "const", "pattern", "format", "contentEncoding"})
_COUNTING: Final = frozenset(
    {
        *("type", "format", "contentMediaType", "contentEncoding", "minLength", "maxLength", "allOf", "anyOf", "oneOf"),
        *("$ref", "title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly"),
        *("$comment", "items", "minItems", "maxItems", "externalDocs", "xml"),
    }
)


def kinds_of(shapes: Shapes, schemas: Iterable[Schema]) -> Kinds:
    """Return the kinds of value that ``schemas``, which all hold, allow."""
    return frozenset[str]().union(*map(_kinds, shapes.alternatives(schemas)))


def _kinds(alternative: Alternative) -> Kinds:
    names = types(alternative)
    if "string" not in names or any("contentEncoding" in each for each in alternative):  # encoded bytes are text
        return names
    says_nothing = _OF_TEXT.isdisjoint(keyword for each in alternative for keyword in each)
    return (names - {"string"}) | {BINARY} if says_nothing or any(map(_is_binary, alternative)) else names


def _is_binary(schema: Mapping[str, Any]) -> bool:
    media_type = schema.get("contentMediaType")
    return schema.get("format") == BINARY or (isinstance(media_type, str) and not is_text(media_type.lower()))


def items_of(shapes: Shapes, schemas: Iterable[Schema]) -> list[list[Schema]]:
    """Return what holds for the items of an array, for each kind of array that ``schemas`` allow."""
    return [item_schemas(each, 0) for each in shapes.alternatives(schemas) if "array" in types(each)]


def lengths_of(shapes: Shapes, schemas: Sequence[Schema]) -> Lengths | None:
    """Return what is asked of the length of bytes; None if more is asked of them, so that they must be looked at."""
    values = list(_of_all(shapes, schemas))
    keywords = {keyword for value in values for keyword in value if not keyword.startswith("x-")}
    if not keywords <= _COUNTING or any(value.get("format", BINARY) != BINARY for value in values):
        return None
    steps = {int(value["minLength"]) for value in values if "minLength" in value}
    steps |= {int(value["maxLength"]) + 1 for value in values if "maxLength" in value}
    return Lengths(tuple(sorted(steps)), _longest(shapes, schemas))


def _longest(shapes: Shapes, schemas: Sequence[Schema]) -> int | None:
    """Return beyond which length nothing is valid, of items if there are any, or None."""
    groups: list[list[Schema]] = items_of(shapes, schemas) or [list(schemas)]
    longest = [
        min((int(each["maxLength"]) for each in alternative if "maxLength" in each), default=None)
        for group in groups
        for alternative in shapes.alternatives(group)
    ]
    return None if None in longest or not longest else max(each for each in longest if each is not None)


def encoding_of(shapes: Shapes, schemas: Sequence[Schema]) -> str:
    """Return the ``contentEncoding`` of a schema or of its items; ``""`` if they have none."""
    encodings = (value["contentEncoding"] for value in _of_all(shapes, schemas) if "contentEncoding" in value)
    return str(next(encodings, "")).lower()


def _of_all(shapes: Shapes, schemas: Sequence[Schema]) -> Iterator[Mapping[str, Any]]:
    for each in (schemas, *items_of(shapes, schemas)):
        for alternative in shapes.alternatives(each):
            yield from alternative
