"""An acceptor accepts nothing that the judge, openapi-core as it comes, would not; and it is of use."""

import math
import os
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from jsonschema_path import SchemaPath
from openapi_core.validation.schemas import oas31_schema_validators_factory

from tbg.contract import schemas
from tbg.contract.accepting import acceptor, never
from tbg.contract.formats import FORMATS, format_checker
from tbg.contract.schemas import Validate, compile_schema
from tbg.contract.validators import validators_factory
from tests.unit.contract.support import Document

pytestmark = pytest.mark.filterwarnings("ignore:Possible (nested|set):FutureWarning")
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


def nested(depth: int, value: Json = None) -> Json:
    """Return ``value`` in as many arrays and objects as ``depth`` says."""
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


# Schemas: of the keywords that are translated, and of those that must not be.

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
FORMATS_TRIED = [*FORMATS, "x"]
BOUNDS = st.sampled_from(BOUNDARIES)
SIZES = st.integers(0, 3) | st.just(2.0)
TYPES = ["string", "number", "integer", "boolean", "null", "array", "object"]
KEYWORDS: dict[str, st.SearchStrategy[Json]] = {
    "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
    "pattern": st.sampled_from(PATTERNS),
    "format": st.sampled_from(FORMATS_TRIED),
    "enum": st.lists(LEAVES | st.just([1]) | st.just({"a": 1.0}), min_size=1, max_size=3),
    "const": LEAVES | st.just([0]),
    "required": st.lists(NAMES, max_size=2, unique=True),
    "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=2),
    "uniqueItems": st.booleans(),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), BOUNDS),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), SIZES),
    **dict.fromkeys(("title", "description", "$comment", "contentEncoding", "contentMediaType"), st.just("base64")),
    **dict.fromkeys(("readOnly", "writeOnly", "deprecated"), st.booleans()),
    **dict.fromkeys(("default", "example", "x-unit"), LEAVES),
}
JUDGED = KEYWORDS.keys() - {"uniqueItems"}
BEYOND: dict[str, st.SearchStrategy[Json]] = {
    "multipleOf": st.sampled_from([0.1, 1, 3, 0.5, 1e-300]),
    "nullable": st.booleans(),
    "discriminator": st.just({"propertyName": "a"}),
    "minContains": SIZES,
    "maxContains": SIZES,
    "$dynamicRef": st.just("#/components/schemas/One"),
    "unknown": st.just({"type": "string"}),
}


def _schemas(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    several = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(NAMES, inner, max_size=3)
    translated = {"items": inner, "additionalProperties": inner, "properties": named} | dict.fromkeys(
        ("allOf", "anyOf", "oneOf"), several
    )
    beyond = dict.fromkeys(("not", "if", "then", "else", "contains", "propertyNames", "unevaluatedItems"), inner)
    beyond |= dict.fromkeys(("unevaluatedProperties",), inner) | {"prefixItems": several}
    beyond |= dict.fromkeys(("patternProperties", "dependentSchemas", "$defs"), named)
    referred = {
        "$ref": st.sampled_from(["#/components/schemas/One", "#/components/schemas/Two", "#/components/schemas/Tree"])
    }
    return _some({**KEYWORDS, **referred, **translated, **translated}, 4) | _some(
        {**KEYWORDS, **translated, **beyond, **BEYOND}, 3
    )


def _some(keywords: dict[str, st.SearchStrategy[Json]], most: int) -> st.SearchStrategy[Json]:
    chosen = st.lists(st.sampled_from(list(keywords)), max_size=most, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: keywords[name] for name in names}))


SCHEMAS = st.recursive(_some(KEYWORDS, 3) | st.booleans(), _schemas, max_leaves=6)
TREE = {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}


