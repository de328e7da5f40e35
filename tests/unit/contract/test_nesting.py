"""Whether a schema bounds how deep its values are nested."""

import pytest

from tbg.contract.nesting import is_bounded
from tbg.contract.shapes import Shapes
from tests.unit.contract.support import Document

INTEGER: Document = {"type": "integer"}
CLOSED: Document = {"type": "object", "properties": {"a": INTEGER}, "additionalProperties": False}
DOCUMENT: Document = {
    "Closed": CLOSED,
    "Tree": {"type": "object", "properties": {"a": {"$ref": "#/Tree"}}, "additionalProperties": False},
}


@pytest.mark.parametrize(
    "schema",
    [
        INTEGER,
        {"enum": [1, "a"]},
        {"type": ["string", "null"]},
        CLOSED,
        {"$ref": "#/Closed"},
        {"type": "array", "items": CLOSED},
        {"type": "array", "prefixItems": [INTEGER], "items": False},
        {"type": "object", "additionalProperties": INTEGER},
        {"type": "object", "patternProperties": {"^a": INTEGER}, "additionalProperties": False},
        {"anyOf": [CLOSED, INTEGER]},
        {"allOf": [{"type": "object"}, CLOSED]},
        {"allOf": [{"type": "object", "properties": {"a": INTEGER}}], "unevaluatedProperties": False},
        False,
    ],
)
def test_what_says_all_is_bounded(schema: Document) -> None:
    assert is_bounded(Shapes(DOCUMENT), [schema])


@pytest.mark.parametrize(
    "schema",
    [
        {},
        True,
        {"maxLength": 1},
        {"properties": {"a": INTEGER}, "additionalProperties": False},  # it may be an array
        {"type": "object"},
        {"type": "object", "properties": {"a": INTEGER}},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        {"type": "object", "patternProperties": {"^a": {}}, "additionalProperties": False},
        {"type": "array"},
        {"type": "array", "items": {}},
        {"type": "array", "prefixItems": [INTEGER]},
        {"type": "array", "prefixItems": [{}], "items": False},
        {"anyOf": [CLOSED, {"type": "array"}]},
        {"$ref": "#/Tree"},
        {"type": "array", "items": {"$ref": "#/Tree"}},
    ],
)
def test_what_leaves_something_open_or_contains_itself_is_not(schema: Document) -> None:
    assert not is_bounded(Shapes(DOCUMENT), [schema])
