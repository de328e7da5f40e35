"""`openapi.yaml` itself: what a consumer who generates a client, and a reader, can rely on."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tbg import __version__
from tbg.config import PROJECT_ROOT
from tbg.contract import Contract, every_remark, written

CONTRACT = Contract.load(PROJECT_ROOT / "openapi.yaml")
DOCUMENT: dict[str, Any] = CONTRACT.document.content
_SPEC = "urn:spec"
_REGISTRY = Registry().with_resource(_SPEC, DRAFT202012.create_resource(DOCUMENT))


def resolve(node: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Follow a reference into this document."""
    while isinstance(node, dict) and "$ref" in node:
        found: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def responses() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for _, _, operation in operations():
        for status, response in operation["responses"].items():
            yield operation["operationId"], status, resolve(response)


def media() -> list[Any]:
    return [
        pytest.param(content, id=f"{name} {status} {media_type}")
        for name, status, response in responses()
        for media_type, content in response.get("content", {}).items()
    ]


def errors(value: object, schema: dict[str, Any]) -> list[str]:
    """Judge a value by a schema whose references point into the document."""
    text = {"$ref": schema["$ref"].replace("#", _SPEC + "#")} if "$ref" in schema else schema
    return [error.message for error in Draft202012Validator(text, registry=_REGISTRY).iter_errors(value)]


OPERATIONS = [pytest.param(operation, id=operation["operationId"]) for _, _, operation in operations()]
RESPONSES = [pytest.param(status, response, id=f"{name} {status}") for name, status, response in responses()]


def test_these_are_the_operations_of_this_phase() -> None:
    assert {(method, path): operation["operationId"] for method, path, operation in operations()} == {
        ("get", "/health"): "getHealth",
        ("get", "/ready"): "getReadiness",
        ("get", "/version"): "getVersion",
        ("get", "/openapi.yaml"): "getContractAsYaml",
        ("get", "/openapi.json"): "getContractAsJson",
    }


def test_the_document_is_for_this_version() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert DOCUMENT["info"]["version"] == __version__
    assert DOCUMENT["info"]["title"] == "The Bitcoin Game API"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_described(operation: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in DOCUMENT["tags"]}

    assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", operation["operationId"])
    assert operation["summary"].strip()
    assert len(operation["description"]) > len(operation["summary"])
    assert len(operation["tags"]) == 1
    assert set(operation["tags"]) <= tags
    assert operation["x-rate-limit"] in {False, "default"}


def test_names_are_given_once() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]

    assert len({name.lower() for name in names}) == len(names)


def test_every_tag_is_described_and_used() -> None:
    used = {tag for _, _, operation in operations() for tag in operation["tags"]}

    assert {tag["name"] for tag in DOCUMENT["tags"]} == used
    assert all(tag["description"] for tag in DOCUMENT["tags"])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_only_the_probes_are_exempt_from_the_limit(operation: dict[str, Any]) -> None:
    exempt = operation["operationId"] in {"getHealth", "getReadiness"}

    assert operation["x-rate-limit"] == (False if exempt else "default")
    assert ("429" in operation["responses"]) is not exempt


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_documents_its_failures(operation: dict[str, Any]) -> None:
    for status in {"500", "429"} & operation["responses"].keys():
        content = resolve(operation["responses"][status])["content"]

        assert content.keys() == {"application/json", "application/problem+json"}
        assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/ApiError"}
        assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert "500" in operation["responses"]


@pytest.mark.parametrize(("status", "response"), RESPONSES)
def test_every_response_documents_its_headers(status: str, response: dict[str, Any]) -> None:
    headers = response["headers"]

    assert response["description"].endswith(".") or status == "500"
    assert resolve(headers["X-Request-Id"])["required"] is True
    if "X-RateLimit-Limit" in headers:
        assert headers.keys() >= {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
    if status == "429":
        assert resolve(headers["Retry-After"])["required"] is True


def test_whoever_finds_the_service_unavailable_learns_when_to_come_back() -> None:
    response = DOCUMENT["components"]["responses"]["ServiceUnavailable"]

    assert resolve(response["headers"]["Retry-After"])["required"] is True
    assert response["content"].keys() == {"application/json", "application/problem+json"}


@pytest.mark.parametrize("content", media())
def test_every_body_has_an_example_that_is_valid(content: dict[str, Any]) -> None:
    assert "example" in content
    assert errors(content["example"], content.get("schema", {})) == []


def headers() -> list[Any]:
    return [pytest.param(header, id=name) for name, header in DOCUMENT["components"]["headers"].items()]


@pytest.mark.parametrize("header", headers())
def test_every_header_has_a_description_and_a_valid_example(header: dict[str, Any]) -> None:
    schema = header["schema"]
    examples = schema.get("examples") or [schema["const"]]

    assert header["description"]
    assert [errors(example, schema) for example in examples] == [[]] * len(examples)


def schemas() -> Iterator[Any]:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        yield pytest.param(schema, id=name)
        for key, value in schema.get("properties", {}).items():
            yield pytest.param(value, id=f"{name}.{key}")


@pytest.mark.parametrize("schema", list(schemas()))
def test_every_schema_is_described(schema: dict[str, Any]) -> None:
    assert schema.get("description") or schema.get("items") or "$ref" in schema
    if schema.get("type") == "object" and "properties" in schema:
        assert set(schema["required"]) <= schema["properties"].keys()


@pytest.mark.parametrize("name", ["Health", "Readiness", "Version", "Contract", "ApiError", "Problem", "InputError"])
def test_what_is_answered_may_get_further_properties(name: str) -> None:
    assert DOCUMENT["components"]["schemas"][name].get("additionalProperties", True) is True


def test_nothing_is_left_to_be_said_about_it() -> None:
    assert written(CONTRACT.document, every_remark(CONTRACT.document)) == []
