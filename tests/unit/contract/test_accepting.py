"""One verdict: jsonschema-rs, the judge and openapi-core's own validators say the same, but for what is listed."""

import math
import os
import re
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from jsonschema_path import SchemaPath
from openapi_core.validation.schemas import oas31_schema_validators_factory

from tbg.contract.formats import FORMATS
from tbg.contract.references import NothingThereError
from tbg.contract.schemas import compile_schema, costly, schemas_of
from tests.unit.contract.schema_engine import Engine
from tests.unit.contract.support import Document

type Json = Any
BOUNDED = settings(
    database=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    deadline=None,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "250")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)

# Values: what is well formed, what is nearly so, and what two engines may see differently.

BOUNDARIES = [0, 1, 2, -1, 0.1, 0.5, 1.0, 1e18, 2**31, 2**53 + 1, 2**64, 2.0**63, 1e300, int(1e300), -0.0, 10**400]
NUMBERS = [
    *(math.nextafter(bound, way) for bound in BOUNDARIES if abs(bound) < 2**70 for way in (-math.inf, math.inf)),
    *(int(bound) + step for bound in BOUNDARIES for step in (-1, 0, 1)),
    *(float(bound) for bound in BOUNDARIES if abs(bound) < 10**308),
    *(0, -0.0, 0.0, 1, 1.0, True, False, -1, 2, 3, 0.1, 0.3, 1.5, 1e-320, 1e300, int(1e300), -1e300, 5e-324),
    *(2**31 - 1, 2**31, 2.0**31, -(2**31), -(2**31) - 1, 3e9, 2**53, 2**53 + 1, 2.0**53, 2.0**53 + 2, 2**63 - 1, 2**63),
    *(2.0**63, -(2**63), -(2**63) - 1, 2**64 - 1, 2**64, 2.0**64, 2**70, 2.0**70, 10**400, -(10**400), 1e19, 10**19),
]
UUID = "5d0a1f4c-9c0f-4a53-8d3e-0c6a0f0d8a11"
TEXTS = [
    *(
        "",
        "a",
        "b",
        "A",
        "ab",
        "aab",
        "a" * 9,
        "1",
        "12",
        "1.5",
        "a\n",
        "\n",
        "a\r",
        "1\n",
        " ",
        "\t",
        "a b",
        "\x00",
        "\x7f",
    ),
    *(
        "\u0663",
        "\uff11",
        "\xe9",
        "e\u0301",
        "\u2028",
        "a\u2028",
        "\u0085",
        "\ufeff",
        "\u180e",
        "\xa0",
        "\u212a",
        "\u017f",
    ),
    *(
        "\U0001f600",
        "\U0001f600\U0001f600",
        "\ud800",
        "a\udfff",
        "_",
        "-",
        "a-b",
        "a.b",
        "a/b",
        "$",
        "^",
        "\\",
        "[",
        "]",
    ),
    *(
        "2020-01-01T00:00:00Z",
        "2020-01-01t00:00:00z",
        "2016-12-31T23:59:60Z",
        "2020-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
    ),
    *("2020-02-29T00:00:00.5+23:59", "2021-02-29T00:00:00Z", "2020-01-01T24:00:00Z", "2020-01-01T00:00:00+24:00"),
    *(
        "2020-01-01T00:00:00Z\n",
        "2020-01-01 00:00:00Z",
        "2020-01-01T00:00:00",
        "\u0662020-01-01T00:00:00Z",
        "2020-01-01T00:00:00.Z",
    ),
    *("2020-01-31T23:59:59-00:00", "2020-01-01", "2020-01-31", "2020-02-30", "20200101", "2020-01-01\n", "2020-W01-1"),
    *("23:59:59", "23:59:60", "23:59:60Z", "00:00:00Z", "1:2:3"),
    *(
        UUID,
        UUID.upper(),
        f"{{{UUID}}}",
        UUID.replace("-", ""),
        f"urn:uuid:{UUID}",
        f"{UUID}\n",
        UUID.replace("5", "g"),
    ),
    *(
        "192.0.2.7",
        "192.0.2.07",
        "192.0.2.256",
        "1.2.3",
        "192.0.2.7\n",
        "\u0661.2.3.4",
        "::1",
        "::1%eth0",
        "::ffff:1.2.3.4",
        "1::2::3",
    ),
    *(
        "a@b",
        "a@",
        "@",
        "a@b\n",
        "\xe9@b",
        "YQ==",
        "YQ=",
        "Y\n",
        "(",
        "[a-z]",
        "(?<=a)",
        "P1D",
        "http://a",
        "a..b",
        "-a.b",
        "a:b",
    ),
]
TEXT = st.sampled_from(TEXTS) | st.text(max_size=3)
LEAVES = st.sampled_from([None, *NUMBERS]) | TEXT | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.sampled_from(["a", "b", "c", "$ref", "type"])
VALUES: st.SearchStrategy[Json] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.just("\ud800"), inner, max_size=4),
    max_leaves=8,
)


