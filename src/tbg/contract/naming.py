"""Names of the contract, as Python writes them."""

import re
from collections.abc import Iterable
from keyword import iskeyword
from typing import Final

_RESERVED: Final = frozenset({"self", "req", "resp"})


def python_name(name: str) -> str:
    """Write ``name`` as Python does: ``X-Level -> x_level``, ``pageSize -> page_size``, ``from -> from_``."""
    identifier = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W", "_", name).lower()
    if not identifier.isidentifier():  # it begins with a digit, or has one that Python does not take
        identifier = "_" + re.sub(r"[^a-z0-9_]", "_", identifier)
    return f"{identifier}_" if iskeyword(identifier) else identifier


def argument_names(names: Iterable[str]) -> dict[str, str]:
    """Return by the name of a path's parameter that of the responder's argument.

    That is the same if Python and a responder's own arguments allow it, else `python_name`, with ``_`` or ``_2`` behind
    it if that is taken: ``class -> class_``, ``req -> req_``, ``a-b -> a_b``.
    """
    names = list(names)
    named = {name: name for name in names if name.isidentifier() and not iskeyword(name) and name not in _RESERVED}
    for name in names:
        if name not in named:
            argument = python_name(name)
            named[name] = unused(f"{argument}_" if argument in _RESERVED else argument, named.values())
    return {name: named[name] for name in names}


def unused(name: str, taken: Iterable[str]) -> str:
    """Return ``name``, numbered if it is taken."""
    taken = set(taken)
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
