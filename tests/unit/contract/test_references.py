"""References inside of schemas: siblings, identities, anchors (JSON Schema 2020-12 core, section 8)."""

from typing import Any

import pytest

from tests.unit.contract.schema_engine import Engine
from tests.unit.contract.support import Document

TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"$ref": "#/$defs/a", "maxLength": 1, "$defs": {"a": TEXT}}, ["a"], ["ab", 1]),  # siblings count
        ({"$ref": "#a", "$defs": {"x": {"$anchor": "a", "type": "string"}}}, ["a"], [1]),
        ({"$dynamicRef": "#a", "$defs": {"x": {"$dynamicAnchor": "a", "type": "string"}}}, ["a"], [1]),
        ({"$ref": "b.json", "$id": "http://a/", "$defs": {"x": {"$id": "b.json", "type": "string"}}}, ["a"], [1]),
        (
            {
                "$ref": "b/c.json",
                "$defs": {"x": {"$id": "b/c.json", "$ref": "d.json"}, "y": TEXT | {"$id": "b/d.json"}},
            },
            ["a"],
            [1],
        ),
        ({"$ref": "#/$defs/a~1b%25", "$defs": {"a/b%": TEXT}}, ["a"], [1]),
        ({"$ref": "#/x-shared/0", "x-shared": [TEXT]}, ["a"], [1]),
        ({"$ref": "#/$defs/no", "$defs": {"no": False}}, [], [1, None]),
        ({"properties": {"$ref": TEXT, "$id": TEXT}}, [{"$ref": "#/nowhere"}], [{"$ref": 1}, {"$id": 1}]),
        ({"const": {"$ref": "#/nowhere"}}, [{"$ref": "#/nowhere"}], [{}]),
        ({"enum": [{"$id": "a", "$anchor": "b"}], "$anchor": "b"}, [{"$id": "a", "$anchor": "b"}], [1]),
        ({"items": {"$ref": "#"}, "type": "array"}, [[], [[[]]]], [[[1]]]),
        (
            {"$ref": "#/$defs/a", "unevaluatedProperties": False, "$defs": {"a": {"properties": {"b": True}}}},
            [{"b": 1}],
            [{"c": 1}],
        ),
    ],
    ids=str,
)
def test_a_reference_means_what_it_says(schema: Document, good: list[Any], bad: list[Any]) -> None:
    engine = Engine(schema)

    assert [value for value in good if not engine.verdict(schema, value)] == []
    assert [value for value in bad if engine.verdict(schema, value)] == []