# Schemas: of every keyword.

PATTERNS = [
    *(
        "^a$",
        "a",
        "^[a-z]+$",
        "^[a-z][a-z0-9-]{0,3}$",
        r"^\d+$",
        r"\d",
        r"^\w*$",
        r"^[\w.-]+$",
        r"[\d-]",
        "^(a|b)$",
        "^(?:a|b)*$",
    ),
    *(
        "^[^\\x00]*$",
        "^[^a-z]$",
        "^.$",
        "^.+$",
        "a.b",
        r"^\.",
        "$",
        "^",
        "^$",
        "a$|b",
        "^a|b$",
        "[ -~]",
        "[$]",
        r"\x61",
        "a{0,2}",
    ),
    *(
        "^$\n",
        "a{,2}",
        "a++",
        "a*?",
        "(?i)a",
        "(?=a)",
        "(?!a)",
        "(?<!a)b",
        r"\S",
        r"\s",
        r"^\S+$",
        r"^\W$",
        r"^\D$",
        r"[^\d]",
    ),
    *(
        r"[^\w]",
        r"[\S]",
        r"[^\s]",
        r"\ba",
        r"\B",
        r"^\Z",
        r"\A",
        r"a\Z",
        r"(a)\1",
        r"[[a]",
        "[a&&b]",
        "[a||b]",
        "[a--b]",
        "[~~a]",
    ),
    *(
        "(?m)^a$",
        "(?s).",
        "(?x)a b",
        r"\u0061",
        r"[^\n]",
        r"\n",
        r"\t",
        "\xe9",
        "[\xe0-\xff]",
        r"[\]a]",
        r"\\d",
        r"[\\d]",
        "]",
        "}",
    ),
]
BOUNDED_BY = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "const"]
FORMATS_TRIED = [*FORMATS, "x"]
BOUNDS = st.sampled_from(BOUNDARIES)
DIVISORS = [0.1, 0.01, 1, 3, 0.5, 1e-300, 2.0**60, 10**400, 2.5e30, 7e-5, 1.0]
SIZES = st.integers(0, 3) | st.just(2.0)
TYPES = ["string", "number", "integer", "boolean", "null", "array", "object"]
LITERALS = LEAVES.filter(lambda leaf: not _is_torn(leaf))
ALIKE_PATTERNS = [
    "^a",
    "a",
    "b|1",
    "^[a-z]+",
    "[^a]",
    "^(a|b)*c?-",
    "(?:ab){2}",
    "[0-9]",
    "^a{2,}",
    "x?",
    "(?=a)",
    "(a)\\1",
]
ALIKE: dict[str, st.SearchStrategy[Json]] = {
    "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
    "pattern": st.sampled_from(ALIKE_PATTERNS),
    "enum": st.lists(LITERALS | st.just([1]) | st.just({"a": 1.0}), min_size=1, max_size=3),
    "const": LITERALS | st.just([0]),
    "required": st.lists(NAMES, max_size=2, unique=True),
    "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2),
    "uniqueItems": st.booleans(),
    "multipleOf": st.just(1),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), BOUNDS),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), SIZES),
    **dict.fromkeys(("title", "description", "$comment", "contentEncoding", "contentMediaType"), st.just("base64")),
    **dict.fromkeys(("readOnly", "writeOnly", "deprecated"), st.booleans()),
    **dict.fromkeys(("default", "example", "x-unit", "unknown", "nullable"), LITERALS),
}
"""What openapi-core's validators judge rightly, too."""