def validators(schema: Json, *components: Json) -> tuple[Any, Any]:
    """Return this engine's validator of ``schema``, and the judge's own with no change but this engine's formats."""
    named = dict(zip(["One", "Two"], components, strict=False)) | {"Tree": TREE}
    spec = SchemaPath.from_dict({"schema": {"allOf": [schema]}, "components": {"schemas": named}})
    factories = (validators_factory, oas31_schema_validators_factory)
    ours, theirs = (factory.create(spec, spec / "schema").validator for factory in factories)
    return ours, theirs.evolve(format_checker=format_checker)


def accepted(judge: Any, value: Json) -> bool:  # noqa: ANN401 - a class made at run time
    try:
        return bool(judge.is_valid(value))
    except Exception:  # noqa: BLE001 - whatever it raises, it has not accepted
        return False


@BOUNDED
@given(schema=SCHEMAS, one=SCHEMAS, two=_some(KEYWORDS, 3), values=st.lists(VALUES | TEXT, min_size=3, max_size=12))
def test_what_is_accepted_the_judge_would_accept(schema: Json, one: Json, two: Json, values: list[Json]) -> None:
    ours, judge = validators(schema, one, two)
    accepts = acceptor(ours)

    for value in values:
        if accepts(value):
            event("accepted")
            assert accepted(judge, value), (schema, value)


BOUNDED_BY = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "const"]
ALIKE = [
    *({"pattern": pattern} for pattern in PATTERNS),
    *({"format": name} for name in FORMATS_TRIED),
    *({keyword: bound} for keyword in BOUNDED_BY for bound in BOUNDARIES),
    *({"type": kind} for kind in TYPES),
    *({"maxLength": 1}, {"minLength": 2}, {"maxItems": 1}, {"enum": ["a", 0, True, None]}),
]


@pytest.mark.parametrize("schema", ALIKE, ids=ascii)
def test_single_keywords_are_judged_alike(schema: Document) -> None:
    """Not only must nothing more be accepted: what is missed could let ``oneOf`` accept what matches twice."""
    ours, judge = validators(schema)
    accepts = acceptor(ours)

    for value in [*NUMBERS, *TEXTS, None, [], ["a", "b"], {"a": 1}] if accepts is not never else ():
        if not _is_torn(value):
            assert accepts(value) == accepted(judge, value), value


@BOUNDED
@given(keyword=st.sampled_from(sorted(JUDGED)), data=st.data())
def test_single_keywords_are_judged_alike_whatever_the_value(keyword: str, data: st.DataObject) -> None:
    schema = {keyword: data.draw(KEYWORDS[keyword])}
    ours, judge = validators(schema)
    accepts = acceptor(ours)
    values = data.draw(st.lists(VALUES | TEXT, min_size=10, max_size=20))

    for value in values if accepts is not never else ():
        if not _is_torn(value):
            assert accepts(value) == accepted(judge, value), (schema, value)


def _is_torn(value: Json) -> bool:
    """Tell whether there is half of a surrogate pair in it: only the judge looks at such."""
    return any("\ud800" <= character <= "\udfff" for character in repr(value).encode().decode("unicode_escape"))


@BOUNDED
@given(schema=SCHEMAS, one=_some(KEYWORDS, 3), values=st.lists(VALUES | TEXT, min_size=3, max_size=8))
def test_findings_are_the_same_as_without_acceptor(schema: Json, one: Json, values: list[Json]) -> None:
    spec = SchemaPath.from_dict(
        {"schema": {"allOf": [schema]}, "components": {"schemas": {"One": one, "Two": one, "Tree": TREE}}}
    )
    ours = compile_schema(spec, spec / "schema")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas, "acceptor", lambda _: never)
        alone = compile_schema(spec, spec / "schema")

    for value in values:
        assert verdict(ours, value) == verdict(alone, value), (schema, value)


def verdict(validate: Validate, value: Json) -> object:
    try:
        return validate(value)
    except Exception as error:  # noqa: BLE001 - a fault of the judge stays one
        return type(error)


