"""A document that cannot be enforced stops the boot, with every finding; one that can is served as people wrote it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tbg.contract import Contract, DocumentError, unread_bodies
from tests.unit.contract.support import Document, Resource, body, document, findings, load, operation, respond, serve

VALID = document({"/act": {"get": operation()}})
HEAD = "openapi: 3.1.0\ninfo: {title: T, version: '1'}\n"


def refusal(folder: Path, content: Document | str, **files: str) -> str:
    with pytest.raises(DocumentError) as raised:
        load(folder, content, **files)
    return str(raised.value)


def changed(change: Callable[[Document], object]) -> Document:
    content: Document = json.loads(json.dumps(VALID))
    change(content)
    return content


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"cannot be used:\n  - nowhere\.yaml: .*No such file"):
        Contract.load(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty, or not a mapping at the top"),
        ("- a\n", "it is empty, or not a mapping at the top"),
        ("just text", "it is empty, or not a mapping at the top"),
        ("{", "openapi.yaml:1: it is not YAML: "),
        ("a: b: c", "openapi.yaml:1: it is not YAML: mapping values are not allowed in this context (column 5)"),
        ("a: &x [*x]", "openapi.yaml:1: the alias *x stands for nothing that ends before it"),
        ("a: !!python/object:os.system {}", "openapi.yaml:1: the tag !!python/object:os.system has no meaning"),
        ("a: 1\nb: 2\na: 3\n", "this key stands twice: a"),
        ("x: {a: 1, a: 2}", "this key stands twice: a"),
        ("'200': 1\n200: 2\n", "this key stands twice: 200"),
        ("? [a, b]\n: 1\n", "openapi.yaml:1: a key must be text, not a structure"),
        ("base: &base {a: 1}\nx:\n  <<: *base\n", "openapi.yaml:3: merge keys (<<) are not allowed"),
        ("a: 1\n---\nb: 2\n", "openapi.yaml:2: a second document begins"),
        ("{}", "openapi: must be 3.1.x, not missing"),
        ("openapi: 3.0.3\ninfo: {title: T, version: '1'}\npaths: {}\n", "openapi: must be 3.1.x, not 3.0.3"),
        ("swagger: '2.0'\n", "openapi: must be 3.1.x, not missing"),
        ("openapi: 3.2.0\ninfo: {title: T, version: '1'}\n", "openapi: must be 3.1.x, not 3.2.0"),
        ("openapi: 3.1.0\n", "openapi.yaml:1: /: lacks 'info'"),
    ],
)
def test_what_is_no_openapi_3_1_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(tmp_path, text)


def test_bytes_that_are_no_utf_8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "openapi.yaml").write_bytes(b"a: \xff\n")

    with pytest.raises(DocumentError, match=r"openapi\.yaml:1: it is not UTF-8: the byte 0xFF"):
        Contract.load(tmp_path / "openapi.yaml")


def test_a_directory_is_no_contract(tmp_path: Path) -> None:
    with pytest.raises(DocumentError):
        Contract.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["paths"].update({"/b": {"get": operation("act")}}), "act"),
        (lambda d: d["paths"]["/act"]["get"].update(security=[{"key": []}]), "security is declared"),
        (lambda d: d.update(security=[{"key": []}]), "security is declared"),
        (lambda d: d["paths"].update({"/b/{x}": {"get": operation("b")}}), "x"),
        (lambda d: d["paths"]["/act"]["get"].update(parameters=[{"name": "p", "in": "query"}]), "/paths/~1act"),
        (lambda d: d["paths"]["/act"]["get"].pop("responses"), "responses"),
        (lambda d: d["paths"]["/act"]["get"].update(requestBody=body({"type": "text"})), "text"),
        (lambda d: d["paths"]["/act"]["get"].update(requestBody=body({"pattern": "["})), "is not a 'regex'"),
        (
            lambda d: d["paths"]["/act"]["get"].update(requestBody=body({"patternProperties": {"(": {}}})),
            "is not a 'regex'",
        ),
        (
            lambda d: d["paths"]["/act"]["get"]["responses"].update({"2000": {"description": "Odd."}}),
            "2000",
        ),
    ],
)
def test_a_broken_promise_is_named(tmp_path: Path, change: Callable[[Document], object], message: str) -> None:
    assert message in refusal(tmp_path, changed(change))


def test_findings_are_listed_all_at_once(tmp_path: Path) -> None:
    def change(content: Document) -> None:
        content["paths"]["/act"]["get"].pop("responses")
        content["paths"]["/b"] = {"get": operation("b", security=[])}

    text = refusal(tmp_path, changed(change))

    assert text.splitlines()[0] == "The contract asks for what this engine does not enforce:"
    assert "  - openapi.yaml:1: GET /act: responses are missing" in text


@pytest.mark.parametrize("path", ["/b/{a}{b}", "/b/{a}/{a}"])
def test_a_template_that_the_router_cannot_take_is_refused(tmp_path: Path, path: str) -> None:
    names = [part.partition("}")[0] for part in path.split("{")[1:]]
    parameters = [{"name": name, "in": "path", "required": True, "schema": {}} for name in dict.fromkeys(names)]

    assert path in refusal(tmp_path, document({path: {"get": operation(parameters=parameters)}}))


def test_two_templates_for_the_same_paths_are_refused(tmp_path: Path) -> None:
    def item(name: str) -> Document:
        return {"get": operation(name, parameters=[{"name": name, "in": "path", "required": True, "schema": {}}])}

    assert "/b/{" in refusal(tmp_path, document({"/b/{x}": item("x"), "/b/{y}": item("y")}))


@pytest.mark.parametrize("described", [{"content": {"application/json": {}, "text/plain": {}}}, {"description": "?"}])
def test_a_header_is_described_in_one_way(tmp_path: Path, described: Document) -> None:
    header: Document = {"X-Json": described}
    responses = {"200": {"description": "Done.", "headers": header}}

    text = refusal(tmp_path, document({"/act": {"get": operation(responses=responses)}}))

    assert "X-Json" in text


@pytest.mark.parametrize("media_type", ["application/xml", "text/plain", "application/yaml", "image/png"])
@pytest.mark.parametrize("kind", ["object", "array"])
def test_only_json_and_forms_have_structure(tmp_path: Path, media_type: str, kind: str) -> None:
    """What cannot be read cannot be judged: it may be promised, but nothing of it passes."""
    content = {media_type: {"schema": {"type": [kind, "null"]}}, "application/json": {}}
    answer = Resource(respond(text="<a/>", headers={"Content-Type": media_type}), ["post"])
    act = operation(requestBody={"content": content}, responses={"200": {"description": "Done.", "content": content}})
    tested = serve(load(tmp_path, document({"/act": {"post": act}})), {"/act": answer})

    refused = tested.send("POST", body="<a/>", headers={"Content-Type": media_type})
    broken = tested.send("POST", json=1)

    assert (refused.status_code, refused.json) == (415, {"detail": "The body must be one of: application/json (UTF-8)"})
    assert broken.status_code == 500
    assert [(breach.part, breach.keyword) for breach in tested.breaches] == [("body", "format")]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    content: Document = {"application/xml": {"schema": {"type": "object"}}, "application/json": {}}
    schema = {"type": "object", "properties": {"f": {"type": "object"}, "g": {"type": "object"}}}
    encoding = {"f": {"contentType": "application/xml"}, "g": {"contentType": "application/xml, application/json"}}
    form = {"multipart/form-data": {"schema": schema, "encoding": encoding}}
    responses = {"200": {"description": "Done.", "content": content}}
    act = operation(requestBody={"content": content | form}, responses=responses)
    contract = load(tmp_path, document({"/act": {"post": act}}))

    assert "openapi.yaml:1: application/xml is not read as object: requests get 415" in contract.warnings
    assert {each.path: each.message for each in unread_bodies(contract.operations.values())} == {
        ("paths", "/act", "post", "requestBody", "content", "application/xml"): (
            "application/xml is not read as object: requests get 415"
        ),
        ("paths", "/act", "post", "requestBody", "content", "multipart/form-data", "encoding", "f"): (
            "the field 'f' is an object in a media type that is not read: it is always refused"
        ),
        ("paths", "/act", "post", "responses", "200", "content", "application/xml"): (
            "application/xml is not read as object: a response would be a breach"
        ),
    }


def test_a_body_of_which_nothing_can_be_read_is_refused(tmp_path: Path) -> None:
    act = operation(requestBody=body({"type": "object"}, "application/xml"))
    tested = serve(load(tmp_path, document({"/act": {"post": act}})))

    result = tested.send("POST", body="<a/>", headers={"Content-Type": "application/xml"})

    assert (result.status_code, result.json) == (415, {"detail": "The body has no media type that can be read"})


# YAML as YAML 1.2 reads it.


def read(folder: Path, text: str) -> Any:  # noqa: ANN401 - any value
    content = load(folder, f"{HEAD}paths: {{}}\nx-value: {text}\n").document.content
    return content["x-value"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[
            (word, word)
            for word in ("NO", "no", "yes", "Yes", "on", "off", "y", "n", "2020-01-01", "1_000", "12:30:45")
        ],
        *[(word, word) for word in ("0x1F", "2020-01-01T00:00:00Z", "=", ".inf", ".NaN", "1.2.3", "0b1")],
        *[("true", True), ("False", False), ("null", None), ("~", None), ("", None)],
        *[("7", 7), ("-7", -7), ("1.5", 1.5), ("1e3", 1000.0), ("010", 10), (".5", 0.5), ("'7'", "7")],
    ],
)
def test_scalars_are_read_as_yaml_1_2_does(tmp_path: Path, text: str, value: object) -> None:
    found = read(tmp_path, text)

    assert found == value
    assert type(found) is type(value)


def test_keys_are_text(tmp_path: Path) -> None:
    assert read(tmp_path, "{200: a, true: b, null: c, 1.5: d, NO: e}") == {
        "200": "a",
        "true": "b",
        "null": "c",
        "1.5": "d",
        "NO": "e",
    }


def test_statuses_need_no_quotes(tmp_path: Path) -> None:
    text = f"""{HEAD}
