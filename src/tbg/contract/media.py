"""Bodies by media type: bytes to values, for requests and responses alike."""

from collections.abc import Callable, Mapping
from typing import Final

import attrs
from jsonschema_path import SchemaPath
from openapi_core.deserializing.media_types.factories import MediaTypeDeserializersFactory
from openapi_core.exceptions import OpenAPIError

from tbg.contract.decoding import MalformedBodyError, decode_json, decode_text
from tbg.contract.forms import FORMS, Form
from tbg.contract.matching import distinct, parse_media_type
from tbg.contract.openapi_casting import deserializers, main_type
from tbg.contract.schemas import Validate, compile_schema

_deserializers = MediaTypeDeserializersFactory.from_schema_casters_factory(deserializers.schema_casters_factory)

_READABLE: Final = frozenset({"utf-8", "us-ascii"})

Decode = Callable[[bytes, Mapping[str, str]], object]
"""Turn a body and its media type's parameters (charset, boundary) into a value."""


@attrs.frozen
class Media:
    """One entry of a ``content`` map, compiled; without a schema there is nothing to validate."""

    media_type: str
    decode: Decode = attrs.field(repr=False)
    validate: Validate | None = attrs.field(repr=False)


Content = Mapping[str, Media]
"""Compiled media by type or range and parameters (``application/json``, ``text/*``, ``*/*``), in one spelling."""


def compile_content(spec: SchemaPath, content: SchemaPath) -> Content:
    """Compile a ``content`` map; an entry without a schema takes any value.

    Raises:
        ValueError: An entry cannot be read, or two are for the same media type.
    """
    entries = distinct((str(name), media) for name, media in content.items())
    return {key: _compile_entry(spec, key, media) for key, media in entries.items()}


def _compile_entry(spec: SchemaPath, key: str, media: SchemaPath) -> Media:
    media_type, parameters = parse_media_type(key)
    if "schema" in media and parameters.get("charset", "utf-8") not in _READABLE:
        raise ValueError(f"a body of {key} cannot be read: only UTF-8 can")
    return _compile(spec, media_type, media)


def is_json(media_type: str) -> bool:
    """Tell whether a media type is JSON, by name or by suffix."""
    return media_type == "application/json" or media_type.endswith("+json")


def _compile(spec: SchemaPath, media_type: str, media: SchemaPath) -> Media:
    schema = media / "schema" if "schema" in media else None
    validate = compile_schema(spec, schema) if schema is not None else None
    if is_json(media_type):
        return Media(media_type, decode_json, validate)
    if schema is not None and _is_text(schema):
        return Media(media_type, decode_text, validate)
    if schema is not None and media_type not in FORMS and (kind := main_type(schema)) not in {"", "string"}:
        raise ValueError(f"a body of {media_type} cannot be read as type '{kind}'")
    return Media(media_type, _decoder(spec, media_type, media, schema), _of_text(validate) if validate else None)


def _is_text(schema: SchemaPath) -> bool:
    """Tell whether a body is a string of characters; openapi-core takes every type it doesn't know for bytes."""
    return main_type(schema) == "string" and "format" not in schema and "contentEncoding" not in schema


def _decoder(spec: SchemaPath, media_type: str, media: SchemaPath, schema: SchemaPath | None) -> Decode:
    if schema is not None and media_type in FORMS:
        read: Decode = Form(spec, media_type, media, schema).decode
    else:
        deserializer = _deserializers.create(spec, media_type, schema=schema)

        def read(body: bytes, _parameters: Mapping[str, str]) -> object:
            return deserializer.deserialize(body)

    def decode(body: bytes, parameters: Mapping[str, str]) -> object:
        try:
            value = read(body, parameters)
            _refuse_surrogates(value)
        except (OpenAPIError, ValueError, TypeError, LookupError, AssertionError, AttributeError) as error:
            raise MalformedBodyError(f"The body is not valid {media_type}") from error
        return value

    return decode


def _refuse_surrogates(value: object) -> None:
    """Raise UnicodeEncodeError for text that was not UTF-8: openapi-core smuggles its bytes through as surrogates."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            _refuse_surrogates(child)


def _of_text(validate: Validate) -> Validate:
    """Judge bytes as a string of as many characters, which is what a schema of binary content speaks of."""
    return lambda value: validate(_as_text(value))


def _as_text(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {name: _as_text(child) for name, child in value.items()}
    return [_as_text(child) for child in value] if isinstance(value, list) else value
