"""Bodies by media type: bytes to values, for requests and responses alike."""

from collections.abc import Callable, Mapping

import attrs
from jsonschema_path import SchemaPath
from openapi_core.deserializing.media_types.factories import MediaTypeDeserializersFactory
from openapi_core.exceptions import OpenAPIError

from tbg.contract.decoding import MalformedBodyError, decode_json, decode_text
from tbg.contract.forms import FORMS, Form
from tbg.contract.openapi_casting import deserializers, main_type
from tbg.contract.schemas import Validate, compile_schema

_deserializers = MediaTypeDeserializersFactory.from_schema_casters_factory(deserializers.schema_casters_factory)

_MOST_SPELLINGS = 16
_LONGEST_SPELLING = 64

Decode = Callable[[bytes, Mapping[str, str]], object]
"""Turn a body and its media type's parameters (charset, boundary) into a value."""


@attrs.frozen
class Media:
    """One entry of a ``content`` map, compiled; without a schema there is nothing to validate."""

    media_type: str
    decode: Decode = attrs.field(repr=False)
    validate: Validate | None = attrs.field(repr=False)


Content = Mapping[str, Media]
"""Compiled media by type or range (``application/json``, ``text/*``, ``*/*``)."""


def compile_content(spec: SchemaPath, content: SchemaPath) -> Content:
    """Compile a ``content`` map; an entry without a schema takes any value, and parameters of its type do not count."""
    named = ((parse_media_type(str(name))[0], media) for name, media in content.items())
    return {media_type: _compile(spec, media_type, media) for media_type, media in named}


Find = Callable[[str], tuple[Media | None, Mapping[str, str]]]
"""Find by a Content-Type the entry that is meant, if any, and return the parameters with it."""


def finder(content: Content) -> Find:
    """Build what finds among ``content``, and remembers the usual spellings."""
    found: dict[str, tuple[Media | None, Mapping[str, str]]] = {}

    def find(header: str) -> tuple[Media | None, Mapping[str, str]]:
        if (known := found.get(header)) is not None:
            return known
        media_type, parameters = parse_media_type(header)
        media = match(content, media_type)
        if media is not None and len(found) < _MOST_SPELLINGS and len(header) <= _LONGEST_SPELLING:
            found[header] = media, parameters
        return media, parameters

    return find


def match(content: Content, media_type: str) -> Media | None:
    """Return the entry for ``media_type``: itself, else its range, else ``*/*``."""
    main, _, _ = media_type.partition("/")
    return content.get(media_type) or content.get(f"{main}/*") or content.get("*/*")


def parse_media_type(header: str) -> tuple[str, dict[str, str]]:
    """Split a Content-Type into its lower-case type and parameters (RFC 9110, section 8.3.1), however untidy."""
    media_type, *parts = header.split(";")
    pairs = (part.partition("=") for part in parts if "=" in part)
    return media_type.strip().lower(), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


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
