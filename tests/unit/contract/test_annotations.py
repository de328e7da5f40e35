"""What no verdict depends on: ``readOnly``, ``writeOnly``, formats of other people's; and where that is said."""

from pathlib import Path

import pytest

from tbg.contract import every_remark
from tests.unit.contract.support import Document, Resource, body, document, findings, load, operation, respond, serve

USER: Document = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "name": {"type": "string"},
        "password": {"type": "string", "writeOnly": True},
    },
}


def described(request: Document, response: Document, **schemas: Document) -> Document:
    responses = {"200": {"description": "Done.", "content": {"application/json": {"schema": response}}}}
    return document(
        {"/act": {"post": operation(responses=responses, requestBody=body(request))}}, components={"schemas": schemas}
    )


def test_what_is_read_only_may_be_sent_and_what_is_required_must(tmp_path: Path) -> None:
    tested = serve(load(tmp_path, described(USER, {})))

    assert tested.send("POST", json={"id": 1, "name": "a"}).status_code == 200
    assert findings(tested.send("POST", json={"name": "a"})) == [("body", "/id", "required")]
    assert findings(tested.send("POST", json={"id": "a", "name": "a"})) == [("body", "/id", "type")]


def test_what_is_write_only_may_be_answered(tmp_path: Path) -> None:
    answer = Resource(respond(media={"id": 1, "name": "a", "password": "b"}), ["post"])

    tested = serve(load(tmp_path, described({}, USER)), {"/act": answer})

    assert tested.send("POST", json={}).status_code == 200
    assert tested.breaches == []


SECRET: Document = {"type": "string", "writeOnly": True}
REFERENCE: Document = {"$ref": "#/components/schemas/User"}
REQUEST = ("paths", "/act", "post", "requestBody", "content", "application/json", "schema")
RESPONSE = ("paths", "/act", "post", "responses", "200", "content", "application/json", "schema")
COMPONENT = ("components", "schemas", "User", "properties", "id")


@pytest.mark.parametrize(
    ("request_", "response", "places"),
    [
        (USER, {}, [(*REQUEST, "properties", "id")]),
        ({}, USER, []),
        (REFERENCE, REFERENCE, [COMPONENT]),
        ({"type": "array", "items": {"allOf": [REFERENCE, REFERENCE]}}, {}, [COMPONENT]),
        ({}, {"required": ["a"], "properties": {"a": SECRET}}, [(*RESPONSE, "properties", "a")]),
        (
            {"required": ["a", "b"], "properties": {"a": {"$ref": "#/components/schemas/Id"}}},
            {},
            [(*REQUEST, "properties", "a")],
        ),
        ({"$ref": "#/components/schemas/Loop"}, {}, []),
    ],
)
def test_what_is_required_in_vain_is_said(
    tmp_path: Path, request_: Document, response: Document, places: list[object]
) -> None:
    loop = {"required": ["next"], "properties": {"next": {"$ref": "#/components/schemas/Loop"}}}
    loaded = load(tmp_path, described(request_, response, User=USER, Id={"readOnly": True}, Loop=loop))

    said = [each.path for each in every_remark(loaded.document) if "Only, but required" in each.message]

    assert said == places


def test_what_is_an_annotation_is_said_at_boot(tmp_path: Path) -> None:
    """Each format once, and the header of a response or a part, wherever it is described."""
    schema: Document = {"properties": {"a": {"format": "x-own"}, "b": {"format": "x-own"}, "c": {"format": "uri"}}}
    content = described(schema, {})
    content["paths"]["/act"]["post"]["responses"]["200"]["headers"] = {
        "content-type": {"schema": {}},
        "X-A": {"schema": {}},
    }
    content["components"]["headers"] = {"Content-Type": {"schema": {}}}

    said = [(each.path[-2:], each.level) for each in load(tmp_path, content).document.remarks]

    assert said == [(("headers", "content-type"), "warning"), (("a", "format"), "warning")]
