"""Where openapi-core reads parameters wrong: each test fails once upstream is right, and then ours can go."""

from collections.abc import Mapping

import pytest
from jsonschema_path import SchemaPath
from openapi_core.casting.schemas import oas31_schema_casters_factory
from openapi_core.deserializing.styles import style_deserializers
from openapi_core.deserializing.styles.factories import StyleDeserializersFactory

from tbg.contract.raw import split_query
from tbg.contract.readers import InvalidParameterError
from tbg.contract.schemas import compile_schema
from tbg.contract.styles import Location, compile_style
from tests.unit.contract.support import Document

INTEGERS: Document = {"type": "array", "items": {"type": "integer"}}
INTEGER: Document = {"type": "integer"}
POINT: Document = {"type": "object", "properties": {"x": INTEGER, "y": INTEGER}}
REFUSED = "refused"


def theirs(schema: Document, style: str, location: Mapping[str, str], *, explode: bool) -> object:
    """Return what openapi-core makes of values that a framework has decoded, or the name of what it raises."""
    path = SchemaPath.from_dict({"schema": schema}) / "schema"
    factory = StyleDeserializersFactory(oas31_schema_casters_factory, style_deserializers=style_deserializers)
    try:
        return factory.create(path, path, style, explode, name="p").deserialize(location)
    except Exception as error:  # noqa: BLE001 - a TypeError is as wrong as a refusal
        return type(error).__name__


def ours(schema: Document, style: str, text: str, *, explode: bool, location: Location = "query") -> object:
    """Return what this engine makes of a query, or of the raw text of another location; REFUSED if it is refused."""
    spec = SchemaPath.from_dict({"openapi": "3.1.0", "parameter": {"schema": schema}})
    read = compile_style(spec, spec / "parameter" / "schema", "p", style, explode=explode, location=location).read
    try:
        value = read(split_query(text) if location == "query" else {"p": [text]})
    except InvalidParameterError:
        return REFUSED
    return REFUSED if compile_schema(spec, spec / "parameter" / "schema")(value) else value


@pytest.mark.parametrize(
    ("schema", "style", "explode", "decoded", "wrong", "query", "right"),
    [
        # OpenAPI 3.1.1, appendix C, "Delimiters in Parameter Values": split first, decode then.
        (INTEGERS, "form", False, {"p": "1,2"}, [1, 2], "p=1%2C2", REFUSED),
        # Section 4.8.12.3: an exploded object is fields of its own.
        (POINT, "form", True, {"x": "1", "y": "2"}, "KeyError", "x=1&y=2", {"x": 1, "y": 2}),
        # The same: separated by spaces, which a framework has decoded.
        (INTEGERS, "spaceDelimited", False, {"p": "1 2"}, "CastError", "p=1%202", [1, 2]),
        # JSON Schema 2020-12, core, section 10: what a schema allows stands in all of it.
        ({"anyOf": [INTEGERS, {"type": "null"}]}, "form", False, {"p": "1,2"}, "1,2", "p=1,2", [1, 2]),
        ({"type": ["array", "null"], "items": INTEGER}, "form", False, {"p": "1"}, "TypeError", "p=1", [1]),
        ({"type": ["integer", "null"]}, "form", True, {"p": "7"}, "TypeError", "p=7", 7),
        ({"enum": [1, 2]}, "form", True, {"p": "1"}, "1", "p=1", 1),
        ({"type": "array", "prefixItems": [INTEGER]}, "form", False, {"p": "1"}, ["1"], "p=1", [1]),
        (
            {"type": "object", "additionalProperties": INTEGER},
            "deepObject",
            True,
            {"p[x]": "1"},
            {"x": "1"},
            "p[x]=1",
            {"x": 1},
        ),
        # RFC 8259, sections 3 and 6: what is a number, true or false.
        (INTEGER, "form", True, {"p": "1_000"}, 1000, "p=1_000", REFUSED),
        ({"type": "number"}, "form", True, {"p": "inf"}, float("inf"), "p=inf", REFUSED),
        ({"type": "boolean"}, "form", True, {"p": "yes"}, True, "p=yes", REFUSED),
        # What does not say a value is no value.
        (POINT, "form", False, {"p": "x,1,y"}, {"x": 1}, "p=x,1,y", REFUSED),
        (POINT, "deepObject", True, {"p[x]": "1", "p[y][z]": "2"}, {"x": 1, "y": 2}, "p[x]=1&p[y][z]=2", REFUSED),
    ],
)
def test_openapi_core_reads_a_query_wrong(  # noqa: PLR0913, PLR0917 - a table
    schema: Document, style: str, explode: bool, decoded: dict[str, str], wrong: object, query: str, right: object
) -> None:
    assert theirs(schema, style, decoded, explode=explode) == wrong
    assert ours(schema, style, query, explode=explode) == right


@pytest.mark.parametrize(
    ("schema", "style", "text", "right"),
    [(INTEGER, "label", ".7", 7), (INTEGER, "matrix", ";p=7", 7), (INTEGERS, "matrix", ";p=1,2", [1, 2])],
)
def test_openapi_core_looks_for_parameters_of_a_path_by_names_that_no_router_gives(
    schema: Document, style: str, text: str, right: object
) -> None:
    assert theirs(schema, style, {"p": text}, explode=False) == "KeyError"
    assert ours(schema, style, text, explode=False, location="path") == right
