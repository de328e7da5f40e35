"""JSON Pointers (RFC 6901), as this engine writes and follows them."""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")

type Path = tuple[object, ...]
"""Keys and indexes that lead to a place in a document."""


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
