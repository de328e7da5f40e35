"""One schema of the contract, compiled once, judged by openapi-core."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, cast

import attrs
import msgspec
from jsonschema.exceptions import ValidationError
from jsonschema_path import SchemaPath

from tbg.contract.accepting import acceptor
from tbg.contract.pointers import to_pointer
from tbg.contract.validators import validators_factory

_MAX_ERRORS = 1000
MAX_FINDINGS = 20
"""How many findings one message carries at most: a client can send a thousand wrong items in one body."""

_LONGEST_POINTER = 200
_LONGEST_KEY = 64


def cut(text: str, length: int) -> str:
    """Return at most ``length`` characters; what was cut ends in an ellipsis, what UTF-8 has not becomes ``?``."""
    short = text if len(text) <= length else text[: length - 1] + "…"
    return short if short.isascii() else short.encode(errors="replace").decode()


def _cut_pointer(pointer: str) -> str:
    return cut(pointer, _LONGEST_POINTER)


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
        pointer: JSON Pointer to the place, cut at 200 characters; ``""`` is the whole value.
        code: The JSON Schema keyword that failed, or ``type``, ``format``, ``repeated``, ``nul``.
        detail: One clause for people: ``must be at most 10``.
    """

    pointer: str = attrs.field(converter=_cut_pointer)
    code: str
    detail: str


Validate = Callable[[object], tuple[Finding, ...]]
"""Judge one value; no findings means that it is valid."""


def compile_schema(spec: SchemaPath, schema: SchemaPath) -> Validate:
    """Build the validator of ``schema`` with openapi-core's factory; it is asked what the acceptor does not accept."""
    validator = validators_factory.create(spec, schema).validator
    accepts = acceptor(validator)

    def validate(value: Any) -> tuple[Finding, ...]:  # noqa: ANN401 - any value of JSON
        if accepts(value):
            return ()
        try:
            # Not openapi-core's own validate(): it finds every error first, of a million wrong items too.
            return explain(validator.iter_errors(value))
        except RecursionError:
            return (Finding("", "depth", "is nested too deeply"),)

    return validate


def explain(errors: Iterable[Exception]) -> tuple[Finding, ...]:
    """Translate jsonschema's errors, whose own messages quote the value, into findings that don't."""
    several = (_explain_one(error) for error in islice(errors, _MAX_ERRORS) if isinstance(error, ValidationError))
    found: dict[Finding, None] = {}
    for finding in chain.from_iterable(several):
        found[finding] = None  # jsonschema has one error per missing property, each of which names them all
        if len(found) == MAX_FINDINGS:
            break
    return tuple(found)


def _explain_one(error: ValidationError) -> Iterable[Finding]:
    """Return one finding at least: an error without any would be taken for none."""
    path = tuple(error.absolute_path)
    code = str(error.validator)
    if error.schema is False:
        return [Finding(pointer_of(path), "false", "is not allowed")]
    each: Iterator[str] = iter(())
    detail = ""
    if code == "required":
        each, detail = _missing(error), "is required"
    elif code == "additionalProperties" and error.validator_value is False:
        each, detail = _unknown(error), "is not a known property"
    names = [cut(name, _LONGEST_KEY) for name in islice(each, MAX_FINDINGS)]
    if not names:
        return [Finding(pointer_of(path), code, describe(code, error.validator_value))]
    return [Finding(pointer_of((*path, name)), code, detail) for name in names]


def _missing(error: ValidationError) -> Iterator[str]:
    instance = cast("Mapping[str, object]", error.instance)
    return (name for name in cast("list[str]", error.validator_value) if name not in instance)


def _unknown(error: ValidationError) -> Iterator[str]:
    schema = cast("Mapping[str, Any]", error.schema)
    names = (name for name in cast("Mapping[str, object]", error.instance) if name not in schema.get("properties", ()))
    patterns = schema.get("patternProperties", ())
    return (name for name in names if not any(re.search(pattern, name) for pattern in patterns))


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
    "dependentRequired": "lacks a property that another one asks for",
}


def describe(code: str, wanted: object) -> str:
    """Say what the keyword ``code`` with the value ``wanted`` asks for, in one clause."""
    values = wanted if isinstance(wanted, list) else [wanted]
    text = ", ".join(value if isinstance(value, str) else msgspec.json.encode(value).decode() for value in values)
    return _CLAUSES.get(code, f"does not satisfy {code}").format(text[:200])
