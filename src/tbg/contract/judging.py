"""Judge values by schemas as JSON Schema 2020-12 says, in time that grows with the value only.

openapi-core's validators try the branches of unions again at each level and collect every error of each, so a few
hundred bytes can keep them busy for minutes. This evaluator remembers, during one judgement, what a value was found to be
under a reference; a branch that failed is left at once; and everything it does is counted against a budget.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import attrs

from tbg.contract.keywords import CHECKS, Check, make_check
from tbg.contract.patterns import Budget, OverBudgetError, Pattern
from tbg.contract.references import Schema

MOST_STEPS = 400_000
"""How many schemas one judgement may apply: about half a second's work."""


Ask = Callable[[Schema, object], bool | None]
"""Say whether a value satisfies a schema, if that is known without looking at its parts one by one; else None."""


class Plan(NamedTuple):
    """What a schema asks for, keyword by keyword.

    Attributes:
        checks: Of the value by itself.
        tests: Decided as a whole.
        appliers: Of further schemas, which must all hold.
        order: All of these by keyword, as the contract writes them.
    """

    checks: tuple[Check, ...]
    tests: tuple[tuple["Test", Any], ...]
    appliers: tuple[tuple["Apply", Any], ...]
    order: tuple[tuple[str, "Check | None"], ...]


@attrs.frozen(eq=False)
class Rules:
    """All that judgements of one document share.

    Attributes:
        targets: What each schema with a reference points to, by its ``id()``.
        patterns: Compiled, by what the contract writes.
    """

    targets: Mapping[int, Schema] = attrs.field(repr=False)
    patterns: Mapping[str, Pattern] = attrs.field(repr=False)
    ask: Ask = attrs.field(repr=False)
    _plans: dict[int, Plan] = attrs.field(factory=dict, init=False, repr=False)

    def plan(self, schema: dict[str, Any]) -> Plan:
        """Return what ``schema`` asks for."""
        known = self._plans.get(id(schema))
        if known is None:
            known = self._plans[id(schema)] = _plan(schema)
        return known


def _plan(schema: dict[str, Any]) -> Plan:
    checks = {word: make_check(word, schema) for word in schema if word in CHECKS}
    tests = [word for word, wanted in schema.items() if word in TESTS and (word not in APPLIERS or wanted is False)]
    appliers = [word for word in schema if word in APPLIERS and word not in tests]
    return Plan(
        tuple(checks.values()),
        tuple((TESTS[word], schema[word]) for word in tests),
        tuple((APPLIERS[word], schema[word]) for word in appliers),
        tuple((word, checks.get(word)) for word in schema if word in checks or word in tests or word in appliers),
    )


@attrs.define(eq=False)
class Judgement:
    """The judgement of one value, which must not change meanwhile."""

    rules: Rules
    steps: int = MOST_STEPS
    budget: Budget = attrs.field(factory=Budget)
    _known: dict[int, dict[int, bool]] = attrs.field(factory=dict)

    def is_valid(self, schema: Schema, value: Any) -> bool:  # noqa: ANN401 - any value of JSON
        """Tell whether ``value`` satisfies ``schema``.

        Raises:
            OverBudgetError: It takes too long to tell.
        """
        self.spend()
        if isinstance(schema, bool):
            return schema
        if value and isinstance(value, dict | list) and (known := self.rules.ask(schema, value)) is not None:
            return known
        plan = self.rules.plan(schema)
        for check in plan.checks:
            if not check(value):
                return False
        for test, wanted in plan.tests:
            if not test(self, schema, wanted, value):
                return False
        for apply, wanted in plan.appliers:
            for inner, part, _ in apply(self, schema, wanted, value):
                if not self.is_valid(inner, part):
                    return False
        return True

    def spend(self, steps: int = 1) -> None:
        """Count work against the budget."""
        self.steps -= steps
        if self.steps < 0:
            raise OverBudgetError

    def refers(self, schema: Schema, value: Any) -> bool:  # noqa: ANN401 - any value of JSON
        """Tell whether ``value`` satisfies ``schema``, to which a reference points, only once for each value.

        Every recursion of a schema passes a reference, so nothing is judged again and again on the way down.
        """
        if not value or not isinstance(value, dict | list):
            return self.is_valid(schema, value)
        known = self._known.setdefault(id(schema), {})
        verdict = known.get(id(value))
        if verdict is None:
            verdict = known[id(value)] = self.is_valid(schema, value)
        return verdict

    def target(self, schema: Mapping[str, Any]) -> Schema:
        """Return what the reference in ``schema`` points to."""
        return self.rules.targets[id(schema)]

    def matches(self, pattern: str, text: str) -> bool:
        """Tell whether ``text`` has what ``pattern`` describes."""
        return self.rules.patterns[pattern].matches(text, self.budget)


