"""The official schema of OpenAPI 3.1 documents, applied with jsonschema-rs, and its errors in words.

The schema (https://spec.openapis.org/oas/3.1/schema/2022-10-07) and the metaschema of its dialect are those that
openapi-spec-validator and openapi-schema-validator carry. Only a document that fails is looked at closely.
"""

import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jsonschema_rs import Draft202012, Draft202012Validator, Registry, ValidationError
from openapi_schema_validator._specifications import REGISTRY

from tbg.contract.pointers import Path

DIALECTS: Final = ("https://spec.openapis.org/oas/3.1/dialect/base", "https://json-schema.org/draft/2020-12/schema")
"""What schemas may be written in."""

_DOCUMENT: Final = "https://spec.openapis.org/oas/3.1/schema/2022-10-07"
_DEFINITIONS: Final = {
    "path_item": "path-item",
    "request_body": "request-body",
    "security_scheme": "security-scheme",
    "callback": "callbacks",
}
_FORMER: Final = {  # what OpenAPI 3.0 and earlier drafts of JSON Schema wrote
    ("exclusiveMinimum", bool): " (OpenAPI 3.0 had that): it is the bound itself, in the place of minimum",
    ("exclusiveMaximum", bool): " (OpenAPI 3.0 had that): it is the bound itself, in the place of maximum",
    ("items", list): " (an earlier draft had that): write prefixItems",
    ("required", bool): ": the names of required properties are listed in the schema of their object",
    ("examples", dict): ": a map of examples stands beside a schema, not in it",
    ("examples", list): ": a list of examples stands in a schema, not beside it",
}
_WORDS: Final = {"array": "a list", "object": "a mapping", "string": "text", "boolean": "true or false"}
_DECIDING: Final = frozenset({"type", "minProperties"})  # beside which nothing else is worth saying of a value
_EITHER: Final = {
    f"{_DOCUMENT}#/$defs/parameter/oneOf": "must have either 'schema' or 'content'",
    f"{_DOCUMENT}#/$defs/header/oneOf": "must have either 'schema' or 'content'",
    f"{_DOCUMENT}#/$defs/link/oneOf": "must have either 'operationRef' or 'operationId'",
    f"{_DOCUMENT}#/anyOf": "must have 'paths', 'components' or 'webhooks'",
    f"{_DOCUMENT}#/$defs/responses/minProperties": "must document a response",
}


