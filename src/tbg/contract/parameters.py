"""The parameters of an operation: where they stand, how they are read, what they must be."""

import re
from collections.abc import Callable, Iterable, Mapping
from keyword import iskeyword
from operator import itemgetter
from typing import Final, Literal

import attrs
import msgspec
from jsonschema_path import SchemaPath
from openapi_core.casting.schemas.casters import SchemaCaster
from openapi_core.deserializing.exceptions import DeserializeError
from openapi_core.schema.parameters import get_style_and_explode

from tbg.contract.openapi_casting import deserializers, is_plain_text, main_type
from tbg.contract.schemas import Finding, Validate, compile_schema, pointer_of
from tbg.contract.text import nul_in_value

MISSING: Final = object()

# By location, what can be read right: the style, whether it explodes (None: either way), and the type ("": any but the
# other two).
_READABLE: Mapping[str, set[tuple[str, bool | None, str]]] = {
    "path": {("simple", None, kind) for kind in ("", "array", "object")},
    "query": {
        ("form", None, ""),
        ("form", None, "array"),
        ("pipeDelimited", False, "array"),
        ("deepObject", True, "object"),
    },
    "header": {("simple", None, kind) for kind in ("", "array", "object")},
    "cookie": {("form", None, ""), ("form", None, "array")},
}


class InvalidParameterError(Exception):
    """A raw value does not satisfy the contract."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__()
        self.findings = findings


class Location(dict[str, str]):
    """Raw values as openapi-core's deserializers look them up: the first by key, all by ``getlist``.

    Attributes:
        repeated: All values of the names that came more than once, in the order they came.
    """

    repeated: Mapping[str, list[str]] = {}

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Location":
        """Collect names and values in the order they came."""
        location, repeated = cls(), dict[str, list[str]]()
        for name, value in pairs:
            if name in location:
                repeated.setdefault(name, [location[name]]).append(value)
            else:
                location[name] = value
        location.repeated = repeated
        return location

    def getlist(self, name: str) -> list[str]:
        """Return all values of ``name``."""
        return self.repeated.get(name) or [self[name]]


NOTHING: Final = Location()
"""A location where nothing was sent."""

Deserialize = Callable[[Location], object]
"""Turn the raw values of one location into the value of one parameter."""


@attrs.frozen
class Parameter:
    """One compiled parameter.

    Attributes:
        name: As the contract and the client write it.
        location: Where it stands.
        field: Its name in Python: ``X-Trace-Level -> x_trace_level``.
        required: Whether a request without it is invalid.
        default: What the contract says it is when absent, or MISSING.
    """

    name: str
    location: Literal["path", "query", "header", "cookie"]
    field: str
    required: bool
    default: object
    deserialize: Deserialize = attrs.field(repr=False)
    validate: Validate = attrs.field(repr=False)
    is_present: Callable[[Location], bool] = attrs.field(repr=False)
    repeatable: bool = False

    def read(self, values: Location) -> object:
        """Return the typed value, the default, or MISSING.

        Raises:
            InvalidParameterError: It is absent though required, or breaks its schema.
        """
        if not self.is_present(values):
            return self._absent()
        if self.name in values.repeated and not self.repeatable:
            raise InvalidParameterError((Finding("", "repeated", "must be given once"),))
        value = self.deserialize(values)
        if findings := nul_in_value(value) or self.validate(value):
            raise InvalidParameterError(findings)
        return value

    def _absent(self) -> object:
        if self.required:
            raise InvalidParameterError((Finding("", "required", "is required"),))
        return self.default


def compile_parameter(spec: SchemaPath, parameter: SchemaPath) -> Parameter:
    """Compile one parameter object.

    Raises:
        ValueError: The contract asks for a serialization that this engine (or openapi-core) does not read right.
    """
    name, location = (parameter / "name").read_str(), (parameter / "in").read_str()
    common = {
        "name": name,
        "location": location,
        "field": python_name(name),
        "required": (parameter / "required").read_bool(default=False),
    }
    if "content" in parameter:
        return Parameter(**common, **_from_content(spec, parameter, name))  # type: ignore[arg-type]  # the spec validator checked "in"
    return Parameter(**common, **_from_style(spec, parameter, name, location))  # type: ignore[arg-type]  # the same


def python_name(name: str) -> str:
    """Write ``name`` as Python does: ``X-Level -> x_level``, ``pageSize -> page_size``, ``from -> from_``."""
    identifier = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W", "_", name).lower()
    return f"{identifier}_" if iskeyword(identifier) else identifier


def _from_style(spec: SchemaPath, parameter: SchemaPath, name: str, location: str) -> dict[str, object]:
    schema = parameter / "schema"
    style, explode = get_style_and_explode(parameter)
    kind = main_type(schema)
    shape = kind if kind in {"array", "object"} else ""
    if not _READABLE[location] & {(style, explode, shape), (style, None, shape)}:
        raise ValueError(
            f"'{name}': style '{style}' with explode: {str(explode).lower()} is not supported "
            f"for a {location} parameter of type '{kind}'"
        )
    prefix = f"{name}["
    return {
        "default": _default(parameter, schema),
        "deserialize": reader(spec, schema, name, style, explode=explode, blanks=location != "header"),
        "validate": compile_schema(spec, schema),
        "is_present": (lambda values: any(key.startswith(prefix) for key in values))
        if style == "deepObject"
        else (lambda values: name in values),
        "repeatable": kind == "array" and style == "form" and explode,
    }


def _default(parameter: SchemaPath, schema: SchemaPath) -> object:
    """Return the default that stands beside a reference, else the schema's own, else MISSING."""
    beside = parameter.read_value()["schema"]
    if isinstance(beside, dict) and "default" in beside:
        return beside["default"]
    return (schema / "default").read_value() if "default" in schema else MISSING


