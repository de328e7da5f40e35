"""Where the libraries that openapi-core reads documents with are wrong; `docs/contract-engine.md` lists it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema_path import SchemaPath
from openapi_spec_validator import OpenAPIV31SpecValidator

from tbg.contract import Contract
from tbg.contract.official import nonconformities

LINK: dict[str, Any] = {"operationId": "a", "server": {"url": "/"}, "parameters": {"n": 1}}


def with_link(link: dict[str, Any]) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "components": {"links": {"A": link}}}


def test_links_have_servers_and_parameters_of_any_value() -> None:
    """OpenAPI 3.1.1, section 4.8.20."""
    assert not OpenAPIV31SpecValidator(with_link(LINK)).is_valid()
    assert list(nonconformities(with_link(LINK))) == []


def test_what_stands_beside_a_reference_is_ignored() -> None:
    """OpenAPI 3.1.1, section 4.8.23."""
    document = with_link({"$ref": "#/components/links/B", "extra": 1})
    document["components"]["links"]["B"] = {"operationId": "b"}

    assert not OpenAPIV31SpecValidator(document).is_valid()
    assert list(nonconformities(document)) == []


def test_a_reference_to_itself_is_refused_and_not_followed_for_ever(tmp_path: Path) -> None:
    """JSON Schema 2020-12 core, section 9.4.1."""
    document = {"components": {"schemas": {"A": {"$ref": "#/components/schemas/A"}}}}
    path = tmp_path / "openapi.yaml"
    path.write_text(json.dumps(with_link(LINK) | document))

    with pytest.raises(RecursionError):
        (SchemaPath.from_dict(document) / "components" / "schemas" / "A").read_value()
    with pytest.raises(Exception, match="leads back to itself"):
        Contract.load(path)


@pytest.mark.parametrize(("text", "theirs", "ours"), [("no", False, "no"), ("010", 8, 10), ("1:30", 90, "1:30")])
def test_scalars_are_those_of_yaml_1_2(tmp_path: Path, text: str, theirs: object, ours: object) -> None:
    """YAML 1.2.2, section 10.3, which OpenAPI 3.1.1 asks for in section 4.2."""
    path = tmp_path / "openapi.yaml"
    path.write_text(f"openapi: 3.1.0\ninfo: {{title: T, version: '1'}}\npaths: {{}}\nx-value: {text}\n")

    assert yaml.safe_load(path.read_text())["x-value"] == theirs
    assert Contract.load(path).document.content["x-value"] == ours
