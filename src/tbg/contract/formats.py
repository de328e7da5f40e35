r"""What ``format`` asserts, as JSON Schema that jsonschema-rs judges: the same for who accepts and for the judge.

openapi-core's own checks are not used: its ``time`` is upside down, its ``email`` wants an ``@`` and nothing more, its
``date-time`` and ``uuid`` take a newline and the digits of other scripts, and it knows no ``uri``, ``hostname`` or
``duration``. Those of jsonschema-rs pass all of JSON Schema's own cases, in time linear in the text; where it takes
more than the law does, a pattern stands beside it. Each applies to its own type only (OpenAPI 3.1.1, section 4.4); what
is not in the table is an annotation.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from jsonschema_rs import Draft202012Validator, RegexOptions

# RFC 3339, section 5.6. jsonschema-rs 0.60 knows the calendar, but takes some other characters for digits ("0+", "1,").
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MINUTE = "[0-9]{2}:[0-9]{2}"
_FRACTION = r"(?:\.[0-9]+)?"
_TIME = rf"{_MINUTE}:[0-9]{{2}}{_FRACTION}(?:[Zz]|[+-]{_MINUTE})"
# Section 5.7: a minute has a 61st second only at 23:59:60 UTC on 30 June or 31 December. jsonschema-rs looks at the
# time of day; this, at the day, which is the next one where the clocks are ahead of UTC.
_BEHIND = rf"[0-9]{{4}}-(?:06-30|12-31)[Tt]{_MINUTE}:60{_FRACTION}(?:[Zz]|-{_MINUTE}|\+00:00)"
_EAST = r"\+(?:00:0[1-9]|00:[1-5][0-9]|(?:0[1-9]|[12][0-9]):[0-9]{2})"
_AHEAD = rf"[0-9]{{4}}-(?:07-01|01-01)[Tt]{_MINUTE}:60{_FRACTION}{_EAST}"
_DATE_TIME = rf"^(?:{_DAY}[Tt]{_MINUTE}:[0-5][0-9]{_FRACTION}(?:[Zz]|[+-]{_MINUTE})|{_BEHIND}|{_AHEAD})$"

# RFC 5321, sections 4.1.2 and 4.5.3.1. jsonschema-rs takes a name around a mailbox, too, and what stands behind that.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX = rf"^(?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@{_LABEL}(?:\.{_LABEL})*$"
_LITERAL = {"format": "email", "pattern": r"^[ -~]*\]$"}  # a@[IPv6:::1]
_LENGTHS = "^.{1,64}@[^@]{1,255}$"
_IDN_MAILBOX = r"^[^\t\r\n]*[^\s>]$"

_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"  # RFC 4648, section 4
_BASE64URL = "^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}(?:==)?|[A-Za-z0-9_-]{3}=?)?$"  # section 5, padded or not

_LARGEST_FLOAT = 3.4028234663852886e38
_LARGEST_DOUBLE = 1.7976931348623157e308


def _integer(least: int, greatest: int) -> dict[str, Any]:
    return {"minimum": least, "maximum": greatest, "multipleOf": 1}


_OF_TEXT: Final[Mapping[str, dict[str, Any]]] = {
    **{
        name: {"format": name}
        for name in (
            *("duration", "hostname", "idn-hostname", "ipv4", "ipv6", "uri", "uri-reference", "iri"),
            *("iri-reference", "uri-template", "uuid", "regex", "json-pointer", "relative-json-pointer"),
        )
    },
    "date": {"format": "date", "pattern": f"^{_DAY}$"},
    "time": {"format": "time", "pattern": f"^{_TIME}$"},
    "date-time": {"format": "date-time", "pattern": _DATE_TIME},
    "email": {"anyOf": [{"pattern": _MAILBOX}, _LITERAL], "pattern": _LENGTHS},
    "idn-email": {"format": "idn-email", "pattern": _IDN_MAILBOX},
    "byte": {"pattern": _BASE64},
    "base64url": {"pattern": _BASE64URL},
    "binary": {},  # any octets
    "password": {},  # a hint to who shows it
}
_OF_NUMBERS: Final[Mapping[str, dict[str, Any]]] = {
    **{f"int{bits}": _integer(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32)},
    **{f"uint{bits}": _integer(0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    # jsonschema-rs says of the double -2^63 that it is less than the integer.
    "int64": {"anyOf": [{"minimum": -(2**63)}, {"const": -(2.0**63)}], "maximum": 2**63 - 1, "multipleOf": 1},
    "float": {"minimum": -_LARGEST_FLOAT, "maximum": _LARGEST_FLOAT},
    "double": {"minimum": -_LARGEST_DOUBLE, "maximum": _LARGEST_DOUBLE},
}
FORMATS: Final[Mapping[str, dict[str, Any]]] = {**_OF_TEXT, **_OF_NUMBERS}
"""By format, the schema that says the same to jsonschema-rs, of values of every type."""


def is_asserted(name: str) -> bool:
    """Tell whether a value must have the format; one that nobody looks at is an annotation."""
    return name in FORMATS


def has_format(value: object, name: str) -> bool:
    """Tell whether ``value`` has the format; every value has one that is an annotation."""
    check = _CHECKS.get(name)
    try:
        return check is None or check(value)
    except Exception:  # noqa: BLE001 - what is too much for jsonschema-rs, such as half of a surrogate pair, has no format
        return False


def _check(schema: dict[str, Any], types: type | tuple[type, ...]) -> Callable[[object], bool]:
    is_valid = Draft202012Validator(schema, validate_formats=True, pattern_options=RegexOptions()).is_valid
    return lambda value: not isinstance(value, types) or isinstance(value, bool) or is_valid(value)


_CHECKS: Final[Mapping[str, Callable[[object], bool]]] = {
    **{name: _check(schema, str) for name, schema in _OF_TEXT.items() if schema},
    **{name: _check(schema, (int, float)) for name, schema in _OF_NUMBERS.items()},
}