OURS = {
    **ALIKE,
    "pattern": st.sampled_from(PATTERNS),
    "format": st.sampled_from(FORMATS_TRIED),
    "multipleOf": st.sampled_from(DIVISORS),
    "discriminator": st.just({"propertyName": "a"}),
}
"""All that the engine judges; the docs page on deviations lists what openapi-core makes of the rest."""


def _inner(keywords: dict[str, st.SearchStrategy[Json]], patterns: list[str]) -> Any:  # noqa: ANN401 - what st.recursive wants
    def extend(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
        several = st.lists(inner, min_size=1, max_size=3)
        named = st.dictionaries(NAMES, inner, max_size=3)
        usual = {"items": inner, "additionalProperties": inner, "properties": named, "prefixItems": several}
        usual |= dict.fromkeys(("allOf", "anyOf", "oneOf"), several)
        usual["$ref"] = st.sampled_from(
            [f"#/components/schemas/{name}" for name in ("One", "Two", "Tree", "Expression")]
        )
        rare = dict.fromkeys(("not", "if", "then", "else", "contains", "propertyNames"), inner)
        rare |= dict.fromkeys(("unevaluatedItems", "unevaluatedProperties"), inner)
        rare |= {"patternProperties": st.dictionaries(st.sampled_from(patterns), inner, max_size=2)}
        rare |= {"dependentSchemas": named, "minContains": SIZES, "maxContains": SIZES}
        return _some({**keywords, **usual, **usual}, 4) | _some({**keywords, **usual, **rare}, 4)

    return extend


def _some(keywords: dict[str, st.SearchStrategy[Json]], most: int) -> st.SearchStrategy[Json]:
    chosen = st.lists(st.sampled_from(list(keywords)), max_size=most, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: keywords[name] for name in names}))


def schemas(keywords: dict[str, st.SearchStrategy[Json]], patterns: list[str]) -> st.SearchStrategy[Json]:
    return st.recursive(_some(keywords, 3) | st.booleans(), _inner(keywords, patterns), max_leaves=6)


def _tagged(tag: str) -> Document:
    inside = {"type": "array", "items": {"$ref": "#/components/schemas/Expression"}}
    return {"type": "object", "properties": {"type": {"const": tag}, "a": inside}, "required": ["type"]}


NAMED: Document = {
    "Tree": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
    "Expression": {"oneOf": [_tagged("a"), _tagged("b"), {"type": ["string", "integer"]}]},
}


def root(schema: Json, **components: Json) -> Document:
    return {"schema": schema, "components": {"schemas": NAMED | components}}