paths:
  /act:
    get:
      operationId: act
      responses:
        200: {{description: Done., content: {{application/json: {{schema: {{enum: [NO, SE]}}}}}}}}
        4XX: {{description: No.}}
"""

    contract = load(tmp_path, text)

    assert list(contract.operations["GET", "/act"].responses) == ["200", "4XX"]


def test_dates_in_examples_stay_text_in_both_forms_that_are_served(tmp_path: Path) -> None:
    text = f"{HEAD}paths: {{}}\nx-value: {{example: 2020-01-01T00:00:00Z, other: NO}}\n"

    served = load(tmp_path, text).document

    assert json.loads(served.json)["x-value"] == {"example": "2020-01-01T00:00:00Z", "other": "NO"}
    assert served.yaml.decode() == text


def test_aliases_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, "{a: &x {b: 1}, c: *x}") == {"a": {"b": 1}, "c": {"b": 1}}


# Several files.

ROOT = document({"/act": {"post": operation(requestBody=body({"$ref": "types.yaml#/Order"}))}})
ORDER = "Order: {type: object, required: [id], properties: {id: {$ref: '#/Id'}, next: {$ref: '#/Order'}}}\n"


def test_what_other_files_hold_is_joined_under_its_own_name(tmp_path: Path) -> None:
    contract = load(tmp_path, ROOT, types__yaml=f"{ORDER}Id: {{type: integer}}\nUnused: {{}}\n")

    schemas = contract.document.content["components"]["schemas"]  # type: ignore[index]  # it is a mapping
    assert list(schemas) == ["Order", "Id"]
    assert schemas["Order"]["properties"] == {
        "id": {"$ref": "#/components/schemas/Id"},
        "next": {"$ref": "#/components/schemas/Order"},
    }
    assert [file.name for file in contract.document.files] == ["openapi.yaml", "types.yaml"]
    assert serve(contract).send("POST", json={"id": 1, "next": {"id": "x"}}).status_code == 422


def test_the_joined_document_is_a_contract_by_itself(tmp_path: Path) -> None:
    joined = load(tmp_path, ROOT, types__yaml=f"{ORDER}Id: {{type: integer}}\n").document
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "openapi.yaml").write_bytes(joined.yaml)

    assert Contract.load(alone / "openapi.yaml").document.content == joined.content
    assert json.loads(joined.json) == joined.content


def test_a_file_may_be_one_schema_and_refer_back(tmp_path: Path) -> None:
    root = document(
        {"/act": {"post": operation(requestBody=body({"$ref": "deep/order.v1.yaml"}))}},
        components={
            "responses": ROOT["components"]["responses"],
            "schemas": {"Id": {"type": "integer"}},
        },
    )
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "order.v1.yaml").write_text(
        "{properties: {id: {$ref: '../openapi.yaml#/components/schemas/Id'}}}"
    )

    contract = load(tmp_path, root)

    assert serve(contract).send("POST", json={"id": "x"}).status_code == 422
    schemas = contract.document.content["components"]["schemas"]  # type: ignore[index]  # it is a mapping
    assert list(schemas) == ["Id", "order.v1"]


def test_a_part_of_an_adopted_schema_may_be_adopted_too(tmp_path: Path) -> None:
    types = """
