"""U+0000 in what a client sends: PostgreSQL cannot store it, and few who read a text expect it.

JSON and JSON Schema allow it, so a contract hardly ever says that it does not. It is refused in all text, before the
schema is asked; bytes (binary bodies and parts) may hold what they like.
"""

import re
from collections.abc import Iterator
from math import inf
from typing import Final

from tbg.contract.schemas import Finding, pointer_of

_NUL: Final = "\0"
_DETAIL: Final = "must not contain U+0000"
_ESCAPED: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # and not a backslash that is followed by u0000
_MOST_VALUES: Final = 10_000
_END: Final = object()


def nul_in_value(value: object) -> tuple[Finding, ...]:
    """Return a finding for the first text in a value that contains U+0000; none if there is no such text.

    A name with U+0000 is found at the object that has it.
    """
    if isinstance(value, str):  # as most parameters are
        return (Finding("", "nul", _DETAIL),) if _NUL in value else ()
    return tuple(_search(value, inf)) if isinstance(value, dict | list) else ()


def nul_in_json(raw: bytes, value: object) -> tuple[Finding, ...]:
    r"""Return the same for the value of a valid JSON text, which can hold U+0000 only as ``\u0000``.

    Of a huge value, so much is searched as takes a few milliseconds; then the finding is the whole value's.
    """
    if b"\\u0000" not in raw or _ESCAPED.search(raw) is None:
        return ()
    return tuple(_search(value, _MOST_VALUES)) or (Finding("", "nul", _DETAIL),)


def _search(value: object, most_values: float) -> Iterator[Finding]:
    """Yield the first finding; there is no recursion, as a client decides how deep a value is."""
    levels: list[Iterator[tuple[object, object]]] = [iter([(None, value)])]
    path: list[object] = []  # the keys of all levels but the last
    while levels and most_values > 0:
        key, each = next(levels[-1], (None, _END))
        if each is _END:
            levels.pop()
            del path[-1:]
            continue
        most_values -= 1
        if detail := _detail(each):
            yield Finding(pointer_of([*path, key][1:]), "nul", detail)
            return
        if isinstance(each, dict | list):
            levels.append(iter(each.items() if isinstance(each, dict) else enumerate(each)))
            path.append(key)


def _detail(value: object) -> str:
    """Return what is wrong with a value, but not with what it contains."""
    if isinstance(value, str):
        return _DETAIL if _NUL in value else ""
    has_such_name = isinstance(value, dict) and any(_NUL in name for name in value)
    return "must not have a name that contains U+0000" if has_such_name else ""
