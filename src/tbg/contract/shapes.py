"""What a schema says of the shape of a value before there is one: enough to read text by it.

JSON Schema judges values; it does not say how to make one of text. So its compositions are taken apart into
*alternatives*: each is a list of schemas that all hold, without references and choices, and one of them must hold for
what is valid.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Any, Final
from urllib.parse import unquote

from jsonschema_path import SchemaPath

from tbg.contract.patterns import Budget, compile_pattern
from tbg.contract.pointers import follow

type Schema = Any
"""A schema as the document has it: a mapping or a boolean."""

type Alternative = tuple[Mapping[str, Any], ...]
"""The keywords of schemas that all hold at one place."""

MISSING: Final = object()
_MOST_ALTERNATIVES: Final = 1000
_NUMBERS: Final = frozenset({"integer", "number"})
_TEXT: Final = frozenset({"string"})
PRIMITIVES: Final = frozenset({"string", "integer", "number", "boolean"})
_JSON_TYPES: Final = (
    (bool, frozenset({"boolean"})),  # before int, which it is a kind of
    (int, frozenset({"integer"})),
    (float, _NUMBERS),
    (str, _TEXT),
    (list, frozenset({"array"})),
    (dict, frozenset({"object"})),
)
_OF_OBJECTS: Final = frozenset({"properties", "patternProperties", "additionalProperties", "propertyNames", "required"})
_OF_ARRAYS: Final = frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"})


def written(schema: SchemaPath) -> Schema:
    """Return a schema as it is written: a reference with what stands beside it, which ``read_value`` would follow."""
    parent = schema.parent.read_value() if schema.parts else None
    return schema.read_value() if parent is None else parent[schema.parts[-1]]


def is_plain_text(schema: SchemaPath) -> bool:
    """Tell whether text stays as it is in every style: the schema says so itself and leaves no choice."""
    return (schema / "type").read_str_or_list("") == "string"


class Shapes:
    """The schemas of one document."""

    def __init__(self, document: object) -> None:
        self._document = document

    def alternatives(self, schemas: Iterable[Schema]) -> list[Alternative]:
        """Take apart what all of ``schemas`` say of one place.

        Raises:
            ValueError: There are too many alternatives.
        """
        return _all([self._expand(schema, frozenset()) for schema in schemas])

    def types(self, schemas: Iterable[Schema]) -> frozenset[str]:
        """Return the types that a value can have; what may be anything is text."""
        return frozenset[str]().union(*map(types, self.alternatives(schemas)))

    def default(self, schema: Schema) -> object:
        """Return the default that a schema has, by itself or by what it refers to, or MISSING."""
        return next((each["default"] for each in self._always(schema, frozenset()) if "default" in each), MISSING)

    def _always(self, schema: Schema, seen: frozenset[str]) -> Iterator[Mapping[str, Any]]:
        """Yield the schemas that hold whatever the value is, the own one first."""
        if not isinstance(schema, Mapping):
            return
        yield schema
        if "$ref" in schema and schema["$ref"] not in seen:
            yield from self._always(self._target(schema["$ref"]), seen | {schema["$ref"]})
        for part in schema.get("allOf", ()):
            yield from self._always(part, seen)

    def _target(self, reference: str) -> Schema:
        return follow(self._document, unquote(reference.removeprefix("#")))

    def _expand(self, schema: Schema, seen: frozenset[str]) -> list[Alternative]:
        if not isinstance(schema, Mapping):
            return [] if schema is False else [()]
        parts: list[list[Alternative]] = [[(schema,)]]
        if "$ref" in schema:
            reference = schema["$ref"]
            # What comes back to itself on the spot adds nothing to the alternatives.
            parts.append([] if reference in seen else self._expand(self._target(reference), seen | {reference}))
        parts.extend(self._expand(part, seen) for part in schema.get("allOf", ()))
        parts.extend(self._choices(schema, seen))
        return _all(parts)

    def _choices(self, schema: Mapping[str, Any], seen: frozenset[str]) -> Iterator[list[Alternative]]:
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                yield _bounded([each for branch in schema[keyword] for each in self._expand(branch, seen)])
        if "then" in schema or "else" in schema:
            met = _all([self._expand(schema.get("if", True), seen), self._expand(schema.get("then", True), seen)])
            yield _bounded([*met, *self._expand(schema.get("else", True), seen)])
        for dependent in schema.get("dependentSchemas", {}).values():
            yield [*self._expand(dependent, seen), ()]


def _all(parts: list[list[Alternative]]) -> list[Alternative]:
    """Return the combinations of what must hold together."""
    combined: list[Alternative] = [()]
    for part in parts:
        if len(combined) * len(part) > _MOST_ALTERNATIVES:
            raise _too_many()
        combined = [(*one, *other) for one, other in product(combined, part)]
    return combined


def _bounded(alternatives: list[Alternative]) -> list[Alternative]:
    if len(alternatives) > _MOST_ALTERNATIVES:
        raise _too_many()
    return alternatives


def _too_many() -> ValueError:
    return ValueError(f"a schema with more than {_MOST_ALTERNATIVES} alternatives is too much to read text by")


def types(alternative: Alternative) -> frozenset[str]:
    """Return the types of an alternative; a number is an integer, too."""
    found: frozenset[str] | None = None
    for schema in alternative:
        for named in _named(schema):
            found = named if found is None else found & named
    return _implied(alternative) if found is None else found


def _named(schema: Mapping[str, Any]) -> Iterator[frozenset[str]]:
    if "type" in schema:
        declared = schema["type"]
        names = frozenset([declared] if isinstance(declared, str) else declared)
        yield names | _NUMBERS if "number" in names else names
    if "enum" in schema:
        yield frozenset[str]().union(*map(_types_of, schema["enum"]))
    if "const" in schema:
        yield _types_of(schema["const"])


def _types_of(value: object) -> frozenset[str]:
    return next((names for kind, names in _JSON_TYPES if isinstance(value, kind)), frozenset({"null"}))


def _implied(alternative: Alternative) -> frozenset[str]:
    """Return what a schema without types is about."""
    keywords = frozenset[str]().union(*alternative)
    implied = [name for name, its in (("object", _OF_OBJECTS), ("array", _OF_ARRAYS)) if keywords & its]
    return frozenset(implied) or _TEXT


def property_names(alternative: Alternative) -> list[str]:
    """Return the properties that an alternative names, in their order."""
    return list(dict.fromkeys(name for schema in alternative for name in schema.get("properties", ())))


def is_open(alternative: Alternative) -> bool:
    """Tell whether an object may have members that it says something of, but does not name."""
    others = [schema["additionalProperties"] for schema in alternative if "additionalProperties" in schema]
    if others:
        return False not in others
    named = property_names(alternative)
    return not named or any("patternProperties" in schema for schema in alternative)


def item_groups(alternative: Alternative) -> list[list[Schema]]:
    """Return what holds for the first items, one by one, and last for all others."""
    longest = max((len(schema.get("prefixItems", ())) for schema in alternative), default=0)
    return [item_schemas(alternative, position) for position in range(longest + 1)]


def item_schemas(alternative: Alternative, position: int) -> list[Schema]:
    """Return what holds for one item."""
    return [schema for parent in alternative for schema in _item(parent, position)]


def _item(parent: Mapping[str, Any], position: int) -> list[Schema]:
    prefix = parent.get("prefixItems", ())
    if position < len(prefix):
        return [prefix[position]]
    return [parent[name] for name in ("items", "unevaluatedItems") if name in parent][:1]


def member_groups(alternative: Alternative) -> list[list[Schema]]:
    """Return what holds for each member that is named, for those of each pattern, and for all others."""
    named = [member_schemas(alternative, name) for name in property_names(alternative)]
    matching = [matching_members(alternative, pattern) for pattern in pattern_names(alternative)]
    return [*named, *matching, other_members(alternative)]


def member_schemas(alternative: Alternative, name: str) -> list[Schema]:
    """Return what holds for one member."""
    return [schema for parent in alternative for schema in _member(parent, name)]


def _member(parent: Mapping[str, Any], name: str) -> list[Schema]:
    own = [parent["properties"][name]] if name in parent.get("properties", ()) else []
    matching = [schema for pattern, schema in parent.get("patternProperties", {}).items() if matcher(pattern)(name)]
    return [*own, *matching] or other_members([parent])


def matcher(pattern: str) -> Callable[[str], bool]:
    """Build what matches names in linear time, for clients choose them.

    Raises:
        ValueError: The pattern cannot be matched so.
    """
    compiled = compile_pattern(pattern)
    if compiled.native is None:
        raise ValueError(f"names that match {pattern[:100]!r}: the pattern takes more than linear time")
    return lambda name: compiled.matches(name, Budget())


def pattern_names(alternative: Alternative) -> list[str]:
    """Return the patterns by which an alternative names members."""
    return list(dict.fromkeys(pattern for schema in alternative for pattern in schema.get("patternProperties", ())))


def matching_members(alternative: Alternative, pattern: str) -> list[Schema]:
    """Return what holds for the members that match one of the patterns."""
    found = [each["patternProperties"][pattern] for each in alternative if pattern in each.get("patternProperties", ())]
    return [*found, *other_members([each for each in alternative if "patternProperties" not in each])]


def other_members(alternative: Iterable[Mapping[str, Any]]) -> list[Schema]:
    """Return what holds for the members that are not named."""
    names = ("additionalProperties", "unevaluatedProperties")
    return [schema for parent in alternative for schema in [parent[name] for name in names if name in parent][:1]]
