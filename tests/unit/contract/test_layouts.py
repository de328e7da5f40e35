"""A contract over many files, laid out as people do it, is one document: everything once, under names that stay."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tbg.contract import Contract
from tests.unit.contract.support import findings, serve

HEAD = "openapi: 3.1.0\ninfo: {title: T, version: '1'}\n"
ERRORS = """
      4XX: {description: E, content: {application/json: {}, application/problem+json: {}}}
      5XX: {description: E, content: {application/json: {}, application/problem+json: {}}}
"""


def post(schema: str, path: str = "/act") -> str:
    """Return a path item whose operation takes JSON."""
    return f"""
  {path}:
    post:
      operationId: post{path.title().replace("/", "")}
      requestBody: {{content: {{application/json: {{schema: {schema}}}}}}}
      responses:
        '200': {{description: Done., content: {{application/json: {{}}}}}}
        4XX: {{description: E, content: {{application/json: {{}}, application/problem+json: {{}}}}}}
        5XX: {{description: E, content: {{application/json: {{}}, application/problem+json: {{}}}}}}
"""


def load(folder: Path, files: Mapping[str, str]) -> Contract:
    """Load ``openapi.yaml`` of ``files``, which are named by their paths."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Contract.load(folder / "openapi.yaml")


def schemas(contract: Contract) -> dict[str, Any]:
    components: Any = contract.document.content["components"]
    found: dict[str, Any] = components["schemas"]
    return found


def test_a_component_may_be_a_file_of_its_own_name(tmp_path: Path) -> None:
    contract = load(
        tmp_path,
        {
            "openapi.yaml": f"""{HEAD}paths: {post("{$ref: schemas/User.yaml}")}
components:
  schemas:
    User: {{$ref: ./schemas/User.yaml}}
    Size: {{$ref: schemas/_all.yaml#/Size}}
""",
            "schemas/User.yaml": "properties: {id: {$ref: Id.yaml}, size: {$ref: _all.yaml#/Size}}\n",
            "schemas/Id.yaml": "type: integer\n",
            "schemas/_all.yaml": "Size: {type: integer}\n",
        },
    )

    assert schemas(contract) == {
        "User": {
            "properties": {"id": {"$ref": "#/components/schemas/Id"}, "size": {"$ref": "#/components/schemas/Size"}}
        },
        "Size": {"type": "integer"},
        "Id": {"type": "integer"},
    }
    assert contract.document.renamed == {}
    assert findings(serve(contract).send("POST", json={"id": "x"})) == [("body", "/id", "type")]


def test_a_component_may_have_another_name_than_its_file(tmp_path: Path) -> None:
    contract = load(
        tmp_path,
        {
            "openapi.yaml": f"""{HEAD}paths: {post("{$ref: user.yaml}")}
components: {{schemas: {{Person: {{$ref: user.yaml}}, Friend: {{$ref: user.yaml}}}}}}
""",
            "user.yaml": "properties: {friend: {$ref: user.yaml}}\n",
        },
    )

    assert schemas(contract) == {
        "Person": {"properties": {"friend": {"$ref": "#/components/schemas/Person"}}},
        "Friend": {"$ref": "#/components/schemas/Person"},
    }


def test_files_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    contract = load(
        tmp_path,
        {
            "openapi.yaml": f"{HEAD}paths: {post('{$ref: orders/Item.yaml}')}{post('{$ref: users/Item.yaml}', '/b')}",
            "orders/Item.yaml": "type: integer\n",
            "users/Item.yaml": "# the other\ntype: string\n",
        },
    )

    assert schemas(contract) == {"Item": {"type": "integer"}, "users_Item": {"type": "string"}}
    assert contract.document.renamed == {"/components/schemas/users_Item": "users/Item.yaml:2"}


def test_schemas_may_go_round_in_circles_across_files(tmp_path: Path) -> None:
    contract = load(
        tmp_path,
        {
            "openapi.yaml": f"{HEAD}paths: {post('{$ref: a.yaml}')}x-c: {{$ref: a.yaml}}\n",
            "a.yaml": "properties: {b: {$ref: deep/b.yaml}}\n",
            "deep/b.yaml": "type: object\nproperties: {a: {$ref: ../a.yaml}, top: {$ref: '../openapi.yaml#/x-c'}}\n",
        },
    )

    assert findings(serve(contract).send("POST", json={"b": {"top": {"b": 1}}})) == [("body", "/b/top/b", "type")]


def test_path_items_in_files_stand_where_they_are_used(tmp_path: Path) -> None:
    item = post("{$ref: '../schemas.yaml#/A'}").split("/act:\n")[1].replace("\n    ", "\n").lstrip()
    contract = load(
        tmp_path,
        {
            "openapi.yaml": f"""{HEAD}
paths:
  /act: {{$ref: paths/act.yaml}}
  /b: {{summary: B, $ref: '#/components/pathItems/B'}}
components:
  pathItems:
    B: {{get: {{operationId: b, responses: {{'200': {{$ref: 'paths/act.yaml#/post/responses/200'}}}}}}}}
""",
            "paths/act.yaml": item,
            "schemas.yaml": "A: {type: integer}\n",
        },
    )

    served = yaml.safe_load(contract.document.yaml)
    assert served == json.loads(contract.document.json)
    assert served["paths"]["/act"]["post"]["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/A"
    }
    assert served["paths"]["/b"]["summary"] == "B"
    assert served["paths"]["/b"]["get"]["responses"]["200"] == {"$ref": "#/paths/~1act/post/responses/200"}
    assert set(contract.operations) == {("POST", "/act"), ("GET", "/b")}


