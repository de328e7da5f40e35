"""The parameters of an operation: where they stand, how they are read, what they must be."""

from collections.abc import Callable
from copy import deepcopy
from typing import Final

import attrs
from jsonschema_path import SchemaPath

from tbg.contract.decoding import MalformedBodyError, decode_json
from tbg.contract.matching import parse_media_type
from tbg.contract.media_types import is_json
from tbg.contract.naming import python_name
from tbg.contract.raw import Decode, Fields, decode_form, decode_percent
from tbg.contract.readers import InvalidParameterError, Read, text_reader
from tbg.contract.schemas import Finding, Validate, compile_schema
from tbg.contract.shapes import MISSING, Shapes, written
from tbg.contract.styles import Location, Style, compile_style, style_of
from tbg.contract.text import nul_in_value

_MUTABLE: Final = frozenset({list, dict})
_IGNORED: Final = frozenset({"accept", "content-type", "authorization"})


@attrs.frozen
class Parameter:
    """One compiled parameter.

    Attributes:
        name: As the contract and the client write it.
        location: Where it stands.
        field: Its name in Python: ``X-Trace-Level -> x_trace_level``.
        required: Whether a request without it is invalid.
        default: What the contract says it is when absent, or MISSING.
        style: How it is read.
        validate: What it must be, when it was read.
        ignores_empty: Whether an empty value is as good as none.
        is_claimed: Tells which fields are other parameters', if this one takes all others.
    """

    name: str
    location: Location
    field: str
    required: bool
    default: object
    style: Style = attrs.field(repr=False)
    validate: Validate = attrs.field(repr=False)
    ignores_empty: bool = False
    is_claimed: Callable[[str], bool] | None = attrs.field(default=None, repr=False)

    def read(self, fields: Fields) -> object:
        """Return the typed value, the default, or MISSING.

        Raises:
            InvalidParameterError: It is absent though required, or breaks its schema.
        """
        if not fields:
            return self._absent()
        if self.is_claimed is not None:
            fields = {name: values for name, values in fields.items() if not self.is_claimed(name)}
        if self.ignores_empty and fields.get(self.name) == [""]:
            return self._absent()
        value = self.style.read(fields)
        if value is MISSING:
            return self._absent()
        if findings := nul_in_value(value) or self.validate(value):
            raise InvalidParameterError(findings)
        return value

    def _absent(self) -> object:
        if self.required:
            raise InvalidParameterError((Finding("", "required", "is required"),))
        return deepcopy(self.default) if type(self.default) in _MUTABLE else self.default


def compile_parameter(spec: SchemaPath, parameter: SchemaPath) -> Parameter:
    """Compile one parameter object.

    Raises:
        ValueError: The contract asks for what OpenAPI does not define, or says is ignored.
    """
    name = (parameter / "name").read_str()
    location: Location = (parameter / "in").read_str()  # type: ignore[assignment]  # the document was checked
    if location == "header" and name.lower() in _IGNORED:
        raise ValueError(
            f"'{name}': OpenAPI ignores this header as a parameter (3.1.1, section 4.8.12.2.1); "
            "'security', 'requestBody' and 'responses' say what it may be"
        )
    required = (parameter / "required").read_bool(default=False)
    # What is required cannot be left out by sending it empty (section 4.8.12.2.1).
    ignores_empty = not required and location == "query" and (parameter / "allowEmptyValue").read_bool(default=False)
    schema, style = _value(spec, parameter, name, location)
    return Parameter(
        name=name,
        location=location,
        field=python_name(name),
        required=required,
        default=MISSING if schema is None else Shapes(spec.read_value()).default(written(schema)),
        style=style,
        validate=compile_schema(spec, schema) if schema is not None else lambda _: (),
        ignores_empty=ignores_empty,
    )


def _value(spec: SchemaPath, parameter: SchemaPath, name: str, location: Location) -> tuple[SchemaPath | None, Style]:
    if "content" not in parameter:
        schema, (style, explode) = parameter / "schema", style_of(parameter, location)
        return schema, compile_style(spec, schema, name, style, explode=explode, location=location)
    media_types = list((parameter / "content").items())
    media_type = parse_media_type(str(media_types[0][0]))[0] if len(media_types) == 1 else ""
    if media_type != "text/plain" and not is_json(media_type):
        raise ValueError(f"'{name}': the content of a parameter must be one media type, JSON or text/plain")
    decode = {"path": decode_percent, "query": decode_form}.get(location, str)
    read = _json_reader(name, decode) if is_json(media_type) else text_reader(name, decode)
    media = media_types[0][1]
    return media / "schema" if "schema" in media else None, Style(read, frozenset({name}))


def _json_reader(name: str, decode: Decode) -> Read:
    read_text = text_reader(name, decode)

    def read(fields: Fields) -> object:
        text = read_text(fields)
        if not isinstance(text, str):
            return text
        try:
            if text.startswith("%"):  # as it does in a cookie, which cannot hold quotes: no JSON begins so
                text = decode_percent(text)
            return decode_json(text.encode(), {})
        except (MalformedBodyError, ValueError):
            raise InvalidParameterError((Finding("", "format", "must be valid JSON"),)) from None

    return read