@pytest.mark.parametrize("depth", [1, 50, 200, 400, 5_000])
@pytest.mark.parametrize("schema", [{"$ref": "#/components/schemas/Tree"}, {}, {"uniqueItems": True}, {"enum": ["a"]}])
def test_depth_is_left_to_the_judge(schema: Document, depth: int) -> None:
    ours, judge = validators(schema)

    assert acceptor(ours)(nested(depth)) in {False, accepted(judge, nested(depth))}


@pytest.mark.parametrize(
    "beyond",
    [
        *({"format": "byte", "not": {}}, {"multipleOf": 0.1}, {"if": {}}, {"contains": {}}, {"prefixItems": [{}]}),
        *(
            {"$id": "http://a"},
            {"$anchor": "a"},
            {"$schema": "http://json-schema.org/draft-04/schema#"},
            {"nullable": True},
        ),
        *(
            {"oneOf": [{}], "discriminator": {"propertyName": "a"}},
            {"uniqueItems": True},
            {"unknown": 1},
            {"$defs": {}},
        ),
        *({"maximum": -1e300}, {"minimum": 2**64}),
        *({"uniqueItems": True, "items": {"type": "integer"}}, {"const": 2**53}, {"const": 0.5}, {"enum": ["a", [1]]}),
        *({"$ref": "#/components/schemas/Tree"}, {"pattern": "("}, {"$ref": "#/nowhere"}, {"pattern": "(a{999}){999}"}),
    ],
    ids=str,
)
def test_what_may_be_judged_differently_has_no_acceptor(beyond: Document) -> None:
    assert acceptor(validators({"type": "object", "properties": {"a": {"allOf": [beyond]}}})[0]) is never


def test_another_dialect_has_no_acceptor() -> None:
    draft = {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": True}
    spec = SchemaPath.from_dict({"schema": draft})

    assert acceptor(validators_factory.create(spec, spec / "schema").validator) is never


@pytest.mark.parametrize(
    ("schema", "good"),
    [
        ({"type": "string", "format": "date-time"}, ["2020-01-01T00:00:00Z", "2020-02-29t00:00:00z"]),
        ({"type": "string", "format": "uuid"}, [UUID, UUID.upper()]),
        ({"type": "integer", "format": "int32"}, [1, 1.0, 2.0**30]),
        ({"type": ["string", "null"], "format": "ipv4", "pattern": r"\.(?!a)"}, ["192.0.2.7", None]),
        ({"type": "array", "uniqueItems": True, "items": {"$ref": "#/components/schemas/One"}}, [["a", "b"], []]),
        ({"oneOf": [{"type": "string"}, {"const": 1}], "x-unit": 1}, ["a", 1, 1.0]),
        ({"properties": {"a": {"pattern": "^a$"}}, "additionalProperties": False}, [{"a": "a"}, {"a": "a\n"}, {}]),
    ],
)
def test_usual_schemas_have_one(schema: Document, good: list[Json]) -> None:
    accepts = acceptor(validators(schema, {"type": "string"})[0])

    assert [accepts(value) for value in good] == [True for _ in good]


@pytest.mark.parametrize("kind", ["integer", "string"])
def test_a_long_array_takes_milliseconds(kind: str) -> None:
    items = {"type": "array", "items": {"type": kind}, "uniqueItems": kind == "string"}
    accepts = acceptor(validators({"oneOf": [items, {"type": "object"}]})[0])
    sent = list(range(500_000)) if kind == "integer" else [str(number) for number in range(100_000)]

    started = time.process_time()
    assert accepts(sent)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("value", ["\ud800", {"a": b"\x00"}, {1: 2}], ids=ascii)
def test_what_is_no_json_is_left_to_the_judge(value: Json) -> None:
    text = {"type": "string", "maxLength": 3}

    assert not acceptor(validators({"anyOf": [text, {"additionalProperties": text}]})[0])(value)
