"""A union's verdict is its branches' alone; what a client is told is about the branch that it meant."""

from typing import Any

import pytest

from tests.unit.contract.schema_engine import Engine
from tests.unit.contract.support import Document

COMPONENTS: Document = {
    "Cat": {"type": "object", "required": ["kind", "lives"], "properties": {"kind": {}, "lives": {"type": "integer"}}},
    "Dog": {"type": "object", "required": ["kind", "name"], "properties": {"kind": {}, "name": {"type": "string"}}},
    "Open": {"type": "object"},
}
BRANCHES = [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}]


def told(schema: Document, value: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401 - a value of JSON
    root = {"schema": schema, "components": {"schemas": COMPONENTS}}
    engine = Engine(root)
    engine.verdict(schema, value)
    return [(each.pointer, each.code, each.detail) for each in engine.findings(schema, value)]


MAPPINGS: list[Document] = [
    {},
    {"mapping": {"Cat": "Cat", "Dog": "Dog"}},
    {"mapping": {"Cat": "#/components/schemas/Cat", "Dog": "#/components/schemas/Dog"}},
    {"mapping": {"Cat": "#/components/schemas/Open"}},
    {"mapping": {"Cat": "Nowhere", "Dog": "https://example.com/dog.json"}},
]


@pytest.mark.parametrize("union", ["oneOf", "anyOf"])
@pytest.mark.parametrize("mapping", MAPPINGS, ids=str)
@pytest.mark.parametrize(
    "value",
    [
        {"kind": "Cat", "lives": 9},
        {"kind": "Dog", "name": "Rex"},
        {"kind": "Dog", "lives": 9},  # the value of the discriminator is the client's own affair
        {"kind": "Open", "lives": 9},
        {"kind": ["Cat"], "lives": 9},
    ],
    ids=str,
)
def test_a_discriminator_refuses_nothing(union: str, mapping: Document, value: Document) -> None:
    """OpenAPI 3.1.1, section 4.8.25: it "MUST NOT change the validation outcome of the schema"."""
    assert told({union: BRANCHES, "discriminator": {"propertyName": "kind"} | mapping}, value) == []


@pytest.mark.parametrize("mapping", MAPPINGS, ids=str)
@pytest.mark.parametrize(
    "value",
    [
        *({"kind": "Open"}, {"kind": "Cat/required"}, {"kind": [1]}, {"kind": {}}, {"kind": None}, {"kind": 1}, {}),
        *([], "Cat", None, {"kind": "Cat", "lives": 9, "name": "Rex"}),  # both
    ],
    ids=str,
)
def test_a_discriminator_accepts_nothing(mapping: Document, value: object) -> None:
    assert told({"oneOf": BRANCHES, "discriminator": {"propertyName": "kind"} | mapping}, value) != []


def test_the_discriminator_says_which_branch_is_told_about() -> None:
    schema = {"oneOf": BRANCHES, "discriminator": {"propertyName": "kind", "mapping": {"feline": "Cat"}}}

    assert told(schema, {"kind": "feline", "lives": "many"}) == [("/lives", "type", "must be of type integer")]
    assert told(schema, {"kind": "Dog", "lives": "many"}) == [("/name", "required", "is required")]
    assert told(schema, {"kind": "cow"}) == [("/kind", "discriminator", "must be one of feline, Dog")]
    assert told(schema, {"lives": "many"}) == [("/kind", "required", "is required")]


def _tagged(kind: str, **properties: Document) -> Document:
    return {"type": "object", "required": ["kind"], "properties": {"kind": {"const": kind}, **properties}}


INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
ONE_OF_TWO = {"oneOf": [_tagged("a", size=INTEGER), _tagged("b", size=TEXT)]}


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (ONE_OF_TWO, {"kind": "a", "size": "x"}, [("/size", "type")]),
        (ONE_OF_TWO, {"kind": "c"}, [("/kind", "enum")]),
        (ONE_OF_TWO, [], [("", "oneOf")]),
        ({"anyOf": [{"type": "array", "items": TEXT}, {"type": "null"}]}, ["a", 1], [("/1", "type")]),
        ({"anyOf": [INTEGER, TEXT]}, None, [("", "anyOf")]),
        ({"oneOf": [INTEGER, {"type": "number"}]}, 1, [("", "oneOf")]),  # both
        ({"anyOf": [{"minimum": 5}, {"multipleOf": 2}]}, 1, [("", "anyOf")]),  # neither is nearer
        ({"anyOf": [{"required": ["a", "b"]}, {"required": ["c"]}]}, {}, [("/c", "required")]),  # nearest
        ({"anyOf": [{"anyOf": [{"type": "array", "items": TEXT}]}]}, [1], [("/0", "type")]),
    ],
    ids=str,
)
def test_the_branch_that_was_meant_is_told_about(
    schema: Document, value: object, expected: list[tuple[str, str]]
) -> None:
    assert [(pointer, code) for pointer, code, _ in told(schema, value)] == expected
