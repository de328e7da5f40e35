"""Verdicts and findings at a cost that a stranger cannot drive up, whatever the keyword."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_path import SchemaPath
from openapi_core.validation.schemas import oas31_schema_validators_factory

from tbg.contract.schemas import Finding, compile_schema
from tests.support.timing import cpu_seconds
from tests.unit.contract.support import Document, body, document, load, operation, serve

UNIQUE: Document = {"type": "array", "uniqueItems": True}
LEAVES = st.sampled_from([0, 0.0, -0.0, 1, 1.0, True, False, None, "", "1", 1e300, int(1e300), 2**70, 0.1])
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda children: (
        st.lists(children, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), children, max_size=2)
    ),
    max_leaves=4,
)


def compiled(schema: Document) -> tuple[Any, Any]:
    """Return this engine's validator and the judge's own."""
    spec = SchemaPath.from_dict({"schema": schema})
    return compile_schema(spec, spec / "schema"), oas31_schema_validators_factory.create(
        spec, spec / "schema"
    ).validator


@settings(database=None, derandomize=True, deadline=None, max_examples=300)
@given(items=st.lists(VALUES, max_size=4))
def test_items_are_the_same_when_the_judge_says_so(items: list[Any]) -> None:
    ours, judge = compiled(UNIQUE)

    assert (ours(items) == ()) == judge.is_valid(items)


@pytest.mark.parametrize("schema", [UNIQUE | {"uniqueItems": False}, {"uniqueItems": True}])
@pytest.mark.parametrize("value", [[1, 1], "aa", {"a": 1}])
def test_only_arrays_that_must_be_unique_are_looked_at(schema: Document, value: object) -> None:
    ours, judge = compiled(schema)

    assert (ours(value) == ()) == judge.is_valid(value)


@pytest.mark.parametrize("value", [[1], [1, 2], [1, "a"], ["a", "b", "c"], [1, 2, 3]])
def test_items_count_unless_there_are_too_many(value: list[object]) -> None:
    ours, judge = compiled(UNIQUE | {"items": {"type": "integer"}, "maxItems": 2})

    assert (ours(value) == ()) == judge.is_valid(value)


def test_of_an_array_that_is_too_long_only_its_length_is_said() -> None:
    ours, _ = compiled(UNIQUE | {"items": {"type": "integer"}, "maxItems": 2})

    assert [finding.code for finding in ours(["a", "a", "a"])] == ["maxItems"]


@pytest.mark.parametrize(
    ("name", "text"), [("byte", "\xe9"), ("regex", "a{2,1}"), ("regex", "(" * 4000), ("byte", "YQ=")]
)
def test_no_text_is_too_much_for_the_check_of_a_format(name: str, text: str) -> None:
    ours, _ = compiled({"type": "string", "format": name})

    assert [finding.code for finding in ours(text)] == ["format"]


LONG = {"type": "array", "items": {"type": "integer"}, "maxItems": 8}
INTEGERS = {"type": "array", "items": {"type": "integer"}}
NAMES = {f"p{number}": 1 for number in range(50_000)}
BOTH = {"$ref": "#/components/schemas/Both"}
EXPRESSION = {"$ref": "#/components/schemas/Expression"}


def _branch(**required: Document) -> Document:
    parts = {"type": "array", "items": BOTH}
    return {"type": "object", "required": ["parts", *required], "properties": {"parts": parts, **required}}


def _operator(name: str) -> Document:
    operands = {"type": "array", "items": EXPRESSION}
    return {"type": "object", "required": ["op"], "properties": {"of": operands, "op": {"const": name}}}


SCHEMAS = {
    "Both": {"oneOf": [{"type": "integer"}, _branch(a={"type": "integer"}), _branch(b={"type": "integer"}), _branch()]},
    "Expression": {"oneOf": [{"type": "integer"}, _operator("and"), _operator("or")]},
}


def nested(depth: int, leaf: object, **members: object) -> object:
    for _ in range(depth):
        leaf = {"parts": [leaf], "of": [leaf], **members}
    return leaf


CASES: list[tuple[Document, object, int]] = [
    (UNIQUE, [{"a": number} for number in range(20_000)], 200),
    (UNIQUE, [number * (2**61 - 1) for number in range(20_000)], 200),
    (UNIQUE | {"maxItems": 8}, [{"a": number} for number in range(20_000)], 422),
    (INTEGERS, [""] * 200_000, 422),
    (INTEGERS, [1] * 400_000 + [""], 422),
    ({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}, [1] * 400_000, 422),
    ({"oneOf": [LONG, LONG | {"minItems": 1}]}, [""] * 200_000, 422),
    ({"oneOf": [INTEGERS, {"type": "array", "items": {"type": "number"}}]}, [1] * 400_000, 422),
    (EXPRESSION, nested(20, 1, op="and"), 200),
    (EXPRESSION, {"op": "and", "of": [nested(3, 1, op="or") for _ in range(8_000)]}, 200),
    (EXPRESSION, {"op": "and", "of": [nested(3, 1, op="or") for _ in range(8_000)] + ["a"]}, 422),
    (BOTH, nested(20, 1), 200),
    (BOTH, nested(20, "a"), 422),
    (BOTH, {"parts": [{"parts": []} for _ in range(60_000)]}, 422),  # the budget
    ({"type": "string", "pattern": r"^(\w+\s?)*$"}, "a" * 900_000 + "!", 422),
    ({"items": {"pattern": r"^(\w+\s?)*$"}}, ["a" * 30] * 20_000 + ["a" * 30 + "!"], 422),
    ({"pattern": r"^(?!x)(\w+\s?)*$"}, "a" * 900_000, 422),  # the budget
    ({"items": {"pattern": r"(?=.*z)x"}}, ["a" * 9_000] * 100, 422),
    ({"items": {"pattern": r"^(a+)+\1b$"}}, ["a" * 30] * 20_000, 422),
    ({"patternProperties": {r"^(\w+)*$": {"type": "integer"}}, "additionalProperties": False}, NAMES | {"!": 1}, 422),
    ({"contains": {"const": 2}}, [1] * 300_000, 422),
    ({"contains": {"type": "integer"}, "maxContains": 200_000}, [1] * 300_000, 422),
    ({"contains": {"type": "integer"}, "unevaluatedItems": False}, [1] * 300_000 + [""], 422),
    ({"allOf": [{"prefixItems": [True]}], "unevaluatedItems": {"type": "integer"}}, [1] * 300_000, 200),
    ({"allOf": [{"patternProperties": {"^p": True}}], "unevaluatedProperties": False}, NAMES | {"x": 1}, 422),
    ({"type": "object", "additionalProperties": False}, NAMES, 422),
    ({"type": "object", "propertyNames": {"maxLength": 1}}, NAMES, 422),
    ({"dependentSchemas": {"p1": {"additionalProperties": {"const": 1}}}}, NAMES | {"x": 2}, 422),
    ({"items": {"if": {"type": "integer"}, "then": {"minimum": 1}, "else": False}}, [1] * 200_000 + [0], 422),
    ({"items": {"not": {"type": "string"}}}, [1] * 200_000 + [""], 422),
    ({"items": {"enum": list(range(1000))}}, [999] * 200_000 + [-1], 422),
    ({"items": {"multipleOf": 0.01}}, [0.07] * 100_000 + [0.075], 422),
    ({"items": {"multipleOf": 0.01}}, [1e300] * 50_000 + [0.075], 422),
    ({"items": {"multipleOf": 3}}, [10**300] * 3_000, 422),
]


@pytest.mark.parametrize(("schema", "sent", "status"), CASES, ids=range(len(CASES)))
def test_a_body_made_to_be_slow_is_not(tmp_path: Path, schema: Document, sent: object, status: int) -> None:
    responses = document({})["components"]["responses"]
    paths = {"/act": {"post": operation(requestBody=body(schema))}}
    contract = load(tmp_path, document(paths, components={"responses": responses, "schemas": SCHEMAS}))
    media = contract.operations["POST", "/act"].body
    assert media is not None
    validate = media.content["application/json"].validate
    assert validate is not None

    found: list[Finding] = []

    assert cpu_seconds(lambda: found.extend(validate(sent))) < 2
    assert len(found) <= 20
    assert bool(found) == (status != 200)


def test_a_refusal_by_the_budget_says_so(tmp_path: Path) -> None:
    tested = serve(load(tmp_path, document({"/act": {"post": operation(requestBody=body({"pattern": "^(?!x)a*$"}))}})))

    result = tested.send("POST", json="a" * 20_000)

    assert result.json["errors"] == [
        {"in": "body", "pointer": "", "code": "budget", "detail": "takes too long to judge"}
    ]


def test_a_wrong_page_of_many_costs_little_more_than_a_right_one() -> None:
    member = {"type": "object", "required": ["a"], "properties": {name: {"type": "integer"} for name in "abcdefghijkl"}}
    spec = SchemaPath.from_dict({"schema": {"type": "array", "items": {"$ref": "#/member"}}, "member": member})
    validate = compile_schema(spec, spec / "schema")
    right = [dict.fromkeys("abcdefghijkl", 1) for _ in range(4_400)]
    wrong = [*right[:-1], right[0] | {"l": "a"}]

    def costs(page: object) -> list[float]:
        return [cpu_seconds(lambda: validate(page)) for _ in range(5)]

    assert [finding.pointer for finding in validate(wrong)] == ["/4399/l"]
    assert min(costs(wrong)) < 6 * min(costs(right))
