"""Bodies by media type: bytes to values, for requests and responses alike."""

from collections.abc import Callable, Mapping

import attrs
import msgspec
from jsonschema_path import SchemaPath
from openapi_core.deserializing.media_types.factories import MediaTypeDeserializersFactory
from openapi_core.exceptions import OpenAPIError
from openapi_core.validation.schemas import oas31_schema_validators_factory

from tbg.contract.casting import deserializers, main_type
from tbg.contract.schemas import Validate, compile_schema

_deserializers = MediaTypeDeserializersFactory.from_schema_casters_factory(deserializers.schema_casters_factory)

Decode = Callable[[bytes, Mapping[str, str]], object]
"""Turn a body and its media type's parameters (charset, boundary) into a value."""


class MalformedBodyError(Exception):
    """The bytes are not what their media type says; the message is fit for a client."""


@attrs.frozen
class Media:
    """One entry of a ``content`` map, compiled; without a schema there is nothing to validate."""

    media_type: str
    decode: Decode = attrs.field(repr=False)
    validate: Validate | None = attrs.field(repr=False)


Content = Mapping[str, Media]
"""Compiled media by type or range (``application/json``, ``text/*``, ``*/*``)."""


def compile_content(spec: SchemaPath, content: SchemaPath) -> Content:
    """Compile a ``content`` map; an entry without a schema takes any value."""
    return {str(name).lower(): _compile(spec, str(name), media) for name, media in content.items()}


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
        return Media(media_type, _decode_json, validate)
    decode = _decode_text if schema is not None and _is_text(schema) else _decoder(spec, media_type, media, schema)
    return Media(media_type, decode, validate)


def _is_text(schema: SchemaPath) -> bool:
    """Tell whether a body is a string of characters; openapi-core takes every type it doesn't know for bytes."""
    return main_type(schema) == "string" and "format" not in schema and "contentEncoding" not in schema


def _decode_text(body: bytes, _parameters: Mapping[str, str]) -> object:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise MalformedBodyError("The body is not valid UTF-8") from error


def _decode_json(body: bytes, _parameters: Mapping[str, str]) -> object:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise MalformedBodyError(f"The body is not valid JSON: {_reason(error)}") from error
    except RecursionError as error:
        raise MalformedBodyError("The body is nested too deeply") from error


def _reason(error: msgspec.DecodeError) -> str:
    """Keep msgspec's words on syntax, which quote nothing of the body; a text that is not UTF-8 has none."""
    return str(error).removeprefix("JSON is malformed: ")


def _decoder(spec: SchemaPath, media_type: str, media: SchemaPath, schema: SchemaPath | None) -> Decode:
    validator = None if schema is None else oas31_schema_validators_factory.create(spec, schema)
    encoding = media / "encoding" if "encoding" in media else None

    def decode(body: bytes, parameters: Mapping[str, str]) -> object:
        deserializer = _deserializers.create(
            spec, media_type, schema=schema, schema_validator=validator, parameters=parameters, encoding=encoding
        )
        try:
            return deserializer.deserialize(body)
        except (OpenAPIError, ValueError, TypeError, LookupError, AssertionError, AttributeError) as error:
            raise MalformedBodyError(f"The body is not valid {media_type}") from error

    return decode
