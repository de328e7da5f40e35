"""Turn text into values by a schema, with the grammar of JSON and nothing looser.

OpenAPI 3.1.1 leaves the conversion to the implementation (appendix B). Here a text is read as a number, true or false
where the schema asks for that and JSON would write it so. What may be text as well is a number only if the schema takes
that number. What is none of what the schema asks for stays text, for the schema to refuse.
Text is never null, which RFC 6570 (section 2.3) writes by leaving the value out.
"""

from collections.abc import Callable, Iterable
from typing import Any

from jsonschema_path import SchemaPath

from tbg.contract.json_text import as_boolean, as_integer, as_json, as_number
from tbg.contract.schemas import Validate, schemas_of
from tbg.contract.shapes import (
    PRIMITIVES,
    Alternative,
    Schema,
    Shapes,
    item_groups,
    matcher,
    matching_members,
    member_schemas,
    other_members,
    pattern_names,
    property_names,
    types,
    written,
)

Cast = Callable[[Any], Any]
"""Turn text, or lists and objects of text, into values as far as the schema has other types; never raises."""


def compile_caster(spec: SchemaPath, schema: SchemaPath) -> Cast:
    """Build what casts by ``schema``.

    Raises:
        ValueError: It has too many alternatives.
    """
    return Casters(spec).cast([written(schema)])


