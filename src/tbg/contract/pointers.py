"""JSON Pointers (RFC 6901), as this engine writes and follows them."""

from collections.abc import Iterable, Iterator

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


def follow(document: object, pointer: str) -> object:
    """Return what ``pointer`` names in ``document``.

    Raises:
        KeyError: Nothing is there.
    """
    target = document
    if pointer and not pointer.startswith("/"):
        raise KeyError(pointer)
    for segment in pointer.split("/")[1:]:
        key = segment.replace("~1", "/").replace("~0", "~")
        try:
            target = target[int(key)] if isinstance(target, list) else target[key]  # type: ignore[index]  # a wrong type is the KeyError below
        except (KeyError, IndexError, TypeError, ValueError):
            raise KeyError(pointer) from None
    return target


def keyword_at(path: Iterable[object]) -> tuple[str, bool]:
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


def walk(node: object, path: tuple[object, ...] = ()) -> Iterator[tuple[tuple[object, ...], dict[str, object]]]:
    """Yield every mapping below ``node`` with its path, except those inside examples and other literal values."""
    if isinstance(node, dict):
        yield path, node
        children: Iterable[tuple[object, object]] = node.items()
    elif isinstance(node, list):
        children = enumerate(node)
    else:
        return
    keyword, names = keyword_at(path)
    for key, child in children:
        if names or not _is_literal(keyword, key, child):
            yield from walk(child, (*path, key))


def _is_literal(keyword: str, key: object, child: object) -> bool:
    """Tell whether ``child`` is a plain value; ``examples`` is a list of such, or a map of Example Objects."""
    if key == "examples":
        return not isinstance(child, dict)
    return key in _LITERALS or str(key).startswith("x-") or (keyword == "examples" and key == "value")