def nonconformities(value: object, kind: str = "openapi", path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Find what is wrong with ``value``, which stands at ``path``, as an object of ``kind``, each mistake once."""
    validator = _validator(kind)
    if not validator.is_valid(value):
        for where, problem in _told_once(value, list(validator.iter_errors(value))):
            yield (*path, *where), problem


@cache
def _validator(kind: str) -> Draft202012Validator:
    start = _DOCUMENT if kind == "openapi" else f"{_DOCUMENT}#/$defs/{_DEFINITIONS.get(kind, kind)}"
    wrapper = {
        "$id": f"urn:{kind}",
        "$ref": DIALECTS[0] if kind == "schema" else start,
        "$defs": {"schema": {"$dynamicAnchor": "meta", "$ref": DIALECTS[0]}},
    }
    formats = dict.fromkeys(("uri", "uri-reference", "email"), lambda _: True) | {"regex": _is_regex}
    return Draft202012Validator(wrapper, registry=_registry(), validate_formats=True, formats=formats)


@cache
def _registry() -> Registry:
    schemas = [
        (uri, REGISTRY.contents(uri)) for uri in REGISTRY if uri.startswith("https://spec.openapis.org/oas/3.1/")
    ]
    return Registry([(_DOCUMENT, _document_schema()), *schemas], draft=Draft202012)


@cache
def _document_schema() -> dict[str, Any]:
    file = files("openapi_spec_validator") / "resources" / "schemas" / "v3.1" / "schema.json"
    schema: dict[str, Any] = json.loads(file.read_text())
    # Its later versions mend three mistakes of it: a Link Object has a server, and its parameters any value (4.8.20);
    # and what stands beside a reference is ignored, not forbidden (4.8.23).
    link = schema["$defs"]["link"]["properties"]
    link |= {"server": {"$ref": "#/$defs/server"}, "parameters": {"type": "object"}}
    del schema["$defs"]["reference"]["unevaluatedProperties"]
    return schema


def _is_regex(text: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):  # of what Python may read otherwise one day
            re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _told_once(value: object, errors: Sequence[ValidationError]) -> Iterator[tuple[Path, str]]:
    """Leave out what only follows: what is called unevaluated because something in or beside it is wrong."""
    told: set[Path] = set()
    decided: set[Path] = set()
    surplus: list[tuple[Path, ValidationError]] = []
    for error in sorted(errors, key=lambda each: each.kind.name not in _DECIDING):
        path = _path(value, error.instance_path)
        if error.kind.name == "unevaluatedProperties":
            surplus.append((path, error))
        elif path not in told or (error.kind.name == "required" and path not in decided):
            told.add(path)
            decided |= {path} if error.kind.name in _DECIDING else set()
            yield _finding(path, error)
    around = {path[:length] for path in told for length in range(len(path) + 1)}
    for path, error in surplus:
        known = _fields(_definition(error))
        kind: Any = error.kind
        names = [
            name for name in kind.unexpected if not (path in told and name in known) and (*path, name) not in around
        ]
        if names:
            where = (*path, names[0]) if len(names) == 1 else path
            yield where, _unknown(names, error, known)


def _path(value: Any, keys: Sequence[str | int]) -> Path:  # noqa: ANN401 - anything from YAML
    """Return ``keys`` as they are in ``value``: jsonschema-rs takes the key "200" for an index."""
    path: list[object] = []
    for key in keys:
        path.append(str(key) if isinstance(value, dict) else key)
        value = value[path[-1]]
    return tuple(path)


def _finding(path: Path, error: ValidationError) -> tuple[Path, str]:
    kind: Any = error.kind
    if kind.name == "propertyNames":
        return (*path, kind.error.instance), _describe(kind.error)
    return path, _describe(error)


def _describe(error: ValidationError) -> str:  # noqa: PLR0911 - one for each keyword
    kind: Any = error.kind
    if (words := _EITHER.get(error.absolute_keyword_location or "")) is not None:
        return words
    match kind.name:
        case "type":
            wanted = " or ".join(_WORDS.get(name, name) for name in kind.types)
            keyword = str(error.instance_path[-1]) if error.instance_path else ""
            return f"must be {wanted}, not {_short(error.instance)}{_FORMER.get((keyword, type(error.instance)), '')}"
        case "required":
            return f"lacks '{kind.property}'"
        case "enum":
            return f"must be one of {', '.join(map(_short, kind.options))}, not {_short(error.instance)}"
        case "format":
            return f"{_short(error.instance)} is not a '{kind.format}'"
        case "anyOf" | "oneOf":
            first = next((errors[0] for errors in kind.context if errors), None)
            return _describe(first) if first is not None else "has two forms at once"
    return _cut(error.message)


def _unknown(names: Sequence[str], error: ValidationError, known: Mapping[str, None]) -> str:
    definition = _definition(error)
    quoted = _cut(", ".join(f"'{name}'" for name in names))
    if definition == "paths":
        return f"a path must begin with a slash, unlike {quoted}"
    if definition == "responses":
        return f"{quoted}: a response must be called by a status, such as '404' or '4XX', or 'default'"
    if set(names) <= known.keys():
        return f"{quoted} has no meaning here"
    meant = get_close_matches(names[0], known, n=1)
    owner = definition.replace("-", " ") or "document"
    return f"no {owner} has {quoted}" + (f": is '{meant[0]}' meant?" if len(names) == 1 and meant else "")


def _definition(error: ValidationError) -> str:
    """Return which definition of the official schema an error comes from."""
    found = re.search(r"#/\$defs/([a-z-]+)/", error.absolute_keyword_location or "")
    return found[1] if found else ""


def _fields(definition: str) -> dict[str, None]:
    """Return the fields that objects of one definition can have, whatever else is in them."""
    schema = _document_schema()
    found: dict[str, None] = {}
    pending: list[Any] = [
        schema["$defs"][definition] if definition else schema["properties"],
        schema["$defs"]["examples"],
    ]
    if not definition:
        found |= dict.fromkeys(schema["properties"])
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            found |= dict.fromkeys(node.get("properties", ()))
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
    return found


def _short(value: object) -> str:
    return _cut(json.dumps(value, ensure_ascii=False))


def _cut(text: str, limit: int = 200) -> str:
    text = text.partition("\n")[0]
    return text if len(text) <= limit else text[: limit - 1] + "…"