def mutated(value: Json, data: st.DataObject) -> Json:
    """Change one part of ``value``, so that what is nearly valid is tried, too."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        name = data.draw(st.sampled_from(list(value)))
        return value | {name: mutated(value[name], data)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        index = data.draw(st.integers(0, len(value) - 1))
        return [*value[:index], mutated(value[index], data), *value[index + 1 :]]
    return data.draw(LEAVES)


@BOUNDED
@given(schema=schemas(ALIKE, ALIKE_PATTERNS), one=schemas(ALIKE, ALIKE_PATTERNS), two=_some(ALIKE, 3), data=st.data())
def test_openapi_cores_validators_say_the_same(schema: Json, one: Json, two: Json, data: st.DataObject) -> None:
    content = root({"allOf": [schema]}, One=one, Two=two)
    spec = SchemaPath.from_dict(content)
    judge = oas31_schema_validators_factory.create(spec, spec / "schema").validator
    values = data.draw(st.lists(VALUES | TEXT, min_size=3, max_size=8))
    values += [mutated(value, data) for value in values]
    try:
        ours = compile_schema(spec, spec / "schema")
        schemas_of(spec).compile()
    except ValueError as error:
        assert "without end" in str(error)  # noqa: PT017 - a schema that says nothing, refused at boot
        return

    for value in values:
        if not _is_torn(value):
            expected = judge.is_valid(value)
            event(str(expected))
            assert (ours(value) == ()) == expected, (schema, value)


@BOUNDED
@given(schema=schemas(OURS, PATTERNS), one=schemas(OURS, PATTERNS), two=_some(OURS, 3), data=st.data())
def test_jsonschema_rs_and_the_judge_say_the_same(schema: Json, one: Json, two: Json, data: st.DataObject) -> None:
    content = root(schema, One=one, Two=two)
    values = data.draw(st.lists(VALUES | TEXT, min_size=3, max_size=8))
    values += [mutated(value, data) for value in values]
    try:
        engine = Engine(content)
        engine.fast(schema, None)
    except ValueError as error:
        assert "ECMA-262" in str(error) or "without end" in str(error)  # noqa: PT017 - the same
        return

    for value in values:
        event(f"valid {engine.verdict(schema, value)}, fast {engine.fast(schema, value) is not None}")


SINGLE = [
    *({"pattern": pattern} for pattern in PATTERNS),
    *({"format": name} for name in FORMATS_TRIED),
    *({keyword: bound} for keyword in BOUNDED_BY for bound in BOUNDARIES),
    *({"multipleOf": divisor} for divisor in DIVISORS),
    *({"type": kind} for kind in TYPES),
    *({"maxLength": 1}, {"minLength": 2}, {"maxItems": 1}, {"enum": ["a", 0, True, None]}),
]


@pytest.mark.parametrize("schema", SINGLE, ids=ascii)
def test_single_keywords_are_judged_alike(schema: Document) -> None:
    """Whichever half is asked: in a branch of ``oneOf`` a mistake in either direction would accept too much."""
    try:
        engine = Engine({"schema": schema})
        engine.findings(schema, None)
    except ValueError as error:
        assert "ECMA-262" in str(error)  # noqa: PT017 - a pattern of Python's, refused at boot
        return

    verdicts = {engine.verdict(schema, value) for value in [*NUMBERS, *TEXTS, None, [], ["a", "b"], {"a": 1}]}

    assert True in verdicts, "a keyword that refuses every value is not compared where it accepts"


def _is_torn(value: Json) -> bool:
    """Tell whether there is half of a surrogate pair in it, which no JSON text has."""
    return any("\ud800" <= character <= "\udfff" for character in repr(value).encode().decode("unicode_escape"))


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"pattern": "^(?!a)b"}, "needs an engine that backtracks"),
        ({"patternProperties": {r"(a)\1": {}}}, "needs an engine that backtracks"),
        ({"$ref": "#/components/schemas/Both"}, "refers to itself in several ways"),
        ({"items": {"anyOf": [{"$ref": "#/components/schemas/Both"}]}}, "refers to itself in several ways"),
        ({"$ref": "#/components/schemas/Closed"}, "refers to itself in several ways"),
    ],
    ids=str,
)
def test_what_has_no_fast_check_says_why(schema: Document, reason: str) -> None:
    child = {"properties": {"a": {"$ref": "#/components/schemas/Both"}}}
    closed = {"properties": {"a": {"$ref": "#/components/schemas/Closed"}}, "unevaluatedProperties": False}
    spec = SchemaPath.from_dict(root(schema, Both={"anyOf": [child, child]}, Closed=closed))

    assert reason in "".join(costly(spec, spec / "schema"))


@pytest.mark.parametrize(
    ("schema", "good"),
    [
        ({"type": "string", "format": "date-time"}, ["2020-01-01T00:00:00Z", "2020-02-29t00:00:00z"]),
        ({"type": "string", "format": "uuid"}, [UUID, UUID.upper()]),
        ({"type": ["string", "null"], "format": "ipv4", "pattern": r"\.(?:0|2)"}, ["192.0.2.7", None]),
        ({"type": "array", "uniqueItems": True, "items": {"type": "object"}}, [[{"a": 1}, {"a": 2}], []]),
        ({"oneOf": [{"type": "string"}, {"const": 1}], "x-unit": 1}, ["a", 1, 1.0]),
        ({"properties": {"a": {"pattern": "^a$"}}, "unevaluatedProperties": False}, [{"a": "a"}, {}]),
        ({"not": {"contains": {"multipleOf": 0.01}}, "maximum": 2**64}, [[0.001], []]),
        ({"$ref": "#/components/schemas/Tree"}, [[[], [[]]]]),
        ({"$ref": "#/components/schemas/Expression"}, [{"type": "a", "a": [{"type": "b", "a": ["x", 1]}]}]),
    ],
)
def test_usual_schemas_have_a_fast_check(schema: Document, good: list[Json]) -> None:
    engine = Engine(root(schema))

    assert [engine.fast(schema, value) for value in good] == [True for _ in good]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "the dialect http://json-schema.org/draft-04/schema#"),
        ({"pattern": "(?i)a"}, "the pattern (?i)a is not ECMA-262"),
        ({"pattern": "("}, "not ECMA-262"),
        ({"pattern": "(a{999}){999}"}, "too large"),
        ({"allOf": [{"$ref": "#"}]}, "refers to itself without end"),
        ({"$defs": {"a": {"$id": "http://a/b"}, "b": {"$id": "http://a/b"}}, "$ref": "http://a/b"}, "two schemas have"),
        (
            {
                "$dynamicRef": "#a",
                "$defs": {"a": {"$dynamicAnchor": "a"}, "b": {"$id": "b", "$defs": {"c": {"$dynamicAnchor": "a"}}}},
            },
            "$dynamicRef among several schemas",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_judged_rightly_is_refused_at_boot(schema: Document, message: str) -> None:
    engine = Engine(schema)

    with pytest.raises(ValueError, match=re.escape(message)):
        engine.fast(schema, None)


@pytest.mark.parametrize("reference", ["#/nowhere", "#anchor", "https://json-schema.org/draft/2020-12/schema"])
def test_a_reference_to_nothing_is_refused_at_boot(reference: str) -> None:
    schema = {"items": {"$ref": reference}}

    with pytest.raises(NothingThereError, match=re.escape(f"$ref '{reference}': nothing is there")):
        Engine(schema).fast(schema, None)


@pytest.mark.parametrize("kind", ["integer", "string"])
def test_a_long_array_takes_milliseconds(kind: str) -> None:
    items = {"type": "array", "items": {"type": kind}, "uniqueItems": kind == "string"}
    schema = {"oneOf": [items, {"type": "object"}]}
    engine = Engine({"schema": schema})
    sent = list(range(500_000)) if kind == "integer" else [str(number) for number in range(100_000)]

    started = time.process_time()
    assert engine.fast(schema, sent)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("value", ["\ud800", {"a": b"\x00"}, {1: 2}], ids=ascii)
def test_what_is_no_json_is_left_to_the_judge(value: Json) -> None:
    schema = {"anyOf": [{"type": "string", "maxLength": 3}, {"additionalProperties": {"maxLength": 3}}]}

    assert Engine({"schema": schema}).fast(schema, value) is not False or value == {"a": b"\x00"}
