"""Text to values: by the whole schema, wherever in it the types stand."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_path import SchemaPath

from tbg.contract.casting import Cast, compile_caster
from tbg.contract.schemas import Validate, compile_schema
from tests.unit.contract.support import Document

type Pair = tuple[Document, Any]  # a schema, and a value that it accepts


def compiled(schema: Document, **schemas: Document) -> tuple[Cast, Validate]:
    spec = SchemaPath.from_dict({"openapi": "3.1.0", "components": {"schemas": schemas}, "place": {"schema": schema}})
    return compile_caster(spec, spec / "place" / "schema"), compile_schema(spec, spec / "place" / "schema")


def as_texts(value: Any) -> Any:  # noqa: ANN401 - a value of JSON
    if isinstance(value, dict):
        return {name: as_texts(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_texts(item) for item in value]
    return value if isinstance(value, str) else json.dumps(value)


TEXTS = st.sampled_from(["", "a", "7", "-1.5", "true", "null", "07", " 7", "1e3"])
NUMBERS = st.one_of(st.integers(-9, 10**20), st.floats(allow_nan=False, allow_infinity=False))
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans())
LEAVES: st.SearchStrategy[Pair] = st.one_of(
    TEXTS.map(lambda value: ({"type": "string"}, value)),
    NUMBERS.map(lambda value: ({"type": "number"}, value)),
    st.integers(0, 9).map(lambda value: ({"type": "integer"}, value)),
    st.booleans().map(lambda value: ({"type": ["boolean", "null"]}, value)),
    SCALARS.map(lambda value: ({"const": value}, value)),
    st.tuples(st.lists(SCALARS, max_size=3), SCALARS).map(lambda drawn: ({"enum": [*drawn[0], drawn[1]]}, drawn[1])),
)


def _composed(pairs: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return st.one_of(
        st.tuples(pairs, pairs).map(lambda two: ({"anyOf": [two[1][0], two[0][0]]}, two[0][1])),
        st.tuples(pairs, pairs).map(lambda two: ({"anyOf": [two[0][0], {"type": "null"}, two[1][0]]}, two[0][1])),
        pairs.map(lambda pair: ({"allOf": [{"title": "A"}, pair[0]]}, pair[1])),
        pairs.map(lambda pair: ({"type": "array", "items": pair[0]}, [pair[1], pair[1]])),
        st.tuples(pairs, pairs).map(
            lambda two: ({"type": "array", "prefixItems": [two[0][0]], "items": two[1][0]}, [two[0][1], two[1][1]])
        ),
        st.tuples(pairs, pairs).map(
            lambda two: (
                {"type": "object", "properties": {"x": two[0][0]}, "additionalProperties": two[1][0]},
                {"x": two[0][1], "y": two[1][1]},
            )
        ),
        st.tuples(pairs, pairs).map(
            lambda two: (
                {"patternProperties": {"^x": two[0][0]}, "allOf": [{"properties": {"y": two[1][0]}}]},
                {"x1": two[0][1], "y": two[1][1]},
            )
        ),
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(LEAVES, _composed, max_leaves=6))
def test_what_a_schema_accepts_can_be_sent_as_text(pair: Pair) -> None:
    schema, value = pair
    cast, findings = compiled(schema)

    assert findings(value) == ()
    assert findings(cast(as_texts(value))) == ()


@pytest.mark.parametrize("value", [None, 7, True, 1.5, b"7", [7, None], {"a": 7}, [["7"]], {"a": {"b": "7"}}])
def test_what_is_no_text_stays_as_it_is(value: object) -> None:
    cast, _ = compiled({"anyOf": [{"type": "integer"}, {"type": "boolean"}]})

    assert cast(value) == value


def test_a_reference_keeps_what_stands_beside_it() -> None:
    cast, _ = compiled(
        {"type": "array", "items": {"$ref": "#/components/schemas/Small", "type": "integer"}}, Small={"maximum": 9}
    )

    assert cast(["7"]) == [7]


def test_a_schema_may_contain_itself() -> None:
    tree = {"type": "object", "properties": {"n": {"type": "integer"}, "next": {"$ref": "#/components/schemas/Tree"}}}
    cast, _ = compiled({"$ref": "#/components/schemas/Tree"}, Tree=tree)

    assert cast({"n": "1", "next": {"n": "2", "next": {"n": "x"}}}) == {"n": 1, "next": {"n": 2, "next": {"n": "x"}}}


def test_a_choice_that_is_the_schema_itself_is_none() -> None:
    loop = {"anyOf": [{"$ref": "#/components/schemas/Loop"}, {"type": "integer"}]}
    spec = SchemaPath.from_dict({"components": {"schemas": {"Loop": loop}}})

    assert compile_caster(spec, spec / "components" / "schemas" / "Loop")("7") == 7


def test_too_many_alternatives_are_refused() -> None:
    choice = {"anyOf": [{"minimum": number} for number in range(40)]}

    with pytest.raises(ValueError, match="more than 1000 alternatives"):
        compiled({"allOf": [choice, choice]})


def test_each_part_of_a_recursive_union_is_cast_once_by_each_alternative() -> None:
    """Not once for each way through the alternatives above it, which would be 3 ** 6 times."""
    visited: list[object] = []

    class Visited(dict[str, Any]):
        def items(self) -> Any:  # noqa: ANN401 - what casting an object's members begins with
            visited.append(self)
            return super().items()

    def branch(name: str, kind: str) -> Document:
        return {"type": "object", "required": [name], "properties": {name: {"type": kind}, "next": node}}

    node: Document = {"$ref": "#/components/schemas/Node"}
    cast, _ = compiled(node, Node={"anyOf": [branch("a", "integer"), branch("b", "boolean")]})
    value = Visited()
    for _ in range(6):
        value = Visited(next=value)

    assert cast(value) == value
    assert len(visited) == 7 * 2


@pytest.mark.parametrize("text", ["3", "-0", "10000000000000000000000001"])
def test_a_number_that_is_written_as_an_integer_is_one(text: str) -> None:
    cast, _ = compiled({"type": "number"})

    assert (type(cast(text)), cast(text)) == (int, int(text))


def test_names_are_matched_in_linear_time() -> None:
    cast, _ = compiled({"type": "object", "patternProperties": {"^(\\w+\\s?)*$": {"type": "integer"}}})

    assert cast({"a" * 40 + "!": "7", "a a": "7"}) == {"a" * 40 + "!": "7", "a a": 7}


def test_a_pattern_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="more than linear time"):
        compiled({"type": "object", "patternProperties": {"^(?=a)": {"type": "integer"}}})
