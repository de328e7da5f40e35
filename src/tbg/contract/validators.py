"""openapi-core's schema validators, made safe to run on what strangers send.

jsonschema compares the items of a ``uniqueItems`` array each with each unless they can be sorted, so 30 KB of small
objects keep a worker busy for half a minute; and it looks at every item of an array that is too long anyway. The
verdicts stay the same. Formats are ours (`tbg.contract.formats`).
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from jsonschema import FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from jsonschema_path import SchemaPath
from openapi_core.validation.schemas import oas31_schema_validators_factory
from openapi_core.validation.schemas.factories import DialectSchemaValidatorsFactory

from tbg.contract.formats import format_checker

type Errors = Iterator[ValidationError]


class _SafeFactory(DialectSchemaValidatorsFactory):
    def get_format_checker(self, *_: object, **__: object) -> FormatChecker:
        return self.format_checker  # openapi-core copies it deeply for each schema

    def get_validator_cls(self, spec: SchemaPath, schema: SchemaPath) -> type[Validator]:
        return _safe(super().get_validator_cls(spec, schema))  # type: ignore[no-any-return]  # jsonschema makes its classes at run time


@cache
def _safe(cls: Any) -> Any:  # noqa: ANN401 - the same
    look_at_items = cls.VALIDATORS["items"]

    def items(validator: Validator, wanted: object, instance: object, schema: dict[str, Any]) -> Errors:
        if not _is_too_long(instance, schema):
            yield from look_at_items(validator, wanted, instance, schema) or ()

    look_at_format = cls.VALIDATORS["format"]

    def format_(validator: Validator, name: object, instance: Any, schema: dict[str, Any]) -> Errors:  # noqa: ANN401 - any value of JSON
        # A half is no int32 either, but that it is no integer is all that needs to be said.
        if schema.get("type") != "integer" or validator.is_type(instance, "integer"):
            yield from look_at_format(validator, name, instance, schema) or ()

    return extend(cls, {"items": items, "uniqueItems": _unique_items, "format": format_})  # type: ignore[no-untyped-call]


def _is_too_long(instance: object, schema: dict[str, Any]) -> bool:
    return isinstance(instance, list) and len(instance) > schema.get("maxItems", len(instance))


def _unique_items(_validator: Validator, wanted: object, instance: object, schema: dict[str, Any]) -> Errors:
    if wanted and isinstance(instance, list) and not _is_too_long(instance, schema):
        # Bytes, because their hashes are keyed: a stranger could choose numbers whose hashes are all the same.
        distinct = {msgspec.json.encode(_as_json_equals(item), order="deterministic") for item in instance}
        if len(distinct) < len(instance):
            yield ValidationError("has non-unique elements")


def _as_json_equals(value: object) -> object:
    """Write equal numbers alike: to JSON Schema, 1 and 1.0 are the same."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _as_json_equals(child) for key, child in value.items()}
    return [_as_json_equals(child) for child in value] if isinstance(value, list) else value


validators_factory = _SafeFactory(
    oas31_schema_validators_factory.schema_validator_cls,
    oas31_schema_validators_factory.default_jsonschema_dialect_id,
    format_checker,
)
JUDGE = _safe(oas31_schema_validators_factory.schema_validator_cls)
"""The class of every validator, unless the contract names another dialect."""
