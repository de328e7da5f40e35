"""Which kind of object stands where in an OpenAPI document (OpenAPI 3.1.1, section 4.8).

A kind is a name (``"response"``), a list of one kind (``"[parameter]"``), or a map from names of people's choice to one
kind (``"{response}"``). What the table does not know is nobody's object: examples, defaults, extensions.
"""

from collections.abc import Mapping, Sequence
from typing import Final

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_HEADER: Final = {"schema": "schema", "content": "{media_type}", "examples": "{example}"}
_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "openapi": {
        "info": "info",
        "servers": "[server]",
        "paths": "paths",
        "webhooks": "{path_item}",
        "components": "components",
        "tags": "[tag]",
    },
    "components": {
        "schemas": "{schema}",
        "responses": "{response}",
        "parameters": "{parameter}",
        "examples": "{example}",
        "requestBodies": "{request_body}",
        "headers": "{header}",
        "securitySchemes": "{security_scheme}",
        "links": "{link}",
        "callbacks": "{callback}",
        "pathItems": "{path_item}",
    },
    "path_item": {"parameters": "[parameter]", **dict.fromkeys(METHODS, "operation")},
    "operation": {
        "parameters": "[parameter]",
        "requestBody": "request_body",
        "responses": "responses",
        "callbacks": "{callback}",
    },
    "parameter": _HEADER,
    "header": _HEADER,
    "request_body": {"content": "{media_type}"},
    "response": {"headers": "{header}", "content": "{media_type}", "links": "{link}"},
    "media_type": {"schema": "schema", "examples": "{example}", "encoding": "{encoding}"},
    "encoding": {"headers": "{header}"},
    "schema": {
        **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), "[schema]"),
        **dict.fromkeys(("properties", "patternProperties", "dependentSchemas", "$defs", "definitions"), "{schema}"),
        **dict.fromkeys(("items", "contains", "unevaluatedItems", "contentSchema"), "schema"),
        **dict.fromkeys(("additionalProperties", "propertyNames", "unevaluatedProperties"), "schema"),
        **dict.fromkeys(("not", "if", "then", "else"), "schema"),
    },
}
# Maps whose names are the specification's, so that what begins with "x-" is an extension.
_PATTERNED: Final = {"paths": "path_item", "responses": "response", "callback": "path_item"}

COMPONENTS: Final[Mapping[str, str]] = {kind[1:-1]: name for name, kind in _FIELDS["components"].items()}
"""By kind of what can be referred to, the map of the Components Object that holds it."""


def child_kind(kind: str, key: object) -> str | None:
    """Return the kind of what stands under ``key`` of an object of ``kind``, or None: nobody knows."""
    if kind[0] in "{[":
        return kind[1:-1]
    if kind in _PATTERNED:
        return None if str(key).startswith("x-") else _PATTERNED[kind]
    return _FIELDS[kind].get(str(key)) if kind in _FIELDS else None


def children(kind: str, node: object) -> list[tuple[object, str, object]]:
    """List what stands in an object or list of ``kind``, in its order: key, kind and value."""
    if isinstance(node, dict):
        if kind in _FIELDS:
            fields = _FIELDS[kind]
            return [(key, fields[key], value) for key, value in node.items() if key in fields]
        if kind[0] == "{":
            inner = kind[1:-1]
            return [(key, inner, value) for key, value in node.items()]
        if kind in _PATTERNED:
            inner = _PATTERNED[kind]
            return [(key, inner, value) for key, value in node.items() if not key.startswith("x-")]
    elif isinstance(node, list) and kind[0] == "[":
        inner = kind[1:-1]
        return [(index, inner, value) for index, value in enumerate(node)]
    return []


def kind_at(path: Sequence[object]) -> str | None:
    """Return the kind of what stands at ``path`` of a document, or None: nobody knows."""
    kind: str | None = "openapi"
    for key in path:
        kind = child_kind(kind, key) if kind else None
    return kind