type Parts = Iterator[tuple[Schema, Any, str | int | None]]
"""Schemas that must hold, each with the part of the value it is for and the step to it; None if it is no step."""

type Apply = Callable[[Judgement, dict[str, Any], Any, Any], Parts]
type Test = Callable[[Judgement, dict[str, Any], Any, Any], bool]


def is_too_long(value: object, schema: Mapping[str, Any]) -> bool:
    """Tell whether an array has more items than it may: then nobody need look at them."""
    return isinstance(value, list) and len(value) > schema.get("maxItems", len(value))


def unknown_names(judgement: Judgement, schema: Mapping[str, Any], value: Any) -> Iterator[str]:  # noqa: ANN401 - any value of JSON
    """Yield the names in an object that ``properties`` and ``patternProperties`` do not describe."""
    if isinstance(value, dict):
        properties, patterns = schema.get("properties", ()), schema.get("patternProperties", ())
        for name in value:
            if name not in properties and not any(judgement.matches(pattern, name) for pattern in patterns):
                yield name


def _all_of(_judgement: Judgement, _schema: dict[str, Any], wanted: list[Schema], value: Any) -> Parts:  # noqa: ANN401 - the same, and below
    return ((inner, value, None) for inner in wanted)


def _if(judgement: Judgement, schema: dict[str, Any], wanted: Schema, value: Any) -> Parts:  # noqa: ANN401
    word = "then" if judgement.is_valid(wanted, value) else "else"
    if word in schema:
        yield schema[word], value, None


def _dependent_schemas(_judgement: Judgement, _schema: dict[str, Any], wanted: dict[str, Schema], value: Any) -> Parts:  # noqa: ANN401
    if isinstance(value, dict):
        yield from ((inner, value, None) for name, inner in wanted.items() if name in value)


def _properties(_judgement: Judgement, _schema: dict[str, Any], wanted: dict[str, Schema], value: Any) -> Parts:  # noqa: ANN401
    if isinstance(value, dict):
        yield from ((inner, value[name], name) for name, inner in wanted.items() if name in value)


def _pattern_properties(judgement: Judgement, _schema: dict[str, Any], wanted: dict[str, Schema], value: Any) -> Parts:  # noqa: ANN401
    if isinstance(value, dict):
        for pattern, inner in wanted.items():
            yield from ((inner, part, name) for name, part in value.items() if judgement.matches(pattern, name))


def _additional_properties(judgement: Judgement, schema: dict[str, Any], wanted: Schema, value: Any) -> Parts:  # noqa: ANN401
    return ((wanted, value[name], name) for name in unknown_names(judgement, schema, value))


def _property_names(_judgement: Judgement, _schema: dict[str, Any], wanted: Schema, value: Any) -> Parts:  # noqa: ANN401
    if isinstance(value, dict):
        yield from ((wanted, name, None) for name in value)


def _items(_judgement: Judgement, schema: dict[str, Any], wanted: Schema, value: Any) -> Parts:  # noqa: ANN401
    if isinstance(value, list) and not is_too_long(value, schema):
        for index in range(len(schema.get("prefixItems", ())), len(value)):
            yield wanted, value[index], index


def _prefix_items(_judgement: Judgement, _schema: dict[str, Any], wanted: list[Schema], value: Any) -> Parts:  # noqa: ANN401
    if isinstance(value, list):
        for index, (inner, part) in enumerate(zip(wanted, value, strict=False)):
            yield inner, part, index


