"""JSON Pointers (RFC 6901), as this engine writes and follows them."""

from collections.abc import Iterable, Iterator

# Under these keywords stand plain values, not schemas: a "$ref" or "pattern" there means nothing.
_LITERALS = frozenset({"example", "examples", "default", "enum", "const"})


def to_pointer(path: Iterable[object]) -> str:
    """Write a path of keys and indexes as a JSON Pointer: ``["a", 0] -> "/a/0"``; the empty path is ``""``."""
    return "".join("/" + str(segment).replace("~", "~0").replace("/", "~1") for segment in path)


def follow(document: object, pointer: str) -> object:
    """Return what ``pointer`` names in ``document``.

    Raises:
        KeyError: Nothing is there.
    """
    target = document
    for segment in pointer.split("/")[1:]:
        key = segment.replace("~1", "/").replace("~0", "~")
        try:
            target = target[int(key)] if isinstance(target, list) else target[key]  # type: ignore[index]  # a wrong type is the KeyError below
        except (KeyError, IndexError, TypeError, ValueError):
            raise KeyError(pointer) from None
    return target


def walk(node: object, path: tuple[object, ...] = ()) -> Iterator[tuple[tuple[object, ...], dict[str, object]]]:
    """Yield every mapping below ``node`` with its path, except those inside examples and other literal values."""
    if isinstance(node, dict):
        yield path, node
        children: Iterable[tuple[object, object]] = node.items()
    elif isinstance(node, list):
        children = enumerate(node)
    else:
        return
    # A property or response may itself be called "default": literals are recognised by their place in a schema.
    in_names = bool(path) and path[-1] in {"properties", "responses", "patternProperties", "$defs"}
    for key, child in children:
        if in_names or key not in _LITERALS:
            yield from walk(child, (*path, key))