def test_a_whole_map_may_be_a_file(tmp_path: Path) -> None:
    contract = load(
        tmp_path,
        {
            "openapi.yaml": f"{HEAD}paths: {{$ref: paths/all.yaml}}\ncomponents: {{schemas: {{$ref: schemas.yaml}}}}\n",
            "paths/all.yaml": post("{$ref: '../schemas.yaml#/User'}"),
            "schemas.yaml": "User: {properties: {$ref: fields.yaml}}\n",
            "fields.yaml": "id: {type: integer}\n",
        },
    )

    assert schemas(contract) == {"User": {"properties": {"id": {"type": "integer"}}}}
    assert findings(serve(contract).send("POST", json={"id": "x"})) == [("body", "/id", "type")]


def test_discriminators_refer_to_files_as_well(tmp_path: Path) -> None:
    contract = load(
        tmp_path,
        {
            "openapi.yaml": f"{HEAD}paths: {post('{$ref: Pet.yaml}')}",
            "Pet.yaml": """
oneOf: [{$ref: pets/Cat.yaml}, {$ref: pets/Dog.yaml}]
discriminator: {propertyName: kind, mapping: {cat: pets/Cat.yaml, dog: pets/Dog.yaml, bird: Bird}}
""",
            "pets/Cat.yaml": "properties: {kind: {const: cat}}\n",
            "pets/Dog.yaml": "properties: {kind: {const: dog}}\n",
        },
    )

    assert schemas(contract)["Pet"]["discriminator"]["mapping"] == {
        "cat": "#/components/schemas/Cat",
        "dog": "#/components/schemas/Dog",
        "bird": "Bird",
    }


def test_what_is_used_by_itself_is_not_said_again_where_it_came_from(tmp_path: Path) -> None:
    contract = load(
        tmp_path,
        {
            "openapi.yaml": f"{HEAD}paths: {post('{$ref: t.yaml#/A/properties/id}')}{post('{$ref: t.yaml#/A}', '/b')}",
            "t.yaml": "A: {properties: {id: {type: integer}, own: {$ref: '#/A/properties/id'}}}\n",
        },
    )

    reference = {"$ref": "#/components/schemas/id"}
    assert schemas(contract) == {"id": {"type": "integer"}, "A": {"properties": {"id": reference, "own": reference}}}


def test_json_files_may_escape_what_is_beyond_16_bits(tmp_path: Path) -> None:
    contract = load(
        tmp_path,
        {
            "openapi.yaml": f"{HEAD}paths: {post('{$ref: mood.json}')}",
            "mood.json": '{"enum": ["\\ud83d\\ude00", "\\\\ud83d\\\\ude00"]}',
        },
    )

    assert schemas(contract) == {"mood": {"enum": ["\U0001f600", "\\ud83d\\ude00"]}}


def test_anchors_and_identifiers_are_followed(tmp_path: Path) -> None:
    contract = load(
        tmp_path,
        {
            "openapi.yaml": f"""{HEAD}paths: {post("{$ref: 'https://example.com/a'}")}{post("{$ref: '#b'}", "/b")}
components:
  schemas:
    A: {{$id: 'https://example.com/a', $defs: {{x: {{type: integer}}}}, properties: {{x: {{$ref: '#/$defs/x'}}}}}}
    B: {{$anchor: b, type: array, items: {{$ref: 'https://example.com/a#/$defs/x'}}}}
""",
        },
    )
    service = serve(contract)

    assert findings(service.send("POST", json={"x": "x"})) == [("body", "/x", "type")]
    assert findings(service.send("POST", "/b", json=["x"])) == [("body", "/0", "type")]


def test_a_single_file_is_served_as_it_was_written(tmp_path: Path) -> None:
    text = f"# The contract\n{HEAD}paths: {{}} # none yet\nx-b: 1\ncomponents: {{schemas: {{B: {{}}, A: {{}}}}}}\n"

    assert load(tmp_path, {"openapi.yaml": text}).document.yaml.decode() == text


def test_several_files_are_served_in_their_order_and_with_their_lines(tmp_path: Path) -> None:
    text = "First line.\nSecond line, with 'no' and 2020-01-01.\n"
    contract = load(
        tmp_path,
        {
            "openapi.yaml": f"{HEAD}paths: {post('{$ref: z.yaml}')}x-no: 'no'\n",
            "z.yaml": f"description: {json.dumps(text)}\nallOf: [&x {{type: integer}}, *x]\n",
        },
    )

    served = contract.document.yaml.decode()
    assert "description: |\n        First line.\n        Second line" in served
    assert "&" not in served
    assert list(yaml.safe_load(served)) == ["openapi", "info", "paths", "x-no", "components"]
    assert yaml.safe_load(served) == contract.document.content


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.yaml": "type: text\n"}, "a.yaml:1: /components/schemas/a/type: must be one of"),
        ({"a.yaml": "a: b: c\n"}, "a.yaml:1: it is not YAML"),
        ({}, "$ref 'a.yaml': a.yaml: No such file or directory (1 more lead there)"),
        ({"a.yaml": "\n\n$ref: b.yaml\n"}, "a.yaml:3: $ref 'b.yaml': b.yaml: No such file"),
        ({"a.yaml": "$ref: b.yaml\n", "b.yaml": "$ref: a.yaml\n"}, "leads back to itself"),
        (
            {"a.yaml": "properties:\n  id: {type: text}\n"},
            "a.yaml:2: /components/schemas/a/properties/id/type: must be",
        ),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_own_place(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    root = f"{HEAD}paths: {post('{$ref: a.yaml}')}{post('{$ref: a.yaml}', '/b')}"

    with pytest.raises(Exception, match="cannot be used") as raised:
        load(tmp_path, {"openapi.yaml": root} | files)

    assert [line for line in str(raised.value).splitlines()[1:] if expected not in line] == []
    assert expected in str(raised.value)