Order:
  properties:
    size: {properties: {unit: {$ref: '#/Unit'}}}
    second: {$ref: '#/Order/properties/size'}
Unit: {type: string}
"""

    contract = load(tmp_path, ROOT, types__yaml=types)

    assert serve(contract).send("POST", json={"second": {"unit": 1}}).json["errors"][0]["pointer"] == "/second/unit"


def test_an_alias_may_hold_a_reference(tmp_path: Path) -> None:
    types = "Order: {properties: {a: &id {$ref: '#/Id'}, b: *id}}\nId: {type: integer}\n"

    contract = load(tmp_path, ROOT, types__yaml=types)

    assert serve(contract).send("POST", json={"a": 1, "b": "x"}).status_code == 422


def test_every_kind_of_component_can_live_in_another_file(tmp_path: Path) -> None:
    parts = """
item:
  parameters: [{$ref: '#/parameters/Size'}]
  post:
    operationId: post
    requestBody: {$ref: '#/bodies/Order'}
    responses:
      '200': {$ref: '#/answers/Done'}
      4XX: {$ref: 'openapi.yaml#/components/responses/Error'}
      5XX: {$ref: 'openapi.yaml#/components/responses/Error'}
parameters: {Size: {name: size, in: query, schema: {type: integer}}}
bodies:
  Order:
    required: true
    content: {application/json: {schema: {type: object}, examples: {a: {$ref: '#/examples/A'}}}}
