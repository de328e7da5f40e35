"""The ways to read a form: by name, what each field can be."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
from jsonschema_rs import Draft202012Validator, RegexOptions

from tbg.contract.casting import Casters
from tbg.contract.fields import ANYTHING, Field, compile_field
from tbg.contract.shapes import MISSING, Alternative, Schema, member_schemas, property_names

_MOST_WAYS: Final = 32


@attrs.frozen
class Way:
    """One way to read a form.

    Attributes:
        named: The fields that the contract names.
        by_pattern: Those whose names match a pattern.
        others: All others.
        defaults: The values of named fields that are not sent.
    """

    named: Mapping[str, Field]
    by_pattern: Sequence[tuple[str, Field]]
    others: Field
    defaults: Mapping[str, object]
    _matchers: Sequence[tuple[Callable[[str], bool], Field]] = attrs.field(init=False, eq=False, repr=False)

    @_matchers.default
    def _compiled(self) -> Sequence[tuple[Callable[[str], bool], Field]]:
        return [(_matcher(pattern), each) for pattern, each in self.by_pattern]

    def of(self, name: str) -> Field:
        """Return how the field ``name`` is read."""
        if (named := self.named.get(name)) is not None:
            return named
        return next((each for matches, each in self._matchers if matches(name)), self.others)

    def joined(self, other: "Way") -> "Way | None":
        """Return the way that reads what either reads; None if they disagree."""
        shared = self.named.keys() & other.named.keys()
        agree = (self.by_pattern, self.others, self.defaults) == (other.by_pattern, other.others, other.defaults)
        if not agree or any(self.named[name] != other.named[name] for name in shared):
            return None
        return Way({**self.named, **other.named}, self.by_pattern, self.others, self.defaults)


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Match in linear time: clients choose the names."""
    try:
        return Draft202012Validator({"pattern": pattern}, pattern_options=RegexOptions()).is_valid
    except ValueError:
        raise ValueError(f"names that match {pattern!r}: the pattern takes more than linear time") from None


def ways_to_read(casters: Casters, schemas: Sequence[Schema], encodings: Mapping[str, Any]) -> list[Way]:
    """Return the ways in which a form of which all of ``schemas`` hold can be read; most have one.

    Raises:
        ValueError: There are too many.
    """
    ways: list[Way] = []
    for alternative in casters.shapes.alternatives(schemas):
        way = _way(casters, alternative, encodings)
        for index, known in enumerate(ways):
            if joined := known.joined(way):
                ways[index] = joined
                break
        else:
            ways.append(way)
    if len(ways) > _MOST_WAYS:
        raise ValueError(f"the fields of a form can be read in more than {_MOST_WAYS} ways")
    return ways


def _way(casters: Casters, alternative: Alternative, encodings: Mapping[str, Any]) -> Way:
    members = {name: member_schemas(alternative, name) for name in property_names(alternative)}
    patterns = {pattern: None for schema in alternative for pattern in schema.get("patternProperties", ())}
    defaults = {name: _default(casters, schemas) for name, schemas in members.items()}
    return Way(
        {name: compile_field(casters, name, schemas, encodings.get(name, {})) for name, schemas in members.items()},
        [(pattern, _unnamed(casters, _of(alternative, "patternProperties", pattern))) for pattern in patterns],
        _unnamed(casters, [schema["additionalProperties"] for schema in alternative if "additionalProperties" in schema]),
        {name: default for name, default in defaults.items() if default is not MISSING},
    )


def _of(alternative: Alternative, keyword: str, name: str) -> list[Schema]:
    return [schema[keyword][name] for schema in alternative if name in schema.get(keyword, ())]


def _unnamed(casters: Casters, schemas: Iterable[Schema]) -> Field:
    schemas = [schema for schema in schemas if isinstance(schema, Mapping) and schema]
    return compile_field(casters, "", schemas, {}) if schemas else ANYTHING


def _default(casters: Casters, schemas: Iterable[Schema]) -> object:
    defaults = map(casters.shapes.default, schemas)
    return next((default for default in defaults if default is not MISSING), MISSING)
