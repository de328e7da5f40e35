"""What schemas have looked at of a value, and what is left for ``unevaluated…`` (JSON Schema core, section 11)."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tbg.contract.references import Schema

if TYPE_CHECKING:
    from tbg.contract.judging import Judgement


def is_too_long(value: object, schema: Mapping[str, Any]) -> bool:
    """Tell whether an array has more items than it may: then nobody need look at them."""
    return isinstance(value, list) and len(value) > schema.get("maxItems", len(value))


def unevaluated_items(judgement: "Judgement", schema: dict[str, Any], wanted: Schema, value: Any) -> bool:  # noqa: ANN401
    """Tell whether all items that nothing has looked at are as ``unevaluatedItems`` wants them."""
    if not isinstance(value, list) or is_too_long(value, schema):
        return True
    seen: set[int] = set()
    start = _seen_items(judgement, schema, value, seen, is_outer=True)
    return all(judgement.is_valid(wanted, value[index]) for index in range(start, len(value)) if index not in seen)


def unevaluated_properties(judgement: "Judgement", schema: dict[str, Any], wanted: Schema, value: Any) -> bool:  # noqa: ANN401
    """Tell whether all properties that nothing has looked at are as ``unevaluatedProperties`` wants them."""
    if not isinstance(value, dict):
        return True
    seen = _seen_names(judgement, schema, value, is_outer=True)
    return all(judgement.is_valid(wanted, part) for name, part in value.items() if name not in seen)


def _in_place(judgement: "Judgement", schema: dict[str, Any], value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Yield the schemas that ``schema`` applies to the value itself and that it satisfies."""
    found: list[Schema] = [*schema.get("allOf", ())]
    if id(schema) in judgement.rules.targets:
        found.append(judgement.target(schema))
    if "if" in schema:
        holds = judgement.is_valid(schema["if"], value)
        found += [schema["if"]] if holds else []
        found.append(schema.get("then" if holds else "else", True))
    if isinstance(value, dict):
        found += (inner for name, inner in schema.get("dependentSchemas", {}).items() if name in value)
    for word in ("anyOf", "oneOf"):
        found += (branch for branch in schema.get(word, ()) if judgement.is_valid(branch, value))
    yield from (inner for inner in found if isinstance(inner, dict))


def _seen_names(
    judgement: "Judgement", schema: dict[str, Any], value: dict[str, Any], *, is_outer: bool = False
) -> set[str]:
    """Return the names of properties that ``schema``, which the value satisfies, has looked at (core, section 11)."""
    judgement.spend()
    if "additionalProperties" in schema or ("unevaluatedProperties" in schema and not is_outer):
        return set(value)
    seen = schema.get("properties", {}).keys() & value.keys()
    for pattern in schema.get("patternProperties", ()):
        seen.update(name for name in value if judgement.matches(pattern, name))
    for inner in _in_place(judgement, schema, value):
        seen |= _seen_names(judgement, inner, value)
    return set(seen)


def _seen_items(
    judgement: "Judgement", schema: dict[str, Any], value: list[Any], seen: set[int], *, is_outer: bool = False
) -> int:
    """Return how many items, from the first, ``schema`` has looked at; others that it contains go into ``seen``."""
    judgement.spend()
    if "items" in schema or ("unevaluatedItems" in schema and not is_outer):
        return len(value)
    start = len(schema.get("prefixItems", ()))
    if "contains" in schema:
        seen.update(index for index, item in enumerate(value) if judgement.is_valid(schema["contains"], item))
    return max(start, *(_seen_items(judgement, inner, value, seen) for inner in _in_place(judgement, schema, value)), 0)
