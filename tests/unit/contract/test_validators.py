"""The judge's verdicts on arrays, at a cost that a stranger cannot drive up."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_path import SchemaPath
from openapi_core.validation.schemas import oas31_schema_validators_factory

from tbg.contract.schemas import compile_schema
from tests.unit.contract.support import Document, body, document, findings, load, operation, serve

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


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        (UNIQUE, [{"a": number} for number in range(20_000)]),
        (UNIQUE, [number * (2**61 - 1) for number in range(20_000)]),
        (UNIQUE | {"maxItems": 8}, [{"a": number} for number in range(20_000)]),
        ({"type": "array", "items": {"type": "integer"}}, [""] * 200_000),
        ({"oneOf": [LONG, LONG | {"minItems": 1}]}, [""] * 200_000),
        ({"type": "object", "additionalProperties": False}, {f"p{number}": 1 for number in range(50_000)}),
        ({"type": "object", "propertyNames": {"maxLength": 1}}, {f"{number:06}": 1 for number in range(80_000)}),
    ],
    ids=range(7),
)
def test_a_body_made_to_be_slow_is_not(tmp_path: Path, schema: Document, sent: object) -> None:
    tested = serve(load(tmp_path, document({"/act": {"post": operation(requestBody=body(schema))}})))
    data = json.dumps(sent)

    started = time.process_time()
    result = tested.send("POST", body=data, headers={"Content-Type": "application/json"})

    assert time.process_time() - started < 2
    assert result.status_code == 200 or len(findings(result)) <= 20
