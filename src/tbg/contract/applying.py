"""The keywords that apply further schemas (JSON Schema 2020-12 core, sections 8.2.3 and 10)."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tbg.contract.evaluating import is_too_long, unevaluated_items, unevaluated_properties
from tbg.contract.references import Schema

if TYPE_CHECKING:
    from tbg.contract.judging import Judgement

type Parts = Iterator[tuple[Schema, Any, str | int | None]]
"""Schemas that must hold, each with the part of the value it is for and the step to it; None if it is no step."""

type Apply = Callable[["Judgement", dict[str, Any], Any, Any], Parts]
type Test = Callable[["Judgement", dict[str, Any], Any, Any], bool]


def unknown_names(judgement: "Judgement", schema: Mapping[str, Any], value: Any) -> Iterator[str]:  # noqa: ANN401 - any value of JSON
    """Yield the names in an object that ``properties`` and ``patternProperties`` do not describe."""
    if isinstance(value, dict):
        properties, patterns = schema.get("properties", ()), schema.get("patternProperties", ())
        for name in value:
            if name not in properties and not any(judgement.matches(pattern, name) for pattern in patterns):
                yield name


def _all_of(_judgement: "Judgement", _schema: dict[str, Any], wanted: list[Schema], value: Any) -> Parts:  # noqa: ANN401 - the same, and below
    return ((inner, value, None) for inner in wanted)


def _if(judgement: "Judgement", schema: dict[str, Any], wanted: Schema, value: Any) -> Parts:  # noqa: ANN401
    word = "then" if judgement.is_valid(wanted, value) else "else"
    if word in schema:
        yield schema[word], value, None


def _dependent_schemas(
    _judgement: "Judgement", _schema: dict[str, Any], wanted: dict[str, Schema], value: object
) -> Parts:
    if isinstance(value, dict):
        yield from ((inner, value, None) for name, inner in wanted.items() if name in value)


def _properties(_judgement: "Judgement", _schema: dict[str, Any], wanted: dict[str, Schema], value: Any) -> Parts:  # noqa: ANN401
    if isinstance(value, dict):
        yield from ((inner, value[name], name) for name, inner in wanted.items() if name in value)


def _pattern_properties(
    judgement: "Judgement", _schema: dict[str, Any], wanted: dict[str, Schema], value: object
) -> Parts:
    if isinstance(value, dict):
        for pattern, inner in wanted.items():
            yield from ((inner, part, name) for name, part in value.items() if judgement.matches(pattern, name))


def _additional_properties(judgement: "Judgement", schema: dict[str, Any], wanted: Schema, value: Any) -> Parts:  # noqa: ANN401
    return ((wanted, value[name], name) for name in unknown_names(judgement, schema, value))


def _property_names(_judgement: "Judgement", _schema: dict[str, Any], wanted: Schema, value: Any) -> Parts:  # noqa: ANN401
    if isinstance(value, dict):
        yield from ((wanted, name, None) for name in value)


def _items(_judgement: "Judgement", schema: dict[str, Any], wanted: Schema, value: Any) -> Parts:  # noqa: ANN401
    if isinstance(value, list) and not is_too_long(value, schema):
        for index in range(len(schema.get("prefixItems", ())), len(value)):
            yield wanted, value[index], index


def _prefix_items(_judgement: "Judgement", _schema: dict[str, Any], wanted: list[Schema], value: Any) -> Parts:  # noqa: ANN401
    if isinstance(value, list):
        for index, (inner, part) in enumerate(zip(wanted, value, strict=False)):
            yield inner, part, index


def _reference(judgement: "Judgement", schema: dict[str, Any], _wanted: str, value: Any) -> bool:  # noqa: ANN401
    return judgement.refers(judgement.target(schema), value)


def _pattern(judgement: "Judgement", _schema: dict[str, Any], wanted: str, value: Any) -> bool:  # noqa: ANN401
    return not isinstance(value, str) or judgement.matches(wanted, value)


def _any_of(judgement: "Judgement", _schema: dict[str, Any], wanted: list[Schema], value: Any) -> bool:  # noqa: ANN401
    return any(judgement.is_valid(branch, value) for branch in wanted)


def _one_of(judgement: "Judgement", _schema: dict[str, Any], wanted: list[Schema], value: Any) -> bool:  # noqa: ANN401
    count = 0
    for branch in wanted:
        count += judgement.is_valid(branch, value)
        if count > 1:
            break
    return count == 1


def _not(judgement: "Judgement", _schema: dict[str, Any], wanted: Schema, value: Any) -> bool:  # noqa: ANN401
    return not judgement.is_valid(wanted, value)


def contained(judgement: "Judgement", schema: Mapping[str, Any], wanted: Schema, value: list[Any]) -> int:
    """Count the items that ``contains`` describes, up to one more than there may be."""
    count, enough = 0, schema.get("maxContains", schema.get("minContains", 1) - 1) + 1
    for item in value:
        count += judgement.is_valid(wanted, item)
        if count >= enough:
            break
    return count


def _contains(judgement: "Judgement", schema: dict[str, Any], wanted: Schema, value: Any) -> bool:  # noqa: ANN401
    if not isinstance(value, list) or is_too_long(value, schema):
        return True
    count = contained(judgement, schema, wanted, value)
    return bool(schema.get("minContains", 1) <= count <= schema.get("maxContains", count))


def _no_items(_judgement: "Judgement", schema: dict[str, Any], _wanted: bool, value: Any) -> bool:  # noqa: ANN401, FBT001
    return not isinstance(value, list) or len(value) <= len(schema.get("prefixItems", ()))


def _no_others(judgement: "Judgement", schema: dict[str, Any], _wanted: bool, value: Any) -> bool:  # noqa: ANN401, FBT001
    return next(unknown_names(judgement, schema, value), None) is None


APPLIERS: Mapping[str, Apply] = {
    "allOf": _all_of,
    "if": _if,
    "dependentSchemas": _dependent_schemas,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "propertyNames": _property_names,
    "items": _items,
    "prefixItems": _prefix_items,
}
"""The keywords whose schemas must all hold; ``false`` under some is told about as a whole."""

TESTS: Mapping[str, Test] = {
    "$ref": _reference,
    "$dynamicRef": _reference,
    "pattern": _pattern,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "contains": _contains,
    "items": _no_items,
    "additionalProperties": _no_others,
    "unevaluatedItems": unevaluated_items,
    "unevaluatedProperties": unevaluated_properties,
}
"""The keywords that are told about as a whole."""
