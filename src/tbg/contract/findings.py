"""What a client is told: where a value is wrong and what the contract wants, never what was there."""

from collections.abc import Iterable

import attrs
import msgspec

from tbg.contract.pointers import to_pointer

_LONGEST_POINTER = 200
_LONGEST_KEY = 64


def cut(text: str, length: int) -> str:
    """Return at most ``length`` characters; what was cut ends in an ellipsis, what UTF-8 has not becomes ``?``."""
    short = text if len(text) <= length else text[: length - 1] + "…"
    return short if short.isascii() else short.encode(errors="replace").decode()


def _cut_pointer(pointer: str) -> str:
    return cut(pointer, _LONGEST_POINTER)


def name_of(name: str) -> str:
    """Return as much of a client's key as a finding that is about it has room for."""
    return cut(name, _LONGEST_KEY)


def pointer_of(path: Iterable[object]) -> str:
    """Write the beginning of a path of a client's keys as a pointer: as much as a finding has room for."""
    pointer = ""
    for segment in path:
        pointer += to_pointer([str(segment)[: _LONGEST_POINTER + 1]])
        if len(pointer) > _LONGEST_POINTER:
            break
    return _cut_pointer(pointer)


@attrs.frozen
class Finding:
    """What is wrong at one place of a value; it says what the contract wants, never what was there.

    Attributes:
        pointer: JSON Pointer to the place, cut at 200 characters; ``""`` is all of it.
        code: The JSON Schema keyword that failed, or ``repeated``, ``nul``, ``depth``, ``budget`` and the like.
        detail: One clause for people: ``must be at most 10``.
    """

    pointer: str = attrs.field(converter=_cut_pointer)
    code: str
    detail: str


_CLAUSES = {
    "type": "must be of type {}",
    "enum": "must be one of {}",
    "const": "must be {}",
    "format": "must be a valid {}",
    "pattern": "must match the pattern {}",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be greater than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "minProperties": "must have at least {} properties",
    "maxProperties": "must have at most {} properties",
    "uniqueItems": "must have no item twice",
    "oneOf": "must match exactly one of the allowed forms",
    "anyOf": "must match one of the allowed forms",
    "not": "has a form that is not allowed",
    "contains": "lacks a required item",
    "discriminator": "must be one of {}",
    "dependentRequired": "lacks a property that another one asks for",
}


def describe(code: str, wanted: object) -> str:
    """Say what the keyword ``code`` with the value ``wanted`` asks for, in one clause."""
    values = wanted if isinstance(wanted, list) else [wanted]
    text = ", ".join(value if isinstance(value, str) else msgspec.json.encode(value).decode() for value in values)
    return _CLAUSES.get(code, f"does not satisfy {code}").format(text[:200])
