"""Judge values by schemas as JSON Schema 2020-12 says, in time that grows with the value only.

openapi-core's validators try the branches of unions again at each level and collect every error of each, so a few
hundred bytes can keep them busy for minutes. This evaluator remembers, during one judgement, what a value was found to
be under a reference; a branch that failed is left at once; and everything it does is counted against a budget.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import attrs

from tbg.contract.applying import APPLIERS, TESTS, Apply, Test
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
    tests: tuple[tuple[Test, Any], ...]
    appliers: tuple[tuple[Apply, Any], ...]
    order: tuple[tuple[str, Check | None], ...]


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
