"""Find the branch of a union that a value was meant for; only what a client is told depends on it, never a verdict."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from tbg.contract.findings import Finding, describe, pointer_of
from tbg.contract.judging import Judgement
from tbg.contract.keywords import has_type, is_equal
from tbg.contract.references import Schema

_DEEPEST = 8
_MOST_NAMED = 20


@attrs.frozen
class Tag:
    """A property that says which branch is meant.

    Attributes:
        branch: The one that the value names; None if it names none.
        known: The values that name one.
    """

    name: str
    branch: Schema | None
    known: tuple[object, ...]
    code: str
    is_missing: bool = False

    def finding(self, path: tuple[str | int, ...]) -> Finding:
        """Say what would have been known."""
        place = pointer_of((*path, self.name))
        if self.is_missing:
            return Finding(place, "required", "is required")
        return Finding(place, self.code, describe(self.code, list(self.known[:_MOST_NAMED])))


def tag(judgement: Judgement, schema: Mapping[str, Any], branches: list[Schema], value: object) -> Tag | None:
    """Read the union's ``discriminator`` (OpenAPI 3.1.1, section 4.8.25), or a property that is as good as one."""
    if not isinstance(value, dict):
        return None
    declared = schema.get("discriminator")
    if isinstance(declared, dict) and isinstance(name := declared.get("propertyName"), str):
        pairs = _by_discriminator(declared, branches)
        return _named(name, pairs, value, "discriminator") if pairs else None
    by_name: dict[str, list[tuple[object, Schema]]] = {}
    for branch in branches:
        for name, values in _constants(judgement, branch):
            by_name.setdefault(name, []).extend((each, branch) for each in values)
    for name, pairs in by_name.items():
        if name in value and {id(branch) for _, branch in pairs} == set(map(id, branches)) and _are_distinct(pairs):
            return _named(name, pairs, value, "enum")
    return None


def chosen(judgement: Judgement, branches: list[Schema], value: object) -> list[Schema]:
    """Return the branches whose ``type`` the value has."""
    return [branch for branch in branches if _fits(judgement, branch, value)]


def _named(name: str, pairs: list[tuple[object, Schema]], value: dict[str, object], code: str) -> Tag:
    known = tuple(each for each, _ in pairs)
    if name not in value:
        return Tag(name, None, known, code, is_missing=True)
    branch = next((branch for each, branch in pairs if is_equal(each, value[name])), None)
    return Tag(name, branch, known, code)


def _by_discriminator(declared: Mapping[str, Any], branches: list[Schema]) -> list[tuple[object, Schema]]:
    """Pair the values of a discriminator with branches: those of its mapping, then the names of components."""
    references = {branch["$ref"]: branch for branch in branches if isinstance(branch, dict) and "$ref" in branch}
    pairs: list[tuple[object, Schema]] = []
    for value, meant in (declared.get("mapping") or {}).items():
        # A name or a reference; what could be both is a name.
        branch = references.get(f"#/components/schemas/{meant}", references.get(meant))
        if branch is not None:
            pairs.append((value, branch))
    mapped = {id(branch) for _, branch in pairs}
    implicit = [
        (reference.rsplit("/", 1)[-1], branch) for reference, branch in references.items() if id(branch) not in mapped
    ]
    return pairs + implicit


def _views(judgement: Judgement, schema: Schema, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield a schema and what it refers to or is made of, as far as all of it must hold."""
    if isinstance(schema, dict) and depth < _DEEPEST:
        yield schema
        if "$ref" in schema:
            yield from _views(judgement, judgement.target(schema), depth + 1)
        for inner in schema.get("allOf", ()):
            yield from _views(judgement, inner, depth + 1)


def _constants(judgement: Judgement, branch: Schema) -> Iterator[tuple[str, list[object]]]:
    for view in _views(judgement, branch):
        for name, inner in view.get("properties", {}).items():
            if isinstance(inner, dict) and "const" in inner:
                yield name, [inner["const"]]
            elif isinstance(inner, dict) and isinstance(inner.get("enum"), list):
                yield name, inner["enum"]


def _are_distinct(pairs: list[tuple[object, Schema]]) -> bool:
    texts = [value for value, _ in pairs if isinstance(value, str)]
    return len(texts) == len(pairs) == len(set(texts))


def _fits(judgement: Judgement, branch: Schema, value: object) -> bool:
    return branch is not False and all(
        has_type(view["type"], value) for view in _views(judgement, branch) if "type" in view
    )
