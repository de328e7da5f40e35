"""The objects of a document, as `structure` knows them, each with its place; and what references lead to."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from tbg.contract.pointers import Path, refer_to
from tbg.contract.structure import children


class Node(NamedTuple):
    """One object of a document.

    Attributes:
        kind: Which object of the specification: ``operation``, ``media_type``, …
        path: Where it stands.
        value: The object.
    """

    kind: str
    path: Path
    value: dict[str, Any]

    def children(self) -> Iterator["Node"]:
        """Yield the objects that stand in this one, also those in its lists and maps."""
        for name, kind, value in children(self.kind, self.value):
            path = (*self.path, name)
            if kind[0] in "{[":
                for key, inner, each in children(kind, value):
                    if isinstance(each, dict):
                        yield Node(inner, (*path, key), each)
            elif isinstance(value, dict):
                yield Node(kind, path, value)


def nodes(content: Mapping[str, Any]) -> list[Node]:
    """Return every object of the document ``content``, each once, in its order."""
    return list(_below([Node("openapi", (), cast("dict[str, Any]", content))], None))


def reached(content: Mapping[str, Any], roots: Iterable[Node]) -> list[Node]:
    """Return ``roots`` and everything below them, across references, each once."""
    return list(_below(roots, content))


def _below(roots: Iterable[Node], content: Mapping[str, Any] | None) -> Iterator[Node]:
    """Go through the objects depth first; into references only if there is ``content`` to find their targets in."""
    seen = set[tuple[int, str]]()
    waiting = list(roots)[::-1]
    while waiting:
        node = waiting.pop()
        if (key := (id(node.value), node.kind)) in seen:
            continue
        seen.add(key)
        yield node
        waiting.extend(list(node.children())[::-1])
        if content is not None and (target := resolve(content, node)) is not None:
            waiting.append(target)


def resolve(content: Mapping[str, Any], node: Node) -> Node | None:
    """Return what the `$ref` of ``node`` names in the same document, if there is such a thing."""
    reference = node.value.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    try:
        path, target = refer_to(content, reference)
    except KeyError:
        return None
    return Node(node.kind, path, target) if isinstance(target, dict) else None
