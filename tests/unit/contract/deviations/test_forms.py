"""Where openapi-core reads forms wrong: each test fails once upstream is right, and then ours can go."""

import time
from typing import Any

import pytest
from jsonschema_path import SchemaPath
from openapi_core.casting.schemas import oas31_schema_casters_factory
from openapi_core.deserializing.media_types.factories import MediaTypeDeserializersFactory
from openapi_core.validation.schemas import oas31_schema_validators_factory

from tbg.contract.forms import Form
from tbg.contract.uploads import UploadedFile
from tests.unit.contract.support import Document, multipart, part

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
INTEGER: Document = {"type": "integer"}
TEXTS: Document = {"type": "array", "items": {"type": "string"}}
POINT: Document = {"type": "object", "properties": {"x": INTEGER}}


def fields(**properties: Document) -> Document:
    return {"type": "object", "properties": properties}


def theirs(media_type: str, schema: Document, encoding: Document, body: bytes) -> object:
    """Return what openapi-core makes of a form, or the name of what it raises."""
    spec = SchemaPath.from_dict({"media": {"schema": schema, "encoding": encoding}})
    path = spec / "media" / "schema"
    factory = MediaTypeDeserializersFactory.from_schema_casters_factory(oas31_schema_casters_factory)
    try:
        deserializer = factory.create(
            spec,
            media_type,
            schema=path,
            schema_validator=oas31_schema_validators_factory.create(spec, path),
            parameters={"boundary": "edge"} if media_type == MULTIPART else {},
            encoding=spec / "media" / "encoding",
        )
        read = dict(deserializer.deserialize(body))
        return oas31_schema_casters_factory.create(spec, path).cast(read)
    except Exception as error:  # noqa: BLE001 - a TypeError is as wrong as a refusal
        return type(error).__name__


def ours(media_type: str, schema: Document, encoding: Document, body: bytes) -> Any:  # noqa: ANN401 - any value
    """Return what this engine makes of it, or the code of its finding."""
    spec = SchemaPath.from_dict({"openapi": "3.1.0", "media": {"schema": schema, "encoding": encoding}})
    form, findings = Form(spec, media_type, spec / "media").decode(body, {"boundary": "edge"})
    if findings:
        return findings[0].code
    assert isinstance(form, dict)
    return {name: each.read() if isinstance(each, UploadedFile) else each for name, each in form.items()}


@pytest.mark.parametrize(
    ("media_type", "schema", "encoding", "body", "wrong", "right"),
    [
        # OpenAPI 3.1.1, section 4.8.15.1.2: an array that does not explode is one value.
        (
            URLENCODED,
            fields(f=TEXTS),
            {"f": {"explode": False}},
            b"f=a%2Cb,c",
            {"f": ["a", "b", "c"]},
            {"f": ["a,b", "c"]},
        ),
        # Section 4.8.15.2: an object is JSON unless its encoding says otherwise.
        (URLENCODED, fields(f=POINT), {}, b'f={"x":1}', "DeserializeError", {"f": {"x": 1}}),
        # Section 4.8.15.1.1: contentType is a list.
        (
            MULTIPART,
            fields(f=POINT),
            {"f": {"contentType": "application/xml, application/json"}},
            multipart(part("f", '{"x": 1}', "Content-Type: application/json")),
            "CastError",
            {"f": {"x": 1}},
        ),
        (
            MULTIPART,
            fields(f={"type": "string"}),
            {"f": {"contentType": "text/csv"}},
            multipart(part("f", "a", "Content-Type: text/csv")),
            {"f": b"a"},
            {"f": "a"},
        ),
        # And a part with another type is not what was agreed.
        (
            MULTIPART,
            fields(f={"type": "string", "format": "binary"}),
            {"f": {"contentType": "image/png"}},
            multipart(part("f", "a", "Content-Type: text/csv")),
            {"f": b"a"},
            "contentType",
        ),
        # JSON Schema 2020-12, core, section 10: what a schema allows stands in all of it.
        (URLENCODED, fields(f={"type": ["integer", "null"]}), {}, b"f=7", "TypeError", {"f": 7}),
        (URLENCODED, {"type": "object", "additionalProperties": INTEGER}, {}, b"f=7", {}, {"f": 7}),
        (URLENCODED, {"type": "object", "patternProperties": {"f": INTEGER}}, {}, b"f=7", {}, {"f": 7}),
        # RFC 7578, section 4.7.
        (
            MULTIPART,
            fields(f={"type": "string"}),
            {},
            multipart(part("f", "YQ==", "Content-Transfer-Encoding: base64")),
            {"f": "a"},
            "contentType",
        ),
    ],
)
def test_openapi_core_reads_otherwise(  # noqa: PLR0913, PLR0917 - a table
    media_type: str, schema: Document, encoding: Document, body: bytes, wrong: object, right: object
) -> None:
    assert (theirs(media_type, schema, encoding, body), ours(media_type, schema, encoding, body)) == (wrong, right)


def test_openapi_core_compares_each_line_with_each_open_boundary() -> None:
    seconds = []
    for depth in (1, 200):
        nested = b"".join(
            f"--edge{i}\r\nContent-Type: multipart/mixed; boundary=edge{i + 1}\r\n\r\n".encode() for i in range(depth)
        ).replace(b"--edge0", b"--edge", 1)
        started = time.process_time()
        theirs(MULTIPART, fields(f=INTEGER), {}, nested + b"--\r\n" * 5000)
        seconds.append(time.process_time() - started)

    assert seconds[1] > 4 * seconds[0]
