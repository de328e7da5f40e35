"""Bodies that are sequences of items: JSON Lines and event streams, each item judged by itself.

OpenAPI 3.1 does not say what the ``schema`` of such a media type describes; 3.2 models the body as an array of its
items ("Sequential Media Types"). So a schema of type ``array`` is the whole body's; any other is the item's, as people
write it in 3.1. The item of JSON Lines is the value of a line. That of an event stream is the event's data, as people
write it in 3.1; a schema that speaks of the member ``data`` and no others than ``event``, ``id`` and ``retry`` may be
meant as 3.2 has it, where the item is the event ("Special Considerations for Server-Sent Events"), and then either will
do. Data is text where the schema takes nothing but text; elsewhere it is JSON, or text if it is none.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain, islice
from typing import Any, Final

import attrs
from jsonschema_path import SchemaPath

from tbg.contract.casting import Casters
from tbg.contract.decoding import MalformedBodyError, decode_json
from tbg.contract.schemas import MAX_FINDINGS, Finding, Validate, compile_schema
from tbg.contract.shapes import Alternative, Schema, Shapes, item_groups, member_schemas, property_names, types, written

EVENTS: Final = "text/event-stream"
_LINES: Final = frozenset(
    {
        "application/jsonl",
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonlines",
        "application/x-jsonlines",
    }
)
SEQUENCES: Final = _LINES | {EVENTS}

_NOTHING: Final = object()
_LINE_END: Final = re.compile(rb"\n")
_EOL: Final = r"(?:\r\n|\n|\r(?!\n))"
_EVENT_END: Final = re.compile(f"{_EOL}{_EOL}".encode())
_FIELD_END: Final = re.compile(_EOL)
_FIELDS: Final = frozenset({"data", "event", "id", "retry"})
_RETRY: Final = re.compile(r"[0-9]{1,18}")
_TEXT: Final = frozenset({"string"})
_TYPED: Final = frozenset({"type", "enum", "const"})
_ARRAY: Final = frozenset({"array"})

Read = Callable[[bytes], object]
"""Read what is between two ends, or raise MalformedBodyError; _NOTHING for what is no item."""


@attrs.frozen
class Items:
    """How a body is cut into items, and how each is read and judged.

    Attributes:
        end: What an item ends with.
    """

    end: re.Pattern[bytes]
    _readings: tuple[Read, ...]
    _validate: Validate

    def judge(self, raw: bytes) -> Finding | None:
        """Return what is wrong with one item as it was cut, or None."""
        try:
            value, findings = self._read(raw)
        except MalformedBodyError:
            return Finding("", "format", "is malformed")
        return None if value is _NOTHING else next(iter(findings), None)

    def _read(self, raw: bytes) -> tuple[object, tuple[Finding, ...]]:
        """Return an item and what is wrong with it, in the first reading that is valid or else in the first."""
        worst = None
        for reading in self._readings:
            value = reading(raw)
            findings = () if value is _NOTHING else self._validate(value)
            if not findings:
                return value, ()
            worst = worst or (value, findings)
        assert worst is not None  # noqa: S101 - there is one reading at least
        return worst

    def read_all(self, body: bytes) -> list[object]:
        """Return the items of a whole body.

        Raises:
            MalformedBodyError: One of them cannot be read.
        """
        values: list[object] = []
        read = self._readings[0] if len(self._readings) == 1 else lambda raw: self._read(raw)[0]
        for raw in self._cut(body):
            try:
                value = read(raw)
            except MalformedBodyError as error:
                raise MalformedBodyError(f"Item {len(values)}: {error}") from error
            if value is not _NOTHING:
                values.append(value)
        return values

    def validate_all(self, values: list[object]) -> tuple[Finding, ...]:
        """Judge the items of a whole body; a pointer begins with the number of the item."""
        found = (_at(number, self._validate(value)) for number, value in enumerate(values))
        return tuple(islice(chain.from_iterable(found), MAX_FINDINGS))

    def _cut(self, body: bytes) -> Iterator[bytes]:
        start = 0
        for found in self.end.finditer(body):
            yield body[start : found.end()]
            start = found.end()
        yield body[start:]


def _at(number: int, findings: tuple[Finding, ...]) -> Iterator[Finding]:
    return (Finding(f"/{number}{finding.pointer}", finding.code, finding.detail) for finding in findings)


@attrs.frozen
class Sequence:
    """A media type with a schema, compiled: of the whole body, and of each item."""

    items: Items
    _validate: Validate | None

    def decode(self, body: bytes, _parameters: Mapping[str, str]) -> object:
        """Return the list of items."""
        return self.items.read_all(body)

    def validate(self, value: Any) -> tuple[Finding, ...]:  # noqa: ANN401 - what `decode` returned
        """Judge the list of items."""
        return self._validate(value) if self._validate else self.items.validate_all(value)


def compile_sequence(spec: SchemaPath, media_type: str, schema: SchemaPath) -> Sequence:
    """Compile the ``schema`` of a media type among `SEQUENCES`.

    Raises:
        ValueError: It does not say the same of all items.
    """
    casters = Casters(spec)
    schemas = [written(schema)]
    validate = None
    if casters.shapes.types(schemas) == _ARRAY:
        validate, schemas = compile_schema(spec, schema), _of_items(casters.shapes.alternatives(schemas), media_type)
    is_lines = media_type in _LINES
    readings = (_line,) if is_lines else _of_events(casters.shapes, schemas)
    return Sequence(Items(_LINE_END if is_lines else _EVENT_END, readings, casters.validate(schemas)), validate)


def _of_items(alternatives: list[Alternative], media_type: str) -> list[Schema]:
    groups = item_groups(alternatives[0]) if len(alternatives) == 1 else []
    if len(groups) != 1:
        raise ValueError(f"the items of {media_type} cannot be judged one by one: give them one schema, in 'items'")
    return groups[0]


def _line(raw: bytes) -> object:
    return decode_json(raw, {}) if raw.strip() else _NOTHING


def _of_events(shapes: Shapes, schemas: list[Schema]) -> tuple[Read, ...]:
    alternatives = shapes.alternatives(schemas)
    objects = [each for each in alternatives if "object" in types(each)]
    if not objects or not all("data" in (names := _names(each)) and names <= _FIELDS for each in objects):
        return (partial(_data, is_text=_is_text(alternatives)),)
    data = [alternative for each in objects for alternative in shapes.alternatives(member_schemas(each, "data"))]
    return partial(_event, is_text=_is_text(data)), _object_or_event


def _is_text(alternatives: list[Alternative]) -> bool:
    """Tell whether a schema says that a value is text: not if it leaves that open."""
    return all(types(each) == _TEXT and any(_TYPED & schema.keys() for schema in each) for each in alternatives)


def _names(alternative: Alternative) -> set[str]:
    """Return the names of the members that a schema speaks of."""
    return {*property_names(alternative), *(name for schema in alternative for name in schema.get("required", ()))}


def _event(raw: bytes, *, is_text: bool) -> object:
    """Return an event's fields (HTML, "Interpreting an event stream"), _NOTHING if it has no data to dispatch."""
    if not raw.strip():
        return _NOTHING
    try:
        lines = _FIELD_END.split(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MalformedBodyError("The event is not valid UTF-8") from error
    event: dict[str, object] = {}
    data: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "retry":
            event |= {"retry": int(value)} if _RETRY.fullmatch(value) else {}
        elif name == "event" or (name == "id" and "\0" not in value):
            event[name] = value
    if not data:
        return _NOTHING
    text = "\n".join(data)
    return {**event, "data": text if is_text else _json_or_text(text)}


def _data(raw: bytes, *, is_text: bool) -> object:
    event = _event(raw, is_text=is_text)
    return event["data"] if isinstance(event, dict) else event


def _object_or_event(raw: bytes) -> object:
    """Return the data if it is an object, which could be meant by a schema of events."""
    data = _data(raw, is_text=False)
    return data if isinstance(data, dict) else _event(raw, is_text=False)


def _json_or_text(text: str) -> object:
    try:
        return decode_json(text.encode(), {})
    except MalformedBodyError:
        return text
