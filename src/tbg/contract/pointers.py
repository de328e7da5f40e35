"""JSON Pointers (RFC 6901), as this engine writes and follows them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")

type Path = tuple[object, ...]
"""Keys and indexes that lead to a place in a document."""


# Under these keywords stand plain values, not schemas: a "$ref" or "pattern" there means nothing.
_LITERALS = frozenset({"example", "examples", "default", "enum", "const"})
# Under these stand names of people's choice, which may look like keywords.
_NAMED = frozenset(
    {
        *("properties", "patternProperties", "dependentSchemas", "$defs"),
        *("paths", "responses", "content", "encoding", "schemas", "requestBodies", "pathItems", "securitySchemes"),
        *("parameters", "headers", "examples", "links", "callbacks"),
    }
)


def to_pointer(path: Iterable[object]) -> str:
    """Write a path of keys and indexes as a JSON Pointer: ``["a", 0] -> "/a/0"``; the empty path is ``""``."""
    return "".join("/" + str(segment).replace("~", "~0").replace("/", "~1") for segment in path)


def from_pointer(document: object, pointer: str) -> tuple[Path, object]:
    """Return the path that ``pointer`` names in ``document``, and what stands there.

    Raises:
        KeyError: Nothing is there; its arguments are the first path on the way that is missing.
    """
    if pointer and not pointer.startswith("/"):
        raise KeyError(pointer)
    keys: list[str] = [segment.replace("~1", "/").replace("~0", "~") for segment in pointer.split("/")[1:]]
    path: list[object] = []
    target: Any = document
    for key in keys:
        if isinstance(target, list) and _INDEX.fullmatch(key) and int(key) < len(target):
            path.append(int(key))
        elif isinstance(target, dict) and key in target:
            path.append(key)
        else:
            raise KeyError(*path, key)
        target = target[path[-1]]
    return tuple(path), target


def refer_to(document: object, reference: str) -> tuple[Path, object]:
    """Return where a reference inside of ``document`` leads, and what stands there: ``#/components/schemas/A``.

    Raises:
        KeyError: Nothing is there.
    """
    return from_pointer(document, unquote(reference.removeprefix("#")))


def follow(document: object, pointer: str) -> object:
    """Return what ``pointer`` names in ``document``.

    Raises:
        KeyError: Nothing is there.
    """
    return from_pointer(document, pointer)[1]


def value_at(document: object, path: Sequence[object]) -> object:
    """Return what stands at ``path``.

    Raises:
        LookupError: Nothing is there.
        TypeError: Nothing is there, as something on the way has no keys.
    """
    target: Any = document
    for key in path:
        target = target[key]
    return target


def resolve(document: object, path: Path) -> tuple[Path, object]:
    """Return where the references that begin at ``path`` end, and what stands there.

    Raises:
        KeyError: They end nowhere.
    """
    value = value_at(document, path)
    seen = {path}
    while isinstance(value, dict) and isinstance(value.get("$ref"), str):
        path, value = refer_to(document, value["$ref"])
        if path in seen:
            raise KeyError(path)
        seen.add(path)
    return path, value


def _keyword_at(path: Iterable[object]) -> tuple[str, bool]:
    """Return the keyword that says what stands at ``path``, and whether that is a map of names.

    ``["paths", "/a"] -> ("paths", False)``, ``["components", "schemas"] -> ("schemas", True)``; a property called
    ``responses`` is a name, not a keyword.
    """
    keyword, names = "", False
    for segment in path:
        if names:
            names = False
        else:
            keyword = str(segment)
            names = keyword in _NAMED
    return keyword, names


def walk(node: object, path: Path = ()) -> Iterator[tuple[Path, dict[str, object]]]:
    """Yield every mapping below ``node`` with its path, except those inside examples and other literal values."""
    if isinstance(node, dict):
        yield path, node
        children: Iterable[tuple[object, object]] = node.items()
    elif isinstance(node, list):
        children = enumerate(node)
    else:
        return
    keyword, names = _keyword_at(path)
    for key, child in children:
        if names or not _is_literal(keyword, key, child):
            yield from walk(child, (*path, key))


def _is_literal(keyword: str, key: object, child: object) -> bool:
    """Tell whether ``child`` is a plain value; ``examples`` is a list of such, or a map of Example Objects."""
    if key == "examples":
        return not isinstance(child, dict)
    return key in _LITERALS or str(key).startswith("x-") or (keyword == "examples" and key == "value")