def _reference(judgement: Judgement, schema: dict[str, Any], _wanted: str, value: Any) -> bool:  # noqa: ANN401
    return judgement.refers(judgement.target(schema), value)


def _pattern(judgement: Judgement, _schema: dict[str, Any], wanted: str, value: Any) -> bool:  # noqa: ANN401
    return not isinstance(value, str) or judgement.matches(wanted, value)


def _any_of(judgement: Judgement, _schema: dict[str, Any], wanted: list[Schema], value: Any) -> bool:  # noqa: ANN401
    return any(judgement.is_valid(branch, value) for branch in wanted)


def _one_of(judgement: Judgement, _schema: dict[str, Any], wanted: list[Schema], value: Any) -> bool:  # noqa: ANN401
    count = 0
    for branch in wanted:
        count += judgement.is_valid(branch, value)
        if count > 1:
            break
    return count == 1


def _not(judgement: Judgement, _schema: dict[str, Any], wanted: Schema, value: Any) -> bool:  # noqa: ANN401
    return not judgement.is_valid(wanted, value)


def contained(judgement: Judgement, schema: Mapping[str, Any], wanted: Schema, value: list[Any]) -> int:
    """Count the items that ``contains`` describes, up to one more than there may be."""
    count, enough = 0, schema.get("maxContains", schema.get("minContains", 1) - 1) + 1
    for item in value:
        count += judgement.is_valid(wanted, item)
        if count >= enough:
            break
    return count


def _contains(judgement: Judgement, schema: dict[str, Any], wanted: Schema, value: Any) -> bool:  # noqa: ANN401
    if not isinstance(value, list) or is_too_long(value, schema):
        return True
    count = contained(judgement, schema, wanted, value)
    return schema.get("minContains", 1) <= count <= schema.get("maxContains", count)


def _no_items(_judgement: Judgement, schema: dict[str, Any], _wanted: bool, value: Any) -> bool:  # noqa: ANN401, FBT001
    return not isinstance(value, list) or len(value) <= len(schema.get("prefixItems", ()))


def _no_others(judgement: Judgement, schema: dict[str, Any], _wanted: bool, value: Any) -> bool:  # noqa: ANN401, FBT001
    return next(unknown_names(judgement, schema, value), None) is None


def _unevaluated_items(judgement: Judgement, schema: dict[str, Any], wanted: Schema, value: Any) -> bool:  # noqa: ANN401
    if not isinstance(value, list) or is_too_long(value, schema):
        return True
    seen: set[int] = set()
    start = _seen_items(judgement, schema, value, seen, is_outer=True)
    return all(judgement.is_valid(wanted, value[index]) for index in range(start, len(value)) if index not in seen)


def _unevaluated_properties(judgement: Judgement, schema: dict[str, Any], wanted: Schema, value: Any) -> bool:  # noqa: ANN401
    if not isinstance(value, dict):
        return True
    seen = _seen_names(judgement, schema, value, is_outer=True)
    return all(judgement.is_valid(wanted, part) for name, part in value.items() if name not in seen)


def _in_place(judgement: Judgement, schema: dict[str, Any], value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
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
    judgement: Judgement, schema: dict[str, Any], value: dict[str, Any], *, is_outer: bool = False
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
    judgement: Judgement, schema: dict[str, Any], value: list[Any], seen: set[int], *, is_outer: bool = False
) -> int:
    """Return how many items, from the first, ``schema`` has looked at; what it contains besides is added to ``seen``."""
    judgement.spend()
    if "items" in schema or ("unevaluatedItems" in schema and not is_outer):
        return len(value)
    start = len(schema.get("prefixItems", ()))
    if "contains" in schema:
        seen.update(index for index, item in enumerate(value) if judgement.is_valid(schema["contains"], item))
    return max(start, *(_seen_items(judgement, inner, value, seen) for inner in _in_place(judgement, schema, value)), 0)


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
    "unevaluatedItems": _unevaluated_items,
    "unevaluatedProperties": _unevaluated_properties,
}
"""The keywords that are told about as a whole."""
