"""Which form of an error a client prefers, by its ``Accept`` (RFC 9110, section 12.5.1).

Falcon's own negotiation is not used: it caches 128 parsed headers of any size. Here a header has at most 1 KB, and is
parsed in linear time.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
ERROR_MEDIA_TYPES: Final = (JSON, PROBLEM)

_LONGEST: Final = 1024
_MOST_REMEMBERED: Final = 64  # 64 KB at most
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105 - the grammar's word for it
# Possessive quantifiers (++) never backtrack, so that no text takes longer than its length says.
_PARAMETER: Final = rf'[ \t]*+;[ \t]*+(?:({_TOKEN})=({_TOKEN}|"(?:[^"\\]|\\.)*+"))?+'
_PARAMETERS: Final = re.compile(_PARAMETER)
_RANGE: Final = re.compile(rf"[ \t]*+(?:({_TOKEN})/({_TOKEN})((?:{_PARAMETER})*+)[ \t]*+)?+(?:,|$)")
_WEIGHT: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")

_REFUSED: Final = -1.0  # with q=0, which is worse than not to be named at all
_Ranges = list[tuple[str, str, bool, float]]


def prefers_problem(accept: str) -> bool:
    """Tell whether a client would rather have a problem document than plain JSON.

    Plain JSON is the default: for a client that likes both as much or names neither, and for a header that is
    malformed or longer than 1 KB.
    """
    if len(accept) > _LONGEST or "json" not in accept.lower():
        return False
    return _prefers_problem(accept)


@lru_cache(maxsize=_MOST_REMEMBERED)
def _prefers_problem(accept: str) -> bool:
    ranges = _parse(accept)
    return ranges is not None and _quality(PROBLEM, ranges) > _quality(JSON, ranges)


def _parse(accept: str) -> _Ranges | None:
    """Return type, subtype, whether there are parameters, and weight of each range; None for a malformed header."""
    ranges: _Ranges = []
    position = 0
    while position < len(accept):
        found = _RANGE.match(accept, position)
        if found is None:
            return None
        position = found.end()
        if found[1] is not None:  # an empty element is allowed (RFC 9110, section 5.6.1.2)
            parameters = [each for each in _PARAMETERS.findall(found[3]) if each[0]]
            weight = _weight(parameters)
            if weight is None:
                return None
            has_parameters = bool(parameters) and parameters[0][0].lower() != "q"
            ranges.append((found[1].lower(), found[2].lower(), has_parameters, weight))
    return ranges


def _weight(parameters: Iterable[tuple[str, str]]) -> float | None:
    text = next((value for name, value in parameters if name.lower() == "q"), "1")
    if _WEIGHT.fullmatch(text) is None:
        return None
    return float(text) or _REFUSED


def _quality(media_type: str, ranges: _Ranges) -> float:
    """Return the weight of the most specific range that ``media_type`` is in, and 0 if it is in none.

    A range with parameters is meant for another variant of the type, so it comes after one without.
    """
    main, _, sub = media_type.partition("/")
    found = [
        (((sub_ != "*") * 2 + (main_ != "*")) * 2 - has_parameters, weight)
        for main_, sub_, has_parameters, weight in ranges
        if (main_, sub_) in {(main, sub), (main, "*"), ("*", "*")}
    ]
    return max(found)[1] if found else 0.0
