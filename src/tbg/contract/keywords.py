"""The keywords that look at one value by themselves (JSON Schema 2020-12 validation, section 6).

Each check takes what the schema wants and the value, and says whether the value will do; a value of another type always
will. They are right for numbers of any size, and take time linear in the value.
"""

import json
import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import msgspec

from tbg.contract.formats import has_format

type Check = Callable[[Any], bool]
type _Keyword = Callable[[Any, Any], bool]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


TYPES: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def has_type(wanted: str | list[str], value: object) -> bool:
    """Tell whether a value is of the type, or of one of the types."""
    if isinstance(wanted, str):
        return TYPES[wanted](value)
    return any(TYPES[name](value) for name in wanted)


def is_equal(one: object, other: object) -> bool:
    """Compare as JSON does (section 4.2.2 of the core): ``1`` equals ``1.0``, but neither equals ``true``."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_equal, one, other))
    return one == other


def _enum(wanted: list[object], value: object) -> bool:
    return any(is_equal(each, value) for each in wanted)


def _enum_of(wanted: list[object]) -> Check:
    """Look scalars up, however many there are; ``True`` must not be found for 1, so the kind of value counts."""
    scalars = {(isinstance(each, bool), each) for each in wanted if not isinstance(each, dict | list)}
    others = [each for each in wanted if isinstance(each, dict | list)]

    def check(value: Any) -> bool:  # noqa: ANN401 - any value of JSON
        if isinstance(value, dict | list):
            return any(is_equal(each, value) for each in others)
        return (isinstance(value, bool), value) in scalars

    return check


def make_check(word: str, schema: Mapping[str, Any]) -> Check:
    """Build the check of one keyword in one schema."""
    wanted = schema[word]
    if word == "enum":
        return _enum_of(wanted)
    if word == "uniqueItems" and "maxItems" in schema:
        most = schema["maxItems"]  # nobody need look at the items of an array that is too long
        return lambda value: (isinstance(value, list) and len(value) > most) or is_unique(wanted, value)
    return partial(CHECKS[word], wanted)


def is_multiple(wanted: float, value: object) -> bool:
    """Divide exactly, number by number as JSON writes them (section 6.2.1): 0.07 is a multiple of 0.01."""
    if not _is_number(value) or not isinstance(value, int | float):
        return True
    if isinstance(value, int) and isinstance(wanted, int):
        return value % wanted == 0
    if isinstance(value, float) and not math.isfinite(value):
        return False
    wanted_digits, wanted_exponent = _decimal_of_schema(wanted)
    if wanted_digits == 1 and wanted_exponent <= 0 and value == value // 1:  # such as 0.01, which divides all integers
        return True
    digits, exponent = _decimal(value)
    shift = exponent - wanted_exponent
    if shift >= 0:
        return digits % wanted_digits * pow(10, shift, wanted_digits) % wanted_digits == 0
    return bool(digits % (wanted_digits * 10**-shift) == 0)


def _decimal(number: float) -> tuple[int, int]:
    """Write a number as an integer and a power of ten; ``repr`` has the shortest decimal that means it."""
    if isinstance(number, int):
        return number, 0
    mantissa, _, exponent = repr(number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    return int(whole + fraction), int(exponent or 0) - len(fraction)


_decimal_of_schema = lru_cache(1024)(_decimal)


def is_unique(wanted: bool, value: object) -> bool:  # noqa: FBT001 - what the schema says
    """Tell whether no two items are equal; jsonschema compares each with each unless they can be sorted."""
    if not wanted or not isinstance(value, list) or len(value) < 2:  # noqa: PLR2004 - one cannot be there twice
        return True
    # Bytes, because their hashes are keyed: a stranger could choose numbers whose hashes are all the same.
    return len({_written(_as_json_equals(item)) for item in value}) == len(value)


def _written(value: object) -> bytes:
    try:
        return msgspec.json.encode(value, order="deterministic")
    except (UnicodeEncodeError, TypeError):  # half of a surrogate pair
        return json.dumps(value, sort_keys=True).encode()


def _as_json_equals(value: object) -> object:
    """Write equal numbers alike: to JSON Schema, 1 and 1.0 are the same."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _as_json_equals(child) for key, child in value.items()}
    return [_as_json_equals(child) for child in value] if isinstance(value, list) else value


def _format(wanted: str, value: object) -> bool:
    return has_format(value, wanted)


def _required(wanted: list[str], value: object) -> bool:
    return not isinstance(value, dict) or all(name in value for name in wanted)


def _dependent_required(wanted: Mapping[str, list[str]], value: object) -> bool:
    return not isinstance(value, dict) or all(
        other in value for name, others in wanted.items() if name in value for other in others
    )


def _of(kind: type | tuple[type, ...], holds: _Keyword) -> _Keyword:
    def check(wanted: Any, value: Any) -> bool:  # noqa: ANN401 - any value of JSON
        return not isinstance(value, kind) or holds(wanted, value)

    return check


def _of_number(holds: _Keyword) -> _Keyword:
    def check(wanted: Any, value: Any) -> bool:  # noqa: ANN401 - any value of JSON
        return not isinstance(value, int | float) or isinstance(value, bool) or holds(wanted, value)

    return check


CHECKS: Mapping[str, _Keyword] = {
    "type": has_type,
    "enum": _enum,
    "const": is_equal,
    "multipleOf": is_multiple,
    "minimum": _of_number(lambda wanted, value: value >= wanted),
    "maximum": _of_number(lambda wanted, value: value <= wanted),
    "exclusiveMinimum": _of_number(lambda wanted, value: value > wanted),
    "exclusiveMaximum": _of_number(lambda wanted, value: value < wanted),
    "minLength": _of(str, lambda wanted, value: len(value) >= wanted),
    "maxLength": _of(str, lambda wanted, value: len(value) <= wanted),
    "format": _format,
    "minItems": _of(list, lambda wanted, value: len(value) >= wanted),
    "maxItems": _of(list, lambda wanted, value: len(value) <= wanted),
    "uniqueItems": is_unique,
    "minProperties": _of(dict, lambda wanted, value: len(value) >= wanted),
    "maxProperties": _of(dict, lambda wanted, value: len(value) <= wanted),
    "required": _required,
    "dependentRequired": _dependent_required,
}
"""By keyword, whether a value satisfies it."""
