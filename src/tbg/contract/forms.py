"""Forms, urlencoded or multipart: fields to values.

openapi-core reads the fields that the schema names. What it lacks is added here: a field that the schema does not name
or that is repeated stays for the schema to judge, the parts of a multipart body are cast too, and JSON in a part is as
strict as elsewhere.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from jsonschema_path import SchemaPath
from openapi_core.deserializing.media_types import media_type_deserializers
from openapi_core.deserializing.media_types.factories import MediaTypeDeserializersFactory
from openapi_core.schema.encodings import get_content_type
from openapi_core.schema.schemas import get_properties
from werkzeug.datastructures import ImmutableMultiDict

from tbg.contract.decoding import decode_json
from tbg.contract.openapi_casting import casters, deserializers
from tbg.contract.validators import validators_factory

MULTIPART = "multipart/form-data"
FORMS = frozenset({MULTIPART, "application/x-www-form-urlencoded"})
_MAX_FIELDS = 1000

_parts = dict(media_type_deserializers) | {"application/json": lambda part, **_: decode_json(part, {})}
_deserializers = MediaTypeDeserializersFactory(deserializers, _parts)


class Form:
    """The form that one body can hold, compiled.

    Raises:
        ValueError: The contract asks for what openapi-core does not read.
    """

    def __init__(self, spec: SchemaPath, media_type: str, media: SchemaPath, schema: SchemaPath) -> None:
        if media_type == MULTIPART:
            _check_types(schema)
        self._load = media_type_deserializers[MULTIPART] if media_type == MULTIPART else _load_urlencoded
        self._caster = casters.create(spec, schema)
        self._deserializer = _deserializers.create(
            spec,
            media_type,
            schema=schema,
            schema_validator=validators_factory.create(spec, schema),
            encoding=media / "encoding" if "encoding" in media else None,
        )

    def decode(self, body: bytes, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Return the fields by name, typed as far as their text allows."""
        fields = self._load(body, **{name: parameters[name] for name in ("boundary",) if name in parameters})
        values: dict[str, Any] = self._caster.cast(dict(self._deserializer.decode(fields)))
        for name in fields:
            sent = fields.getlist(name)
            if name not in values or (len(sent) > 1 and not isinstance(values[name], list)):
                values[name] = sent
        return values


def _load_urlencoded(body: bytes, **_: str) -> ImmutableMultiDict[str, str]:
    """Do what openapi-core does, but refuse what is not UTF-8 instead of replacing it."""
    pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    return ImmutableMultiDict(pairs)


def _check_types(schema: SchemaPath) -> None:
    for name, part in get_properties(schema).items():
        try:
            get_content_type(part, None)
        except TypeError:
            raise ValueError(f"the part '{name}' of a multipart body must have one type") from None