def _deep_object(name: str, caster: SchemaCaster) -> Deserialize:
    """Read ``name[key]=value`` once per key; openapi-core's reader ignores what else stands in the brackets."""
    key_pattern = re.compile(re.escape(name) + r"\[([^\[\]]+)\]")

    def deserialize(location: Location) -> object:
        value = {}
        for key in (key for key in location if key.partition("[")[0] == name):
            if (found := key_pattern.fullmatch(key)) is None:
                raise KeyError(key)
            if len(location.getlist(key)) > 1:
                raise InvalidParameterError((Finding(pointer_of([found[1]]), "repeated", "must be given once"),))
            value[found[1]] = location[key]
        return caster.cast(value)

    return deserialize


def reader(  # noqa: PLR0913 - what a style is made of
    spec: SchemaPath, schema: SchemaPath, name: str, style: str, *, explode: bool, blanks: bool
) -> Deserialize:
    """Build what reads the value ``name`` or raises InvalidParameterError; ``blanks`` are a part of a list's items."""
    if is_plain_text(schema):
        return itemgetter(name)
    deserializer = deserializers.create(spec, schema, style, explode, name=name)
    read = _deep_object(name, deserializer.caster) if style == "deepObject" else deserializer.deserialize
    is_list = main_type(schema) in {"array", "object"}
    return _guarded(_without_blanks(name, read) if is_list and not blanks else read)


def _without_blanks(name: str, deserialize: Deserialize) -> Deserialize:
    """Drop the blanks that may surround a list's items (RFC 9110, section 5.6.1), which openapi-core would keep."""

    def strip(location: Location) -> object:
        return deserialize(Location({name: ",".join(item.strip() for item in location[name].split(","))}))

    return strip


def _guarded(deserialize: Deserialize) -> Deserialize:
    """Let ``deserialize``, one of openapi-core's, raise InvalidParameterError and nothing else."""

    def guarded(location: Location) -> object:
        try:
            return deserialize(location)
        except (DeserializeError, LookupError):
            raise InvalidParameterError((Finding("", "style", "is not written as the contract says"),)) from None

    return guarded


def _from_content(spec: SchemaPath, parameter: SchemaPath, name: str) -> dict[str, object]:
    media_types = list((parameter / "content").keys())
    if media_types != ["application/json"]:
        raise ValueError("the content of a parameter can be application/json only")

    def deserialize(location: Location) -> object:
        try:
            return msgspec.json.decode(location[name])
        except (msgspec.DecodeError, RecursionError):
            raise InvalidParameterError((Finding("", "format", "must be valid JSON"),)) from None

    schema = parameter / "content" / "application/json" / "schema"
    return {
        "default": MISSING,
        "deserialize": deserialize,
        "validate": compile_schema(spec, schema),
        "is_present": lambda values: name in values,
    }


def merge_parameters(shared: Iterable[Parameter], own: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """Join the parameters of a path with those of one operation, which win.

    Raises:
        ValueError: Two of them have the same name in Python.
    """
    merged = {(parameter.location, parameter.name): parameter for parameter in (*shared, *own)}
    fields = [parameter.field for parameter in merged.values()]
    if doubled := {field for field in fields if fields.count(field) > 1}:
        raise ValueError(f"two parameters have the name '{doubled.pop()}' in Python: rename one")
    return tuple(merged.values())
