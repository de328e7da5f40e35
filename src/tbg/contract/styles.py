"""Values of any style and schema, read from raw fields (OpenAPI 3.1.1, section 4.8.12; RFC 6570).

What the specification does not define is refused when a style is compiled. A schema that allows several kinds of values
(`anyOf: [array, string]`) is read as each kind that the fields can be, until it accepts what was read.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Literal

import attrs
from jsonschema_path import SchemaPath

from tbg.contract.brackets import BracketCaster
from tbg.contract.casting import Cast, Casters, as_text
from tbg.contract.raw import Decode, Fields, decode_form, decode_percent
from tbg.contract.readers import (
    DeepObject,
    Exploded,
    InOneText,
    InvalidParameterError,
    Read,
    Reader,
    malformed,
    text_reader,
)
from tbg.contract.schemas import Validate
from tbg.contract.shapes import (
    MISSING,
    PRIMITIVES,
    Alternative,
    Schema,
    is_open,
    item_groups,
    member_groups,
    member_schemas,
    other_members,
    property_names,
    types,
    written,
)

Location = Literal["path", "query", "header", "cookie"]
Kind = Literal["primitive", "array", "object"]

_DECODERS: Final[Mapping[str, Decode]] = {
    "path": decode_percent,
    "query": decode_form,
    "header": str.strip,  # the blanks around the items of a list (RFC 9110, section 5.6.1)
    "cookie": decode_percent,
}
_STYLES: Final[Mapping[str, tuple[str, ...]]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}
# The cells of the table in section 4.8.12.3 that not every kind and "explode" has.
_PARTIAL: Final[Mapping[str, frozenset[tuple[str, bool]]]] = {
    "spaceDelimited": frozenset({("array", False), ("object", False)}),
    "pipeDelimited": frozenset({("array", False), ("object", False)}),
    "deepObject": frozenset({("object", True)}),
}


@attrs.frozen
class Style:
    """How one value is read.

    Attributes:
        read: Return the value, cast by its schema, or MISSING.
        names: The names of the fields that it takes.
        prefix: What other names begin with that it takes, or None.
        takes_others: Whether it takes all fields that nothing else does, for its schema leaves the names open: `read`
            must be given no others.
        is_exploded: Whether it is nothing but a list or an object of several fields.
    """

    read: Read = attrs.field(repr=False)
    names: frozenset[str]
    prefix: str | None = None
    takes_others: bool = False
    is_exploded: bool = False

    def takes(self, name: str) -> bool:
        """Tell whether a field is this value's, or a part of it."""
        return name in self.names or (self.prefix is not None and name.startswith(self.prefix))


@attrs.frozen
class _Value:
    """What is to be read: a name, a style, a schema."""

    name: str
    style: str
    explode: bool
    decode: Decode
    schemas: list[Schema]
    casters: Casters

    def alternatives(self, kind: str) -> list[Alternative]:
        """Return the alternatives of the schema that allow a kind of value."""
        return [each for each in self.casters.shapes.alternatives(self.schemas) if kind in types(each)]


def compile_style(  # noqa: PLR0913 - what a style is made of
    spec: SchemaPath,
    schema: SchemaPath,
    name: str,
    style: str,
    *,
    explode: bool,
    location: Location = "query",
    decode: Decode | None = None,
) -> Style:
    """Compile the reading of one value.

    Args:
        spec: The document.
        schema: The value's schema.
        name: Of the parameter, header or property.
        style: As the contract says, or its default.
        explode: The same.
        location: Whose styles are allowed, and how text is decoded there.
        decode: How it is decoded, if otherwise.

    Raises:
        ValueError: OpenAPI does not define this, or the schema is too much to read text by.
    """
    casters = Casters(spec)
    value = _Value(name, style, explode, decode or _DECODERS[location], [written(schema)], casters)
    kinds = _kinds(casters.shapes.types(value.schemas))
    _check(value, kinds, location)
    if style == "deepObject":
        return _deep_object(spec, value, kinds)
    if style == "form" and explode:
        return _exploded(value, kinds)
    reader = InOneText(name, style, explode, value.decode)
    return Style(_reading(value, kinds, reader, casters), frozenset({name}))


def style_of(parameter: SchemaPath, location: Location) -> tuple[str, bool]:
    """Return the style and ``explode`` of a parameter, header or encoding, or their defaults.

    ``deepObject`` means nothing unless it explodes, so that is its default here (section 4.8.12.2.2 has false).
    """
    style = (parameter / "style").read_str("form" if location in {"query", "cookie"} else "simple")
    return style, (parameter / "explode").read_bool(style in {"form", "deepObject"})


def _kinds(names: frozenset[str]) -> tuple[Kind, ...]:
    """Return the kinds of values by their types; null is never sent (RFC 6570, section 2.3)."""
    found = [kind for kind in ("array", "object") if kind in names]
    return ("primitive", *found) if names & PRIMITIVES or not found else tuple(found)


