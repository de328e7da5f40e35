"""Where openapi-core's validators are wrong: each test fails once upstream is right, and then ours can go."""

from typing import Any

import pytest
from jsonschema_path import SchemaPath
from openapi_core.validation.schemas import oas31_schema_validators_factory

from tbg.contract.schemas import compile_schema
from tests.unit.contract.support import Document

CAT: Document = {"type": "object", "required": ["lives"], "properties": {"lives": {"type": "integer"}}}
UNION: Document = {
    "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"type": "object", "required": ["name"]}],
    "discriminator": {"propertyName": "kind"},
}


def theirs_and_ours(schema: Document, value: Any) -> tuple[object, bool]:  # noqa: ANN401 - a value of JSON
    spec = SchemaPath.from_dict({"schema": schema, "components": {"schemas": {"Cat": CAT, "Open": {}}}})
    try:
        theirs: object = oas31_schema_validators_factory.create(spec, spec / "schema").validator.is_valid(value)
    except Exception as error:  # noqa: BLE001 - which would be a 500
        theirs = type(error).__name__.removeprefix("Pattern").lower()  # Python 3.13 calls re.error so
    return theirs, compile_schema(spec, spec / "schema")(value) == ()


@pytest.mark.parametrize(
    ("schema", "value", "theirs", "ours"),
    [
        # OpenAPI 3.1.1, section 4.8.25: a discriminator "MUST NOT change the validation outcome of the schema".
        (UNION, {"kind": "Open"}, True, False),
        (UNION, {"kind": "Cat", "lives": 9, "name": "a"}, True, False),
        (UNION, {"kind": "Dog", "name": "a"}, False, True),
        (UNION, {"kind": [1], "name": "a"}, "typeerror", True),
        (UNION, {"kind": "Cat/required", "name": "a"}, "attributeerror", True),
        # JSON Schema core, section 6.4: ECMA-262.
        ({"pattern": "^a$"}, "a\n", True, False),
        ({"pattern": r"^\d$"}, "\u0663", True, False),
        ({"pattern": r"^\w$"}, "\xe9", True, False),
        ({"pattern": r"^\cA$"}, "\x01", "error", True),
        ({"pattern": r"^\p{L}$"}, "a", "error", True),
        ({"patternProperties": {"^a$": False}}, {"a\n": 1}, False, True),
        # JSON Schema validation, section 6.2.1: by the numbers that stand there, not by what doubles make of them.
        ({"multipleOf": 0.01}, 0.07, False, True),
        ({"multipleOf": 0.5}, 10**400, "overflowerror", True),
        # JSON Schema core, section 4.2.2: 1 is not true, however far apart they are.
        ({"uniqueItems": True}, [[1], [True], [1]], True, False),
    ],
    ids=str,
)
def test_openapi_core_judges_otherwise(schema: Document, value: object, theirs: object, ours: bool) -> None:
    assert theirs_and_ours(schema, value) == (theirs, ours)