def as_text(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return the value itself: the caster of what is text anyway."""
    return value


class _Chosen:
    """What was chosen for the parts of one value: each alternative of a whole asks for its parts again.

    Without it, a value of a recursive schema would take time exponential in its depth.
    """

    def __init__(self) -> None:
        self._results: dict[tuple[Cast, int], tuple[Any, Any]] = {}
        self._is_open = False

    def once(self, choose: Cast, value: Any) -> Any:  # noqa: ANN401 - any value
        """Return what ``choose`` makes of ``value``, made once until the outermost value is done."""
        if not self._is_open:
            self._is_open = True
            try:
                return choose(value)
            finally:
                self._is_open = False
                self._results.clear()
        key = choose, id(value)
        if key not in self._results:
            self._results[key] = value, choose(value)  # the value as well: as long as it lives, its id is its own
        return self._results[key][1]


class Casters:
    """The casters of one document, each made once."""

    def __init__(self, spec: SchemaPath, make: "type[Caster] | None" = None) -> None:
        self._schemas = schemas_of(spec)
        self._make = make or Caster
        self.shapes = Shapes(spec.read_value())
        self._made: dict[tuple[int, ...], Caster] = {}
        self._chosen = _Chosen()

    def cast(self, schemas: Iterable[Schema]) -> Cast:
        """Return the caster of a place where all of ``schemas`` hold."""
        caster = self._caster(schemas)
        return caster.of_text if caster.is_of_text_only and self._make is Caster else caster

    def validate(self, schemas: Iterable[Schema]) -> Validate:
        """Build what judges a value by all of ``schemas``."""
        return self._schemas.validator({"allOf": list(schemas)})

    def _caster(self, schemas: Iterable[Schema]) -> "Caster":
        schemas = [schema for schema in {id(schema): schema for schema in schemas}.values() if schema is not True]
        key = tuple(map(id, schemas))
        if key not in self._made:
            self._made[key] = caster = self._make()  # before its parts are made: a schema may contain itself
            self._complete(caster, schemas)
        return self._made[key]

    def _complete(self, caster: "Caster", schemas: list[Schema]) -> None:
        alternatives = self.shapes.alternatives(schemas)
        names = frozenset[str]().union(*map(types, alternatives))
        caster.of_text, caster.takes_text = self._of_text(schemas, names), not names.isdisjoint(PRIMITIVES)
        lists = {_Items(self, each): None for each in alternatives if "array" in types(each)}
        objects = {_Members(self, each): None for each in alternatives if "object" in types(each)}
        caster.of_list = self._first_valid(schemas, list(lists))
        caster.of_object = self._first_valid(schemas, list(objects))
        caster.is_of_text_only = not lists and not objects

    def _of_text(self, schemas: list[Schema], names: frozenset[str]) -> Cast:
        cast = _primitive(names)
        return self._if_valid(schemas, cast) if "string" in names and cast is not as_text else cast

    def _if_valid(self, schemas: list[Schema], cast: Cast) -> Cast:
        findings = self.validate(schemas)

        def cast_if_valid(value: Any) -> Any:  # noqa: ANN401 - any value
            result = cast(value)
            return value if result is value or findings(result) else result

        return cast_if_valid

    def _first_valid(self, schemas: list[Schema], casts: list[Any]) -> Cast | None:
        """Return what tries ``casts`` in turn, until the schema takes what one of them makes."""
        if len(casts) < 2:  # noqa: PLR2004 - nothing to choose from
            return casts[0] if casts else None
        findings = self.validate(schemas)

        def first_valid(value: Any) -> Any:  # noqa: ANN401 - any value
            results = []
            for cast in casts:
                results.append(cast(value))
                if not findings(results[-1]):
                    return results[-1]
            return results[0]

        def choose(value: Any) -> Any:  # noqa: ANN401 - any value
            return self._chosen.once(first_valid, value)

        return choose


def _primitive(names: frozenset[str]) -> Cast:
    if names.isdisjoint(PRIMITIVES) and not names.isdisjoint({"array", "object"}):
        return as_json
    number = as_number if "number" in names else as_integer if "integer" in names else None
    if "boolean" not in names:
        return number or as_text
    return as_boolean if number is None else lambda value: as_boolean(number(value))


class Caster:
    """What casts at one place, by what stands there: each is None or does nothing if the schema has no such value."""

    def __init__(self) -> None:
        self.of_text: Cast = as_text
        self.of_list: Cast | None = None
        self.of_object: Cast | None = None
        self.takes_text = False
        self.is_of_text_only = False

    def __call__(self, value: Any) -> Any:  # noqa: ANN401 - any value
        """Return the value with all text in it cast."""
        if isinstance(value, str):
            return self.of_text(value)
        if isinstance(value, list):
            return self.of_list(value) if self.of_list else value
        return self.of_object(value) if self.of_object and isinstance(value, dict) else value


class _Parts:
    """The casters of what an alternative contains; equal to another with the same casters."""

    parts: tuple[object, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)


class _Items(_Parts):
    """Cast the items of an array: the first by ``prefixItems``, the others by ``items``."""

    def __init__(self, casters: Casters, alternative: Alternative) -> None:
        *first, self._others = map(casters.cast, item_groups(alternative))
        self._first = tuple(first)
        self.parts = self._first, self._others

    def __call__(self, value: list[Any]) -> list[Any]:
        cast, first = self._others, self._first
        if not first:
            return [cast(item) for item in value]
        length = len(first)
        return [(first[at] if at < length else cast)(item) for at, item in enumerate(value)]


class _Members(_Parts):
    """Cast the members of an object by their names, by the patterns that these match, or as any others."""

    def __init__(self, casters: Casters, alternative: Alternative) -> None:
        names = property_names(alternative)
        self._named = {name: casters.cast(member_schemas(alternative, name)) for name in names}
        patterns = pattern_names(alternative)
        self._patterns = tuple((pattern, casters.cast(matching_members(alternative, pattern))) for pattern in patterns)
        self._matching = tuple((matcher(pattern), cast) for pattern, cast in self._patterns)
        self._others = casters.cast(other_members(alternative))
        self.parts = frozenset(self._named.items()), self._patterns, self._others

    def __call__(self, value: dict[str, Any]) -> dict[str, Any]:
        return {name: self._member(name, member) for name, member in value.items()}

    def _member(self, name: str, member: Any) -> Any:  # noqa: ANN401 - any value
        if (cast := self._named.get(name)) is not None:
            return cast(member)
        matching = [cast for matches, cast in self._matching if matches(name)]
        for cast in matching or (self._others,):
            if (result := cast(member)) is not member:
                return result
        return member
