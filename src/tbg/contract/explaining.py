"""Say what is wrong with a value, by findings that never quote it."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import attrs

from tbg.contract.applying import APPLIERS, TESTS, contained, unknown_names
from tbg.contract.branches import chosen, tag
from tbg.contract.findings import Finding, describe, name_of, pointer_of
from tbg.contract.judging import Judgement
from tbg.contract.keywords import CHECKS
from tbg.contract.patterns import OverBudgetError
from tbg.contract.references import Schema

MAX_FINDINGS = 20
"""How many findings one message carries at most: a client can send a thousand wrong items in one body."""

_MOST_LOOKED_AT = 1000
_DEEPEST_ASKED = 8
_MOST_BRANCHES = 8
_OF_MANY = frozenset({"items", "additionalProperties", "patternProperties", "propertyNames"})
"""Of the many parts of a value that these judge alike, only the wrong ones are looked into."""

type Path = tuple[str | int, ...]
type Found = Iterator[Finding]


@attrs.define(eq=False)
class Explainer:
    """Finds what is wrong, within one judgement."""

    judgement: Judgement
    _seen: set[tuple[int, int, Path]] = attrs.field(factory=set)
    _is_weighing: bool = False

    def findings(self, schema: Schema, value: object) -> tuple[Finding, ...]:
        """Return the first findings, each once; none if ``value`` satisfies ``schema``.

        Raises:
            OverBudgetError: It takes too long.
        """
        found: dict[Finding, None] = {}
        try:
            for finding in islice(self._explain(schema, value, ()), _MOST_LOOKED_AT):
                found[finding] = None
                if len(found) == MAX_FINDINGS:
                    break
        except OverBudgetError:
            if not found:
                raise
        return tuple(found)

    def _explain(self, schema: Schema, value: Any, path: Path) -> Found:  # noqa: ANN401 - any value of JSON
        self.judgement.spend()
        if isinstance(schema, bool):
            if not schema:
                yield Finding(pointer_of(path), "false", "is not allowed")
            return
        for word, check in self.judgement.rules.plan(schema).order:
            if check is not None:
                # A half is no int32 either, but that it is no integer is all that needs to be said.
                if not check(value) and not (word == "format" and not _has_type(schema, value)):
                    yield from _unsatisfied(word, schema[word], value, path)
            elif word in {"$ref", "$dynamicRef"}:
                yield from self._refer(self.judgement.target(schema), value, path)
            elif word in APPLIERS and not (word in TESTS and schema[word] is False):
                yield from self._descend(word, schema, value, path)
            elif not TESTS[word](self.judgement, schema, schema[word], value):
                yield from self._tested(word, schema, value, path)

    def _refer(self, target: Schema, value: object, path: Path) -> Found:
        """Explain what a reference leads to, once: in a recursion the same may be met in many ways."""
        if isinstance(value, dict | list):
            if (place := (id(target), id(value), path)) in self._seen:
                return
            self._seen.add(place)
        yield from self._explain(target, value, path)

    def _descend(self, word: str, schema: dict[str, Any], value: object, path: Path) -> Found:
        is_of_many = word in _OF_MANY and len(path) < _DEEPEST_ASKED
        for inner, part, step in APPLIERS[word](self.judgement, schema, schema[word], value):
            if is_of_many and self._is_known_valid(inner, part):
                continue
            # What is never allowed is told about where it stands.
            yield from self._explain(inner, part, path if step is None or inner is False else (*path, step))

    def _is_known_valid(self, schema: Schema, value: object) -> bool:
        if isinstance(value, dict | list):
            return self.judgement.rules.ask(schema, value) is True
        plan = self.judgement.rules.plan(schema) if isinstance(schema, dict) else None
        if plan is None or plan.tests or plan.appliers:
            return self.judgement.is_valid(schema, value)
        for check in plan.checks:  # noqa: SIM110 - of half a million numbers, all() takes twice as long
            if not check(value):
                return False
        return True

    def _tested(self, word: str, schema: dict[str, Any], value: Any, path: Path) -> Found:  # noqa: ANN401 - any value of JSON
        if word == "additionalProperties":
            for name in islice(unknown_names(self.judgement, schema, value), MAX_FINDINGS):
                yield Finding(pointer_of((*path, name_of(name))), word, "is not a known property")
            return
        if word in {"anyOf", "oneOf"} and not self._is_weighing:
            several = self._of_union(word, schema, value, path)
            if (first := next(several, None)) is not None:
                yield first
                yield from several
                return
        if word == "contains":
            word = self._lacking(schema, value)
        yield Finding(pointer_of(path), word, describe(word, schema.get(word)))

    def _lacking(self, schema: dict[str, Any], value: list[Any]) -> str:
        if "minContains" not in schema and "maxContains" not in schema:
            return "contains"
        count = contained(self.judgement, schema, schema["contains"], value)
        if count > schema.get("maxContains", count):
            return "maxContains"
        return "minContains" if count else "contains"

    def _of_union(self, word: str, schema: dict[str, Any], value: object, path: Path) -> Found:
        """Explain the one branch that was meant, if that can be told."""
        if word == "oneOf" and sum(self.judgement.is_valid(branch, value) for branch in schema[word]) > 1:
            return
        branches = chosen(self.judgement, schema[word], value)
        found = tag(self.judgement, schema, branches, value)
        if found is None:
            yield from self._furthest(branches, value, path)
        elif found.branch is None:
            yield found.finding(path)
        else:
            yield from self._explain(found.branch, value, path)

    def _furthest(self, branches: list[Schema], value: object, path: Path) -> Found:
        if len(branches) == 1:
            yield from self._explain(branches[0], value, path)
        elif 1 < len(branches) <= _MOST_BRANCHES:
            weighed = [self._weigh(branch, value, path) for branch in branches]
            fewest = min(map(len, weighed))
            if [len(each) for each in weighed].count(fewest) == 1 and fewest < MAX_FINDINGS:
                yield from self._explain(branches[list(map(len, weighed)).index(fewest)], value, path)

    def _weigh(self, branch: Schema, value: object, path: Path) -> tuple[Finding, ...]:
        """Return a branch's findings, with those of unions inside it not told in detail."""
        return Explainer(self.judgement, is_weighing=True)._findings_at(branch, value, path)  # noqa: SLF001 - its own

    def _findings_at(self, schema: Schema, value: object, path: Path) -> tuple[Finding, ...]:
        return tuple(islice(self._explain(schema, value, path), MAX_FINDINGS))


def _has_type(schema: dict[str, Any], value: object) -> bool:
    return "type" not in schema or CHECKS["type"](schema["type"], value)


def _unsatisfied(word: str, wanted: Any, value: Any, path: Path) -> Found:  # noqa: ANN401 - any value of JSON
    if word == "required":
        missing = islice((name for name in wanted if name not in value), MAX_FINDINGS)
        yield from (Finding(pointer_of((*path, name_of(name))), word, "is required") for name in missing)
    else:
        yield Finding(pointer_of(path), word, describe(word, wanted))
