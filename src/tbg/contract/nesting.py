"""How deep the valid values of a schema can be nested."""

from collections.abc import Iterable
from typing import Final

from tbg.contract.shapes import Schema, Shapes, item_groups, member_groups, other_members, types

_TYPES: Final = frozenset({"type", "enum", "const"})


def is_bounded(shapes: Shapes, schemas: Iterable[Schema]) -> bool:
    """Tell whether all values of which ``schemas`` hold are nested as deep as these are at most, and no deeper.

    So it is unless an object may have members, or an array items, of which nothing is said, or a schema is in itself.

    Raises:
        ValueError: There are too many alternatives to say.
    """
    return _is_bounded(shapes, list(schemas), {})


def _is_bounded(shapes: Shapes, schemas: list[Schema], seen: dict[frozenset[int], bool]) -> bool:
    """Do the same; ``seen`` has False for where it is looking."""
    place = frozenset(map(id, schemas))
    if place in seen:
        return seen[place]
    seen[place] = False
    for alternative in shapes.alternatives(schemas):
        if all(_TYPES.isdisjoint(schema) for schema in alternative):
            return False
        names = types(alternative)
        # What is not named comes first, as it is what is most often open.
        groups = [other_members(alternative), *member_groups(alternative)] if "object" in names else []
        groups += item_groups(alternative) if "array" in names else []
        if not all(_is_bounded(shapes, group, seen) for group in groups):
            return False
    seen[place] = True
    return True
