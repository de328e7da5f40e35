"""A contract that declares rate limits."""

from pathlib import Path
from typing import Any

import yaml

from tbg.contract import Contract


def contract(path: Path, policies: object = None, **operations: object) -> Contract:
    """Write and load a contract with an operation for each keyword, whose ``x-rate-limit`` is the value."""
    document: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {}}
    if policies is not None:
        document["x-rate-limit-policies"] = policies
    for name, value in operations.items():
        operation: dict[str, Any] = {"operationId": name, "responses": {"200": {"description": "Done."}}}
        if value != "nothing":
            operation["x-rate-limit"] = value
        document["paths"][f"/{name}"] = {"get": operation}
    file = path / "openapi.yaml"
    file.write_text(yaml.safe_dump(document))
    return Contract.load(file)
