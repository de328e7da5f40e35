"""Words that mean nothing where they stand: misspelt keywords, those of OpenAPI 3.0, extensions in a wrong place.

JSON Schema takes an unknown keyword for an annotation (core, section 6.5), and OpenAPI lets anybody add ``x-…`` (4.9).
So nothing enforces them, and nothing says so: ``requierd`` asks for nothing, ``x-ratelimit`` limits nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

from tbg.contract.linting.grammar import FIELDS, Node
from tbg.contract.linting.remarks import Remark

Extensions = Mapping[str, Collection[str]]
"""The extensions that somebody reads, each with the objects that it may stand in: ``{"x-probe": {"Operation"}}``."""

_REFERENCE_FIELDS: Final = frozenset({"$ref", "summary", "description"})
_FORMER: Final = {
    "nullable": "is of OpenAPI 3.0 and ignored: write type: [string, 'null'], or anyOf with {type: 'null'}",
    "dependencies": "is of an earlier draft and ignored: write dependentRequired or dependentSchemas",
    "additionalItems": "is of an earlier draft and ignored: write items, which follows prefixItems",
    "definitions": "is of an earlier draft: write $defs, or put the schemas into #/components/schemas",
    "id": "is of an earlier draft and ignored: write $id",
    "divisibleBy": "is of an earlier draft and ignored: write multipleOf",
    "$recursiveRef": "is of an earlier draft and ignored: write $dynamicRef",
    "$recursiveAnchor": "is of an earlier draft and ignored: write $dynamicAnchor",
}
_FORMER_SHAPES: Final = {  # keywords that had values of another type
    "exclusiveMinimum": (bool, "is a number since 2020-12: write it instead of minimum"),
    "exclusiveMaximum": (bool, "is a number since 2020-12: write it instead of maximum"),
    "items": (list, "is one schema since 2020-12: a list of them is prefixItems"),
    "required": (bool, "is a list of names, and stands in the schema of the object that has the property"),
    "examples": (dict, "is a list of values in a schema; a map of them by name stands beside the schema"),
}
_ALIKE: Final = 0.8
_EXTENSIONS_ALIKE: Final = 0.84


def wrong_extensions(nodes: Iterable[Node], extensions: Extensions) -> Iterator[Remark]:
    """Find names that are not quite those of ``extensions``, and those where nobody reads them."""
    for node in nodes:
        for name in node.value:
            if name.startswith("x-"):
                yield from _wrong_extension(node, name, extensions)


def misplaced_words(nodes: Iterable[Node]) -> Iterator[Remark]:
    """Find what means nothing where it stands."""
    for node in nodes:
        if node.is_reference:
            yield from _beside_reference(node)
        elif node.kind == "Schema":
            yield from _in_schema(node)
        elif "*" not in FIELDS[node.kind]:
            yield from _in_object(node)


def _in_schema(node: Node) -> Iterator[Remark]:
    known = FIELDS["Schema"]
    for name, value in node.value.items():
        if name in known:
            yield from _former_shape(node, name, value)
        elif not name.startswith("x-"):
            yield _unknown_keyword(node, name)


def _in_object(node: Node) -> Iterator[Remark]:
    known = FIELDS[node.kind]
    for name in node.value:
        if name not in known and not name.startswith("x-"):
            yield Remark((*node.path, name), _unknown_field(node.kind, name), "error")
    if "example" in node.value and "examples" in node.value:
        yield Remark((*node.path, "example"), "example and examples exclude each other: keep one", "warning")


def _beside_reference(node: Node) -> Iterator[Remark]:
    for name in node.value.keys() - _REFERENCE_FIELDS:
        message = f"{name} is ignored beside $ref (OpenAPI 3.1.1, 4.8.23): put it where the reference leads"
        yield Remark((*node.path, name), message, "warning")


def _former_shape(node: Node, name: str, value: Any) -> Iterator[Remark]:  # noqa: ANN401 - any value of YAML
    former = _FORMER_SHAPES.get(name)
    if former is not None and isinstance(value, former[0]):
        yield Remark((*node.path, name), f"{name} {former[1]}", "error")


@cache
def _unknown_field(kind: str, name: str) -> str:
    fields = FIELDS[kind]
    text = f"{name} is no field of {'an' if kind[0] in 'AEIOX' else 'a'} {kind.replace('-', ' ')} Object"
    if suggestion := _suggestion(name, fields):
        return f"{text}: did you mean {suggestion}?"
    if "schema" in fields and name in FIELDS["Schema"]:
        return f"{text}: it belongs into its schema"
    if name in {"example", "examples", "schema"}:
        return f"{text}: it belongs into a media type of its content"
    return text


def _unknown_keyword(node: Node, name: str) -> Remark:
    path = (*node.path, name)
    if name in _FORMER:
        return Remark(path, f"{name} {_FORMER[name]}", "warning")
    if suggestion := _suggestion(name, FIELDS["Schema"]):
        # Words of another language's, as some frameworks write them, are no slips: their documents are to be served.
        message = f"{name} is no keyword of JSON Schema 2020-12: did you mean {suggestion}?"
        return Remark(path, message, "warning" if "_" in name else "error")
    return Remark(path, f"{name} is no keyword of JSON Schema 2020-12, so nothing enforces it", "warning")


def _suggestion(name: str, known: Mapping[str, object]) -> str:
    return _suggestions(name, tuple(known))


@cache
def _suggestions(name: str, known: tuple[str, ...]) -> str:
    by_spelling = {_spelling(each): each for each in known}
    close = get_close_matches(_spelling(name), by_spelling, 1, _ALIKE)
    return by_spelling[close[0]] if close else ""


def _spelling(name: str) -> str:
    """Return what a name has in common with those that differ in case and hyphens only."""
    return name.replace("-", "").replace("_", "").lower()


def _wrong_extension(node: Node, name: str, extensions: Extensions) -> Iterator[Remark]:
    if (places := extensions.get(name)) is not None:
        if node.kind not in places:
            allowed = " or ".join(f"the {place.replace('-', ' ')} Object" for place in sorted(places))
            yield Remark((*node.path, name), f"{name} is read in {allowed} only: it means nothing here", "error")
    elif meant := _meant(name, tuple(extensions)):
        message = f"{name} is not read by anything: did you mean {meant}?"
        yield Remark((*node.path, name), message, "error")


@cache
def _meant(name: str, known: tuple[str, ...]) -> str:
    words = sorted(name.split("-"))
    if same := [each for each in known if sorted(each.split("-")) == words]:
        return same[0]
    by_spelling = {_spelling(each): each for each in known}
    close = get_close_matches(_spelling(name), by_spelling, 1, _EXTENSIONS_ALIKE)
    return by_spelling[close[0]] if close else ""