def _check(value: _Value, kinds: tuple[Kind, ...], location: str) -> None:
    if value.style not in _STYLES[location]:
        raise ValueError(f"'{value.name}': OpenAPI has no style '{value.style}' in {location}")
    compound = [kind for kind in kinds if kind != "primitive"]
    for kind in compound or kinds:
        if (kind, value.explode) not in _PARTIAL.get(value.style, {(kind, value.explode)}):
            raise ValueError(
                f"'{value.name}': style '{value.style}' with explode: {str(value.explode).lower()} is not defined "
                f"for values of type '{kind}' (OpenAPI 3.1.1, section 4.8.12.3)"
            )
    if location == "header":
        _check_parts(value)


def _check_parts(value: _Value) -> None:
    """Refuse arrays and objects inside others in a header: they are read as JSON, whose commas would split them."""
    groups = [schemas for each in value.alternatives("array") for schemas in item_groups(each)]
    groups += [schemas for each in value.alternatives("object") for schemas in member_groups(each)]
    if any("primitive" not in _kinds_of(value, schemas) for schemas in groups):
        raise ValueError(
            f"'{value.name}': OpenAPI does not define how a header writes an array or object inside another one: "
            "use content: application/json"
        )


def _kinds_of(value: _Value, schemas: list[Schema]) -> tuple[Kind, ...]:
    return _kinds(value.casters.shapes.types(schemas))


def _exploded(value: _Value, kinds: tuple[Kind, ...]) -> Style:
    objects = value.alternatives("object")
    names = frozenset(name for each in objects for name in property_names(each))
    takes_others = any(map(is_open, objects))
    reader = Exploded(
        value.name,
        value.decode,
        names=names,
        is_open=takes_others,
        lists=frozenset(name for name in names if any(_is_list(value, member_schemas(each, name)) for each in objects)),
        others_are_lists=any(_is_list(value, other_members(each)) for each in objects),
    )
    own = names if kinds == ("object",) else names | {value.name}
    read = _reading(value, kinds, reader, value.casters)
    return Style(read, own, takes_others=takes_others, is_exploded="primitive" not in kinds)


def _is_list(value: _Value, schemas: list[Schema]) -> bool:
    return _kinds_of(value, schemas) == ("array",)


def _deep_object(spec: SchemaPath, value: _Value, kinds: tuple[Kind, ...]) -> Style:
    groups = [schemas for each in value.alternatives("object") for schemas in member_groups(each)]
    is_nested = any(_kinds_of(value, schemas) != ("primitive",) for schemas in groups)
    reader = DeepObject(value.name, value.decode, is_nested=is_nested)
    casters = Casters(spec, BracketCaster) if is_nested else value.casters
    names = frozenset({value.name} if "primitive" in kinds else ())
    return Style(_reading(value, kinds, reader, casters), names, prefix=f"{value.name}[")


def _reading(value: _Value, kinds: tuple[Kind, ...], reader: Reader, casters: Casters) -> Read:
    cast = casters.cast(value.schemas)
    methods: Mapping[Kind, Read] = {"primitive": reader.primitive, "array": reader.items, "object": reader.members}
    reads = {kind: methods[kind] for kind in kinds}
    if len(reads) > 1:
        return partial(_read_any, reads, cast, casters.validate(value.schemas))
    (read,) = reads.values()
    if kinds == ("primitive",) and value.style in {"form", "simple"}:
        read = text_reader(value.name, value.decode)
        return read if cast is as_text else lambda fields: cast(read(fields))

    def read_one(fields: Fields) -> object:
        try:
            found = read(fields)
        except UnicodeDecodeError:
            raise malformed() from None
        return found if found is MISSING else cast(found)

    return read_one


# Which kind a text is first tried as. A delimiter in it is one: in a text it would be encoded (appendix C).
_WITH_DELIMITER: Final[tuple[Kind, ...]] = ("object", "array", "primitive")
_WITHOUT: Final[tuple[Kind, ...]] = ("primitive", "array", "object")


def _read_any(reads: Mapping[Kind, Read], cast: Cast, findings: Validate, fields: Fields) -> object:
    """Return the first reading that the schema accepts, else the likeliest; MISSING if there is none."""
    found: dict[Kind, Any] = {}
    errors: list[InvalidParameterError] = []
    for kind, read in reads.items():
        try:
            found[kind] = read(fields)
        except UnicodeDecodeError:
            raise malformed() from None
        except InvalidParameterError as error:
            errors.append(error)
    found = {kind: value for kind, value in found.items() if value is not MISSING}
    if not found:
        if errors:
            raise errors[0]
        return MISSING
    has_delimiter = "object" in found or len(found.get("array", ())) > 1
    values = [cast(found[kind]) for kind in (_WITH_DELIMITER if has_delimiter else _WITHOUT) if kind in found]
    return next((value for value in values if not findings(value)), values[0])
