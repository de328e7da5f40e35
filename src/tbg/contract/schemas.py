"""One schema of the contract, compiled once, judged by openapi-core."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

import attrs
import msgspec
from jsonschema.exceptions import ValidationError
from jsonschema_path import SchemaPath
from openapi_core.validation.schemas import oas31_schema_validators_factory
from openapi_core.validation.schemas.exceptions import InvalidSchemaValue

from tbg.contract.pointers import to_pointer

MAX_FINDINGS = 20
"""How many findings one message carries at most: a client can send a thousand wrong items in one body."""


@attrs.frozen
class Finding:
    """What is wrong at one place of a value; it says what the contract wants, never what was there.

    Attributes:
        pointer: JSON Pointer to the place; ``""`` is the whole value.
        code: The JSON Schema keyword that failed, or ``type``, ``format``, ``repeated``.
        detail: One clause for people: ``must be at most 10``.
    """

    pointer: str
    code: str
    detail: str


Validate = Callable[[object], tuple[Finding, ...]]
"""Judge one value; no findings means that it is valid."""


def compile_schema(spec: SchemaPath, schema: SchemaPath) -> Validate:
    """Build the validator of ``schema`` with openapi-core's factory."""
    validator = oas31_schema_validators_factory.create(spec, schema)

    def validate(value: object) -> tuple[Finding, ...]:
        try:
            validator.validate(value)
        except InvalidSchemaValue as invalid:
            return explain(invalid.schema_errors)
        except RecursionError:
            return (Finding("", "depth", "is nested too deeply"),)
        return ()

    return validate


def explain(errors: Iterable[Exception]) -> tuple[Finding, ...]:
    """Translate jsonschema's errors, whose own messages quote the value, into findings that don't."""
    findings = (finding for error in errors if isinstance(error, ValidationError) for finding in _explain_one(error))
    found: dict[Finding, None] = {}
    for finding in findings:
        found[finding] = None  # jsonschema has one error per missing property, each of which names them all
        if len(found) == MAX_FINDINGS:
            break
    return tuple(found)


def _explain_one(error: ValidationError) -> Iterator[Finding]:
    path = tuple(error.absolute_path)
    code = str(error.validator)
    if error.schema is False:
        yield Finding(to_pointer(error.absolute_path), "false", "is not allowed")
    elif code == "required" and isinstance(error.instance, dict):
        names = cast("list[str]", error.validator_value)
        missing = [name for name in names if name not in error.instance]
        yield from (Finding(to_pointer((*path, name)), code, "is required") for name in missing)
    elif code == "additionalProperties" and error.validator_value is False and isinstance(error.instance, dict):
        known = cast("Mapping[str, Any]", error.schema)
        unknown = [each for each in error.instance if each not in known.get("properties", ())]
        patterns = known.get("patternProperties", ())
        unknown = [each for each in unknown if not any(re.search(pattern, each) for pattern in patterns)]
        yield from (Finding(to_pointer((*path, name[:64])), code, "is not a known property") for name in unknown)
    else:
        yield Finding(to_pointer(path), code, describe(code, error.validator_value))


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