answers:
  Done:
    description: Done.
    headers: {X-Count: {$ref: '#/headers/Count'}}
    content: {application/json: {}}
    links: {self: {$ref: '#/links/Self'}}
headers: {Count: {schema: {type: integer}}}
links: {Self: {operationId: post}}
examples: {A: {value: {$ref: nowhere.yaml}}}
"""

    contract = load(tmp_path, document({"/b": {"$ref": "parts.yaml#/item"}}), parts__yaml=parts)

    components = contract.document.content["components"]
    assert {kind: list(found) for kind, found in components.items()} == {  # type: ignore[attr-defined]  # a mapping
        "responses": ["Error", "Done"],
        "parameters": ["Size"],
        "requestBodies": ["Order"],
        "examples": ["A"],
        "headers": ["Count"],
        "links": ["Self"],
    }
    assert serve(contract).send("POST", "/b", params={"size": "x"}, json={}).status_code == 422


def test_path_items_stand_where_they_are_used(tmp_path: Path) -> None:
    other = json.dumps(document({"/v1/act": {"get": operation()}}))
    root = document({"/v1/act": {"$ref": "other.yaml#/paths/~1v1~1act"}})
    del root["components"]

    contract = load(tmp_path, root, other__yaml=other)

    content: Any = contract.document.content
    assert content["paths"]["/v1/act"]["get"]["operationId"] == "act"
    assert list(content["components"]) == ["responses"]
    assert ("GET", "/v1/act") in contract.operations


def test_the_schema_of_a_parameter_may_live_in_another_file(tmp_path: Path) -> None:
    query = {"name": "p", "in": "query", "schema": {"$ref": "types.yaml#/Id"}}

    contract = load(
        tmp_path, document({"/act": {"get": operation(parameters=[query])}}), types__yaml="Id: {type: integer}"
    )

    assert serve(contract).send(params={"p": "x"}).status_code == 422


def test_properties_may_have_the_names_of_keywords(tmp_path: Path) -> None:
    names = [
        "default",
        "example",
        "examples",
        "enum",
        "const",
        "responses",
        "parameters",
        "headers",
        "$ref",
        "properties",
    ]
    types = {
        "Order": {"properties": {name: {"type": "array", "items": {"$ref": "#/Id"}} for name in names}},
        "Id": {"type": "integer"},
    }

    contract = load(tmp_path, ROOT, types__yaml=json.dumps(types))

    for name in names:
        assert serve(contract).send("POST", json={name: ["x"]}).status_code == 422, name


def test_components_may_have_the_names_of_keywords(tmp_path: Path) -> None:
    root = document(
        {"/act": {"post": operation(requestBody=body({"$ref": "#/components/schemas/default"}))}},
        components={
            "responses": ROOT["components"]["responses"],
            "schemas": {"default": {"$ref": "types.yaml#/Id"}, "example": {"$ref": "types.yaml#/Id"}},
        },
    )

    contract = load(tmp_path, root, types__yaml="Id: {type: integer}")

    assert serve(contract).send("POST", json="x").status_code == 422


def test_literals_are_left_alone(tmp_path: Path) -> None:
    literal = {"$ref": "nowhere.yaml", "pattern": "["}
    schema = {"const": literal, "default": literal, "enum": [literal], "examples": [literal]}

    act = operation(requestBody=body(schema)) | {"x-own": literal}
    contract = load(tmp_path, document({"/act": {"post": act}}))

    assert serve(contract).send("POST", json=literal).status_code == 200
    assert contract.operations["POST", "/act"].extensions == {"x-own": literal}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nowhere.yaml#/Order", "nowhere.yaml: "),
        ("types.yaml#/Nowhere", "$ref 'types.yaml#/Nowhere': nothing is there"),
        ("types.yaml#/Id/type/deeper", "nothing is there"),
        ("types.yaml#/List/7", "nothing is there"),
        ("types.yaml#Id", "nothing is there"),
        ("#/components/schemas/Nowhere", "$ref '#/components/schemas/Nowhere': nothing is there"),
        ("#/components/schemas/", "nothing is there"),
        ("https://example.com/types.yaml#/Id", "only files beside the contract can be referred to"),
        ("file:///etc/passwd", "only files beside the contract can be referred to"),
        ("../../../../etc/passwd", "passwd"),
    ],
)
def test_a_reference_to_nothing_is_named_with_its_place(tmp_path: Path, reference: str, message: str) -> None:
    content = document({"/act": {"post": operation(requestBody=body({"$ref": reference}))}})

    text = refusal(tmp_path, content, types__yaml="Id: {type: integer}\nList: []\n")

    assert message in text


def test_a_list_can_be_pointed_into(tmp_path: Path) -> None:
    content = document({"/act": {"post": operation(requestBody=body({"$ref": "types.yaml#/List/1"}))}})

    contract = load(tmp_path, content, types__yaml="List: [{}, {type: integer}]")

    assert serve(contract).send("POST", json="x").status_code == 422


def test_two_things_of_one_name_are_told_apart(tmp_path: Path) -> None:
    schema = {"properties": {"a": {"$ref": "a.yaml#/Id"}, "b": {"$ref": "b.yaml#/Id"}, "c": {"$ref": "c/b.yaml#/Id"}}}
    content = document({"/act": {"post": operation(requestBody=body(schema))}})
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "b.yaml").write_text("# another\nId: {type: boolean}")

    contract = load(tmp_path, content, a__yaml="Id: {type: integer}", b__yaml="Id: {type: string}")

    components: Any = contract.document.content["components"]
    assert components["schemas"] == {"Id": {"type": "integer"}, "b_Id": {"type": "string"}, "Id_2": {"type": "boolean"}}
    assert contract.document.renamed == {
        "/components/schemas/b_Id": "b.yaml:1",
        "/components/schemas/Id_2": "c/b.yaml:2",
    }
    assert findings(serve(contract).send("POST", json={"a": 1, "b": 1, "c": True})) == [("body", "/b", "type")]


def test_a_name_that_the_contract_has_itself_stays_its_own(tmp_path: Path) -> None:
    content = document(
        {"/act": {"post": operation(requestBody=body({"$ref": "a.yaml#/Id"}))}},
        components={"schemas": {"Id": {}}, "responses": ROOT["components"]["responses"]},
    )

    contract = load(tmp_path, content, a__yaml="Id: {type: integer}")

    components: Any = contract.document.content["components"]
    assert components["schemas"] == {"Id": {}, "a_Id": {"type": "integer"}}
    assert contract.document.renamed == {"/components/schemas/a_Id": "a.yaml:1"}


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_constraint_beside_a_reference_counts_at_the_top(tmp_path: Path, *, wrapped: bool) -> None:
    wanted: Document = {"$ref": "#/components/schemas/Id", "maximum": 5}
    schemas = {"Id": {"type": "integer"}, "Wanted": wanted} if wrapped else {"Id": {"type": "integer"}}
    schema = {"$ref": "#/components/schemas/Wanted"} if wrapped else wanted
    query = {"name": "p", "in": "query", "schema": schema}
    content = document(
        {"/act": {"post": operation(requestBody=body(schema), parameters=[query])}},
        components={"schemas": schemas, "responses": ROOT["components"]["responses"]},
    )

    result = serve(load(tmp_path, content)).send("POST", json=6, params={"p": "7"})

    assert findings(result) == [("query", "/p", "maximum"), ("body", "", "maximum")]


def test_a_constraint_beside_a_reference_counts_inside_a_schema(tmp_path: Path) -> None:
    schema = {"properties": {"a": {"$ref": "#/components/schemas/Id", "maximum": 5, "description": "Small."}}}
    content = document(
        {"/act": {"post": operation(requestBody=body(schema))}},
        components={"schemas": {"Id": {"type": "integer"}}, "responses": ROOT["components"]["responses"]},
    )

    result = serve(load(tmp_path, content)).send("POST", json={"a": 6})

    assert result.json["errors"][0]["code"] == "maximum"


def test_all_of_joins_a_reference_and_a_constraint(tmp_path: Path) -> None:
    schema = {"allOf": [{"$ref": "#/components/schemas/Ids"}, {"maxItems": 2}]}
    query = {"name": "p", "in": "query", "schema": schema}
    content = document(
        {"/act": {"get": operation(parameters=[query])}},
        components={
            "schemas": {"Ids": {"type": "array", "items": {"type": "integer"}}},
            "responses": ROOT["components"]["responses"],
        },
    )
    tested = serve(load(tmp_path, content))

    assert tested.send(query_string="p=1&p=2").json["values"] == {"p": [1, 2]}
    assert tested.send(query_string="p=1&p=2&p=3").json["errors"][0]["code"] == "maxItems"
