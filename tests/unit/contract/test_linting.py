"""What a contract says and nothing keeps is said once, in its place; what is fine is left alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from tbg.contract import Contract, DocumentError, every_remark, extension_remarks
from tbg.contract.pointers import to_pointer
from tests.unit.contract.support import ERRORS, Document, body, document, load

EXTENSIONS = {"x-rate-limit": {"operation"}, "x-rate-limit-policies": {"openapi"}, "x-probe": {"operation"}}
GET = "/paths/~1act/get"
POST = "/paths/~1act/post"
BODY = f"{POST}/requestBody/content/application~1json"

Remarks = list[tuple[str, str, str]]


def operation(name: str = "act", **members: object) -> Document:
    """Return an operation of which there is nothing to say."""
    success = {"200": {"description": "Done.", "content": {"application/json": {"schema": {}}}}}
    return {"operationId": name, "responses": {**success, **ERRORS}, **members}


def said(contract: Contract) -> Remarks:
    """Return level, pointer and message of everything that is said of a contract."""
    return [(each.level, to_pointer(each.path), each.message) for each in every_remark(contract.document)]


def of_schema(folder: Path, schema: Any, name: str = "Thing") -> Remarks:  # noqa: ANN401 - any schema
    """Return what is said of a component that nobody would call wrong otherwise, from its place on."""
    sent = body({"$ref": f"#/components/schemas/{name}"})
    contract = load(
        folder, document({"/act": {"post": operation(requestBody=sent)}}, components=schemas(**{name: schema}))
    )
    start = f"/components/schemas/{name}"
    return [(level, path.removeprefix(start), message) for level, path, message in said(contract) if start in path]


def schemas(**named: object) -> Document:
    return {"responses": document({})["components"]["responses"], "schemas": named}


def refusals(folder: Path, content: Document) -> list[str]:
    with pytest.raises(DocumentError) as raised:
        load(folder, content)
    return list(raised.value.findings)


def with_body(schema: Any) -> Document:  # noqa: ANN401 - any schema
    return document({"/act": {"post": operation(requestBody=body(schema))}})


# Words that nothing reads.


@pytest.mark.parametrize(
    ("schema", "finding"),
    [
        ({"requierd": ["a"]}, "requierd is no keyword of JSON Schema 2020-12: did you mean required?"),
        ({"maxlength": 3}, "maxlength is no keyword of JSON Schema 2020-12: did you mean maxLength?"),
        ({"propertys": {}}, "propertys is no keyword of JSON Schema 2020-12: did you mean properties?"),
        ({"properties": {"a": {"enums": ["x"]}}}, "enums is no keyword of JSON Schema 2020-12: did you mean enum?"),
        ({"anyOf": [{"items": {"formt": "uuid"}}]}, "formt is no keyword of JSON Schema 2020-12: did you mean format?"),
        ({"$defs": {"a": {"minimun": 1}}}, "minimun is no keyword of JSON Schema 2020-12: did you mean minimum?"),
    ],
)
def test_a_misspelt_keyword_stops_the_boot(tmp_path: Path, schema: Document, finding: str) -> None:
    (found,) = refusals(tmp_path, with_body(schema))

    assert found.startswith("openapi.yaml:")
    assert found.endswith(finding)


@pytest.mark.parametrize(
    ("schema", "pointer", "message"),
    [
        ({"nullable": True}, "/nullable", "nullable is of OpenAPI 3.0 and ignored"),
        ({"dependencies": {"a": ["b"]}}, "/dependencies", "dependencies is of an earlier draft and ignored"),
        ({"definitions": {}}, "/definitions", "definitions is of an earlier draft: write $defs"),
        ({"additionalItems": False}, "/additionalItems", "additionalItems is of an earlier draft and ignored"),
        ({"id": "a"}, "/id", "id is of an earlier draft and ignored: write $id"),
        ({"optional": True}, "/optional", "optional is no keyword of JSON Schema 2020-12, so nothing enforces it"),
        ({"min_items": 1}, "/min_items", "min_items is no keyword of JSON Schema 2020-12: did you mean minItems?"),
        ({"properties": {"p": {"nullable": True}}}, "/properties/p/nullable", "nullable is of OpenAPI 3.0 and ignored"),
    ],
)
def test_what_is_ignored_is_a_warning_of_the_boot(tmp_path: Path, schema: Document, pointer: str, message: str) -> None:
    contract = load(tmp_path, with_body(schema))

    (found,) = contract.warnings
    assert message in found
    assert [path for level, path, _ in said(contract) if level == "warning"] == [f"{BODY}/schema{pointer}"]


@pytest.mark.parametrize(
    "schema",
    [
        {"x-requierd": True, "title": "T", "$comment": "c", "deprecated": True, "examples": [1]},
        {"properties": {"requierd": {}, "nullable": {}, "enums": {}}},
        {"const": {"requierd": 1}, "default": {"nullable": True}, "enum": [{"requierd": 1}]},
        {"discriminator": {"propertyName": "a", "mapping": {"nullable": "B"}}, "xml": {"name": "a"}},
    ],
)
def test_names_and_values_are_no_keywords(tmp_path: Path, schema: Document) -> None:
    contract = load(tmp_path, with_body(schema))

    assert [each for each in said(contract) if each[0] != "advice"] == []


def test_one_example_or_several(tmp_path: Path) -> None:
    sent = body({"type": "boolean"})
    sent["content"]["application/json"] |= {"example": True, "examples": {"a": {"value": False}}}

    contract = load(tmp_path, document({"/act": {"post": operation(requestBody=sent)}}))

    assert said(contract) == [
        (
            "warning",
            f"{BODY}/example",
            "example and examples exclude each other: keep one (OpenAPI 3.1.1, 4.8.12, 4.8.14)",
        )
    ]


# Extensions that somebody reads.


def extended(folder: Path, where: str, **members: object) -> list[tuple[str, str]]:
    content = document({"/act": {"get": operation()}})
    target: Any = content["paths"]["/act"]["get"] if where == "operation" else content
    target |= {name.replace("_", "-"): value for name, value in members.items()}
    remarks = extension_remarks(load(folder, content).document, EXTENSIONS)
    assert all(each.level == "error" for each in remarks)
    return [(to_pointer(each.path), each.message) for each in remarks]


def test_misspelt_names_are_told_with_what_else_is_wrong(tmp_path: Path) -> None:
    misspelt = operation() | {"x-ratelimit": False}
    sent = body({"type": "object", "requierd": ["a"]})
    path = tmp_path / "openapi.yaml"
    path.write_text(json.dumps(document({"/act": {"get": misspelt, "post": operation("b", requestBody=sent)}}, tags=1)))

    with pytest.raises(DocumentError) as refused:
        Contract.load(path, EXTENSIONS)

    assert sum("x-ratelimit" in each for each in refused.value.findings) == 1
    assert sum("requierd" in each for each in refused.value.findings) == 1
    assert len(refused.value.findings) == 3


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("x-ratelimit", "x-rate-limit"),
        ("x-rate-limits", "x-rate-limit"),
        ("x-rate-limt", "x-rate-limit"),
        ("x-limit-rate", "x-rate-limit"),
        ("x-Rate-Limit", "x-rate-limit"),
        ("x-rate-limit-policy", "x-rate-limit-policies"),
        ("x-prob", "x-probe"),
        ("x-strict-qurey", "x-strict-query"),
        ("x-query-strict", "x-strict-query"),
    ],
)
@pytest.mark.parametrize("where", ["operation", "root"])
def test_a_misspelt_extension_is_named(tmp_path: Path, name: str, meant: str, where: str) -> None:
    ((pointer, message),) = extended(tmp_path, where, **{name.replace("-", "_"): "login"})

    assert pointer.endswith(name)
    assert message == f"{name} is not read by anything: did you mean {meant}?"


def test_an_extension_in_the_wrong_place_is_named(tmp_path: Path) -> None:
    assert extended(tmp_path, "root", x_rate_limit="login", x_probe=True) == [
        ("/x-rate-limit", "x-rate-limit is read in an operation only: it means nothing here"),
        ("/x-probe", "x-probe is read in an operation only: it means nothing here"),
    ]
    assert len(extended(tmp_path, "operation", x_rate_limit_policies={})) == 1


def test_extensions_of_others_are_theirs(tmp_path: Path) -> None:
    names = (
        "x-internal",
        "x-amazon-apigateway-integration",
        "x-codeSamples",
        "x-tagGroups",
        "x-logo",
        "x-rate",
        "x-limit",
    )

    for where in ("root", "operation"):
        assert extended(tmp_path, where, **{name.replace("-", "_"): {} for name in names}) == []
    assert extended(tmp_path, "operation", x_rate_limit="login", x_probe=True) == []


# Examples and defaults.


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"type": "boolean", "example": 1}, "/example"),
        ({"type": "boolean", "examples": [True, 1]}, "/examples/1"),
        ({"type": "boolean", "default": "yes"}, "/default"),
        ({"oneOf": [{"const": 1}, {"enum": ["a"]}], "default": "b"}, "/default"),
        (
            {"type": "object", "additionalProperties": False, "properties": {"p": {"const": 1, "default": 2}}},
            "/properties/p/default",
        ),
    ],
)
def test_a_value_that_breaks_its_schema_is_named(tmp_path: Path, schema: Document, pointer: str) -> None:
    (found,) = of_schema(tmp_path, schema)

    assert found[:2] == ("advice", pointer)
    assert " breaks its schema: " in found[2]


def test_examples_beside_a_schema_are_judged(tmp_path: Path) -> None:
    sent = body({"type": "boolean"})
    sent["content"]["application/json"]["examples"] = {
        "good": {"value": True},
        "bad": {"value": "x"},
        "shared": {"$ref": "#/components/examples/Shared"},
        "elsewhere": {"externalValue": "https://example.com"},
    }
    header = {"X-Count": {"schema": {"type": "boolean"}, "example": 7}}
    answered = {"200": {"description": "Done.", "headers": header}}
    query = {"name": "p", "in": "query", "schema": {"type": "boolean"}, "example": "true"}
    components = schemas() | {"examples": {"Shared": {"value": 3}}}
    paths = {
        "/act": {
            "post": operation(
                parameters=[query], requestBody=sent, responses=answered | operation()["responses"] | answered
            )
        }
    }

    contract = load(tmp_path, document(paths, components=components))

    assert {path for _, path, message in said(contract) if "breaks its schema" in message} == {
        f"{BODY}/examples/bad/value",
        "/components/examples/Shared/value",
        f"{POST}/responses/200/headers/X-Count/example",
        f"{POST}/parameters/0/example",
    }


@pytest.mark.parametrize(
    ("media_type", "schema", "example", "count"),
    [
        ("application/json", {"type": "boolean"}, "true", 1),
        ("application/merge-patch+json", {"type": "boolean"}, "true", 1),
        ("application/x-www-form-urlencoded", {"type": "object", "required": ["a"]}, {}, 1),
        ("text/plain", {"type": "string", "maxLength": 3}, "long", 1),
        ("text/plain", {"type": "string", "maxLength": 3}, 7, 1),
        ("text/csv", {}, "a,b", 0),
    ],
)
def test_an_example_may_be_the_text_itself(
    tmp_path: Path, media_type: str, schema: Document, example: object, count: int
) -> None:
    sent = body(schema, media_type)
    sent["content"][media_type]["example"] = example

    contract = load(tmp_path, document({"/act": {"post": operation(requestBody=sent)}}))

    assert len([message for _, _, message in said(contract) if "breaks its schema" in message]) == count


# Consequences.


@pytest.mark.parametrize(
    ("schema", "missing"),
    [
        ({"type": "string"}, "maxLength"),
        ({"type": ["string", "null"], "format": "email"}, "maxLength"),
        ({"type": "string", "pattern": "^[a-z]+$"}, "maxLength"),
        ({"type": "string", "pattern": "^[a-z]{2,}$"}, "maxLength"),
        ({"type": "array", "items": {"type": "boolean"}}, "maxItems"),
        ({"type": "object"}, "additionalProperties: false or maxProperties"),
        (
            {"type": "object", "additionalProperties": {"type": "boolean"}},
            "additionalProperties: false or maxProperties",
        ),
        ({"type": ["string", "array"]}, "maxLength, maxItems"),
    ],
)
def test_what_is_asked_needs_bounds(tmp_path: Path, schema: Document, missing: str) -> None:
    assert of_schema(tmp_path, schema) == [("advice", "", f"what a client sends here has no bound: {missing}")]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "maxLength": 3},
        {"type": "string", "pattern": r"^[a-z+*]{1,3}\+$"},
        {"type": "string", "format": "uuid"},
        {"type": "string", "const": "a"},
        {"type": "array", "maxItems": 3, "items": {"type": "boolean"}},
        {"type": "object", "maxProperties": 3},
        {"type": "object", "additionalProperties": False},
        {"type": "object", "unevaluatedProperties": False, "allOf": [{"type": "object", "properties": {"a": {}}}]},
        {"type": "string", "allOf": [{"maxLength": 3}]},
        {"type": "boolean"},
        {},
    ],
)
def test_what_has_bounds_is_left_alone(tmp_path: Path, schema: Document) -> None:
    assert of_schema(tmp_path, schema) == []


def test_what_is_answered_needs_none_and_is_better_open(tmp_path: Path) -> None:
    closed = {"type": "object", "additionalProperties": False, "properties": {"text": {"type": "string"}}}
    content = {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}}
    responses = operation()["responses"] | {"200": {"description": "Done.", "content": content}}

    contract = load(
        tmp_path, document({"/act": {"get": operation(responses=responses)}}, components=schemas(Thing=closed))
    )

    ((level, path, message),) = said(contract)
    assert (level, path) == ("advice", "/components/schemas/Thing/additionalProperties")
    assert message.startswith("an answer is closed")


def test_a_schema_that_is_met_often_is_spoken_of_once(tmp_path: Path) -> None:
    text = {"$ref": "#/components/schemas/Text"}
    node = {
        "type": "object",
        "maxProperties": 2,
        "properties": {"a": text, "b": text, "next": {"$ref": "#/components/schemas/Node"}},
    }
    items = {
        f"/act{number}": {"post": operation(f"act{number}", requestBody=body({"$ref": "#/components/schemas/Node"}))}
        for number in range(3)
    }

    contract = load(tmp_path, document(items, components=schemas(Node=node, Text={"type": "string"})))

    assert [path for _, path, _ in said(contract)] == ["/components/schemas/Text"]


def test_tags_are_declared_once(tmp_path: Path) -> None:
    tags = [{"name": "a"}, {"name": "b"}, {"name": "a"}]
    paths = {"/act": {"get": operation(tags=["a", "c"])}, "/other": {"get": operation("other", tags=["c", "b"])}}

    contract = load(tmp_path, document(paths, tags=tags))

    assert said(contract) == [
        ("advice", "/tags/2/name", "the tag 'a' is declared twice"),
        ("advice", f"{GET}/tags/1", "the tag 'c' is not declared in tags"),
    ]


def test_a_component_that_nothing_uses_is_named(tmp_path: Path) -> None:
    named = {
        "Used": {
            "oneOf": [{"$ref": "#/components/schemas/Deep"}],
            "discriminator": {"propertyName": "k", "mapping": {"a": "ByName"}},
        },
        "Deep": {},
        "ByName": {},
        "Alone": {"$ref": "#/components/schemas/Behind"},
        "Behind": {},
    }
    hook = {"hook": {"post": {"requestBody": body({"$ref": "#/components/schemas/Hooked"})}}}
    components = schemas(**named, Hooked={}) | {"headers": {"X": {"schema": {"type": "boolean"}}}}
    sent = body({"$ref": "#/components/schemas/Used"})

    contract = load(
        tmp_path, document({"/act": {"post": operation(requestBody=sent)}}, components=components, webhooks=hook)
    )

    assert [path for _, path, message in said(contract) if message == "nothing uses this component"] == [
        "/components/schemas/Alone",
        "/components/schemas/Behind",
        "/components/headers/X",
    ]


@pytest.mark.parametrize(
    ("schema", "finding"),
    [
        (
            {"type": "object", "maxProperties": 2, "properties": {"userId": {}, "user_id": {}}},
            ("/properties/user_id", "the property user_id is the same as userId"),
        ),
        (
            {"type": "object", "maxProperties": 2, "properties": {"s": {"enum": ["a", "b"]}}},
            ("/properties/s/enum", "an enum without a name"),
        ),
        ({"type": "integer", "minimum": 0, "maximum": 9}, ("", "an integer without format: int32 or int64")),
        ({"type": "string", "maxLength": 9, "pattern": "[a-z]"}, ("/pattern", "the pattern is not anchored")),
    ],
)
def test_what_clients_make_something_poor_of_is_named(
    tmp_path: Path, schema: Document, finding: tuple[str, str]
) -> None:
    ((level, path, message),) = of_schema(tmp_path, schema)

    assert (level, path) == ("advice", finding[0])
    assert message.startswith(finding[1])


@pytest.mark.parametrize("name", ["Error", "date", "Map", "Object"])
def test_a_name_that_languages_need_is_named(tmp_path: Path, name: str) -> None:
    assert "generated clients collide" in of_schema(tmp_path, {"type": "boolean"}, name)[0][2]


def test_names_that_are_one_in_some_language_are_named(tmp_path: Path) -> None:
    paths = {"/act": {"get": operation("getAct")}, "/other": {"get": operation("get_act")}}
    sent = body({"anyOf": [{"$ref": "#/components/schemas/MyThing"}, {"$ref": "#/components/schemas/my-thing"}]})
    paths["/third"] = {"post": operation("third", requestBody=sent)}

    contract = load(tmp_path, document(paths, components=schemas(**{"MyThing": {}, "my-thing": {}})))

    assert [(path, message) for _, path, message in said(contract)] == [
        ("/components/schemas/my-thing", "the schema my-thing is the same as MyThing in generated clients"),
        ("/paths/~1other/get/operationId", "the operationId get_act is the same as getAct in generated clients"),
    ]


def test_bodies_and_parameters_that_clients_cannot_use_are_named(tmp_path: Path) -> None:
    query = {"name": "p", "in": "query", "content": {"application/json": {"schema": {"type": "boolean"}}}}
    sent: Document = {"content": {"text/plain": {}}}

    contract = load(tmp_path, document({"/act": {"post": operation(parameters=[query], requestBody=sent)}}))

    assert [path for _, path, _ in said(contract)] == [
        f"{POST}/parameters/0/content",
        f"{POST}/requestBody/content/text~1plain",
    ]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (
            {"type": "string", "maxLength": 9, "pattern": "^(?=a)b$"},
            "the pattern ^(?=a)b$ needs an engine that backtracks",
        ),
        ({"$ref": "#/components/schemas/Tree"}, "it refers to itself in several ways for the same part of a value"),
    ],
)
def test_what_may_take_too_long_to_judge_is_named(tmp_path: Path, schema: Document, reason: str) -> None:
    child = {"properties": {"child": {"$ref": "#/components/schemas/Tree"}}}
    components = schemas(Tree={"oneOf": [child | {"required": ["a"]}, child | {"required": ["b"]}]})
    paths = {"/act": {"post": operation(requestBody=body(schema))}}

    contract = load(tmp_path, document(paths, components=components))

    assert (
        "advice",
        f"{BODY}/schema",
        f"some values would take too long to judge, so they are refused: {reason}",
    ) in said(contract)


# What is written.


def test_the_smallest_contract_needs_no_word(tmp_path: Path) -> None:
    assert said(load(tmp_path, document({"/act": {"get": operation()}}))) == []
