"""Words that mean nothing where they stand: misspelt keywords, those of OpenAPI 3.0, extensions in a wrong place.

JSON Schema takes an unknown keyword for an annotation (core, section 6.5), and OpenAPI lets anybody add ``x-…`` (4.9).
So nothing enforces them, and nothing says so: ``requierd`` asks for nothing, ``x-ratelimit`` limits nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Final

from tbg.contract.linting.grammar import Node
from tbg.contract.linting.remarks import Remark
from tbg.contract.pointers import Path

Extensions = Mapping[str, Collection[str]]
"""The extensions that somebody reads, each with the objects that it may stand in: ``{"x-probe": {"operation"}}``."""

Extension = tuple[str, Path]
"""One extension of a document: the kind of the object that has it, and its path."""

_KNOWN: Final = frozenset(
    {
        # JSON Schema 2020-12: core, applicators and what they leave, validation, contents, annotations.
        *("$id", "$schema", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "$comment", "$defs"),
        *("prefixItems", "items", "contains", "additionalProperties", "properties", "patternProperties"),
        *("dependentSchemas", "propertyNames", "if", "then", "else", "allOf", "anyOf", "oneOf", "not"),
        *("unevaluatedItems", "unevaluatedProperties"),
        *("type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"),
        *("maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains"),
        *("maxProperties", "minProperties", "required", "dependentRequired", "format"),
        *("contentEncoding", "contentMediaType", "contentSchema"),
        *("title", "description", "default", "deprecated", "readOnly", "writeOnly", "examples"),
        # OpenAPI 3.1.1, 4.8.24.4
        *("discriminator", "xml", "externalDocs", "example"),
    }
)
_KEYWORDS: Final = tuple(sorted(_KNOWN))
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
_ALIKE: Final = 0.8
_EXTENSIONS_ALIKE: Final = 0.84


def misplaced_words(nodes: Iterable[Node]) -> Iterator[Remark]:
    """Find words in schemas that mean nothing, and examples of which one hides the others."""
    for node in nodes:
        if node.kind == "schema":
            for name in node.value:
                if name not in _KNOWN and not name.startswith("x-"):
                    yield _unknown_keyword(node, name)
        elif "example" in node.value and "examples" in node.value:
            message = "example and examples exclude each other: keep one (OpenAPI 3.1.1, 4.8.12, 4.8.14)"
            yield Remark((*node.path, "example"), message, "warning")


def _unknown_keyword(node: Node, name: str) -> Remark:
    path = (*node.path, name)
    if name in _FORMER:
        return Remark(path, f"{name} {_FORMER[name]}", "warning")
    if meant := _nearest(name, _KEYWORDS, _ALIKE):
        # Words of another language's, as some frameworks write them, are no slips: their documents are to be served.
        message = f"{name} is no keyword of JSON Schema 2020-12: did you mean {meant}?"
        return Remark(path, message, "warning" if "_" in name else "error")
    return Remark(path, f"{name} is no keyword of JSON Schema 2020-12, so nothing enforces it", "warning")


def extensions_in(nodes: Iterable[Node]) -> Iterator[Extension]:
    """Yield every extension: the kind of the object that has it, and its path."""
    return ((node.kind, (*node.path, name)) for node in nodes for name in node.value if name.startswith("x-"))


def wrong_extensions(found: Iterable[Extension], extensions: Extensions) -> Iterator[Remark]:
    """Find names that are not quite those of ``extensions``, and those where nobody reads them."""
    for kind, path in found:
        yield from _wrong_extension(kind, path, str(path[-1]), extensions)


def _wrong_extension(kind: str, path: Path, name: str, extensions: Extensions) -> Iterator[Remark]:
    if (places := extensions.get(name)) is not None:
        if kind not in places:
            where = " or ".join("at the root" if place == "openapi" else f"in an {place}" for place in sorted(places))
            yield Remark(path, f"{name} is read {where} only: it means nothing here", "error")
    elif meant := _meant(name, tuple(extensions)):
        yield Remark(path, f"{name} is not read by anything: did you mean {meant}?", "error")


@cache
def _meant(name: str, known: tuple[str, ...]) -> str:
    words = sorted(name.split("-"))
    same = (each for each in known if sorted(each.split("-")) == words)
    return next(same, "") or _nearest(name, known, _EXTENSIONS_ALIKE)


@cache
def _nearest(name: str, known: tuple[str, ...], alike: float) -> str:
    by_spelling = {_spelling(each): each for each in known}
    close = get_close_matches(_spelling(name), by_spelling, 1, alike)
    return by_spelling[close[0]] if close else ""


def _spelling(name: str) -> str:
    """Return what a name has in common with those that differ in case and hyphens only."""
    return name.replace("-", "").replace("_", "").lower()
