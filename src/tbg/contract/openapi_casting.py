"""Turn the text of a parameter into a value, by the grammar of JSON and nothing looser.

openapi-core casts with Python's ``int``, ``float`` and a list of words, so ``1_000``, `` 7 ``, ``٣``, ``nan`` and
``yes`` pass; and a ``type`` that is a list makes it raise TypeError. These casters are put in the places that it has
for its own.
"""

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jsonschema_path import SchemaPath
from openapi_core.casting.schemas.casters import (
    AnyCaster,
    ArrayCaster,
    ObjectCaster,
    PrimitiveCaster,
    SchemaCaster,
    TypesCaster,
)
from openapi_core.casting.schemas.exceptions import CastError
from openapi_core.casting.schemas.factories import SchemaCastersFactory
from openapi_core.deserializing.styles import style_deserializers
from openapi_core.deserializing.styles.deserializers import StyleDeserializer
from openapi_core.deserializing.styles.factories import StyleDeserializersFactory
from openapi_core.schema.schemas import get_properties
from openapi_core.validation.schemas.validators import SchemaValidator

from tbg.contract.validators import validators_factory

if TYPE_CHECKING:
    from collections.abc import Iterable

# The number grammar of RFC 8259, section 6; 400 digits are more than a double needs and less than int() refuses.
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,399})", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,399})(?:\.[0-9]{1,400})?(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


class _Integer(PrimitiveCaster):
    def cast(self, value: Any) -> Any:  # noqa: ANN401 - openapi-core's signature
        if not isinstance(value, str):
            return value
        if _INTEGER.fullmatch(value) is None:
            raise ValueError("not an integer")
        return int(value)


class _Number(PrimitiveCaster):
    def cast(self, value: Any) -> Any:  # noqa: ANN401 - openapi-core's signature
        if not isinstance(value, str):
            return value
        if _NUMBER.fullmatch(value) is None or (number := float(value)) in {float("inf"), float("-inf")}:
            raise ValueError("not a number")
        return int(value) if _INTEGER.fullmatch(value) else number


class _Boolean(PrimitiveCaster):
    def cast(self, value: Any) -> Any:  # noqa: ANN401 - openapi-core's signature
        if not isinstance(value, str):
            return value
        try:
            return _BOOLEANS[value]
        except KeyError:
            raise ValueError("not a boolean") from None


class _Null(PrimitiveCaster):
    def cast(self, value: Any) -> Any:  # noqa: ANN401 - openapi-core's signature
        if isinstance(value, str):
            raise ValueError("text is never null")  # noqa: TRY004 - what openapi-core expects of a caster
        return value


class _OneOfTypes(PrimitiveCaster):
    """Cast for ``type: [integer, "null"]``: the first type that takes the text; text is the last resort."""

    def cast(self, value: Any) -> Any:  # noqa: ANN401 - openapi-core's signature
        for name in (self.schema / "type").read_str_or_list([]):
            if name in {"string", "null"}:
                continue
            try:
                return _CASTERS[name](self.schema, self.schema_validator, self.schema_caster)(value)
            except (ValueError, TypeError, CastError):
                continue
        return value


class _Array(ArrayCaster):
    """openapi-core's, without looking the items' schema up for each array."""

    @cached_property
    def items_caster(self) -> SchemaCaster:
        return super().items_caster


class _Object(ObjectCaster):
    """The same for the properties of an object."""

    @cached_property
    def _properties(self) -> dict[str, SchemaCaster]:
        properties = get_properties(self.schema).items()
        return {name: self.schema_caster.evolve(schema) for name, schema in properties}

    @cached_property
    def _is_simple(self) -> bool:
        return "allOf" not in self.schema

    def cast(self, value: dict[str, Any]) -> dict[str, Any]:
        if not self._is_simple or not isinstance(value, dict):
            return super().cast(value)
        return value | {name: caster.cast(value[name]) for name, caster in self._properties.items() if name in value}


_CASTERS: dict[str, type[PrimitiveCaster]] = {
    "object": _Object,
    "array": _Array,
    "boolean": _Boolean,
    "integer": _Integer,
    "number": _Number,
    "string": PrimitiveCaster,
    "null": _Null,
}


class _SchemaCaster(SchemaCaster):
    @cached_property
    def _type_caster(self) -> PrimitiveCaster:
        return self.get_type_caster((self.schema / "type").read_str_or_list(None))

    def cast(self, value: Any) -> Any:  # noqa: ANN401 - openapi-core's signature
        try:
            return self._type_caster(value)
        except (ValueError, TypeError) as error:
            raise CastError(value, "another type") from error


class _TolerantCaster(_SchemaCaster):
    """Leave text that is not of the wanted type as it is: the schema refuses it, and knows exactly where it stands."""

    def cast(self, value: Any) -> Any:  # noqa: ANN401 - openapi-core's signature
        try:
            return super().cast(value)
        except CastError:
            return value


class _AnyCaster(AnyCaster):
    """Try the alternatives of ``oneOf`` and ``anyOf`` strictly, or the first would always be taken."""

    def __init__(self, schema: SchemaPath, schema_validator: SchemaValidator, schema_caster: SchemaCaster) -> None:
        super().__init__(schema, schema_validator, _SchemaCaster(schema, schema_validator, schema_caster.types_caster))


class _SchemaCastersFactory(SchemaCastersFactory):
    def create(self, spec: SchemaPath, schema: SchemaPath, *_: Any, **__: Any) -> SchemaCaster:  # noqa: ANN401 - openapi-core's signature
        return _TolerantCaster(schema, self.schema_validators_factory.create(spec, schema), self.types_caster)


class _StyleDeserializersFactory(StyleDeserializersFactory):
    def create(self, spec: SchemaPath, schema: SchemaPath, style: str, explode: bool, name: str) -> StyleDeserializer:  # noqa: FBT001 - openapi-core's signature
        caster = self.schema_casters_factory.create(spec, schema)
        return StyleDeserializer(style, explode, name, main_type(schema), caster, self.style_deserializers.get(style))


def is_plain_text(schema: SchemaPath) -> bool:
    """Tell whether text stays as it is in every style: the schema says so itself and leaves no choice."""
    return (schema / "type").read_str_or_list("") == "string"


def main_type(schema: SchemaPath) -> str:
    """Return the one ``type`` of a schema besides null, or ``""`` when it has none or several."""
    declared = (schema / "type").read_str_or_list("")
    names: Iterable[str] = [declared] if isinstance(declared, str) else declared
    others = [name for name in names if name != "null"]
    if declared == "" and "allOf" in schema:
        others = [kind for kind in map(main_type, schema / "allOf") if kind]
    return others[0] if len(others) == 1 else ""


casters = _SchemaCastersFactory(validators_factory, TypesCaster(_CASTERS, _AnyCaster, multi=_OneOfTypes))
deserializers = _StyleDeserializersFactory(casters, style_deserializers=style_deserializers)
