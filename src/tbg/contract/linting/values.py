"""Examples and defaults, judged by the schemas that they illustrate."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from operator import truediv
from typing import Any, Final

from jsonschema_path import SchemaPath

from tbg.contract.linting.grammar import Node, resolve
from tbg.contract.linting.remarks import Remark
from tbg.contract.matching import parse_media_type
from tbg.contract.media_types import is_json
from tbg.contract.pointers import Path
from tbg.contract.schemas import costly, schemas_of

_SHOWN: Final = 3
"""How many findings of one value are told."""

_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def wrong_values(spec: SchemaPath, content: Mapping[str, Any], nodes: Iterable[Node]) -> Iterator[Remark]:
    """Find the examples and defaults in ``content``, whose objects are ``nodes``, that their own schemas refuse."""
    schemas = schemas_of(spec)
    for node in nodes:
        if node.kind == "schema":
            found = _of_schema(node)
        elif node.kind in {"parameter", "header", "media_type"}:
            found = _of_holder(node, content)
        else:
            continue
        for what, path, schema, value in found:
            schemas.validator(schema.value)  # makes it known; to call it would compile everything again
            if findings := schemas.judge(schema.value, value)[:_SHOWN]:
                problem = "; ".join(f"{each.pointer} {each.detail}".strip() for each in findings)
                yield Remark(path, f"the {what} breaks its schema: {problem}", "advice")


def costly_schemas(spec: SchemaPath, nodes: Iterable[Node]) -> Iterator[Remark]:
    """Find the schemas of bodies and parameters of which some values would take too long to judge."""
    for node in nodes:
        is_body = node.kind == "media_type" and not {"requestBody", "requestBodies"}.isdisjoint(node.path)
        schema = _schema(node) if is_body or node.kind == "parameter" else None
        if schema is None:
            continue
        for reason in costly(spec, reduce(truediv, schema.path, spec)):
            message = f"some values would take too long to judge, so they are refused: {reason}"
            yield Remark(schema.path, message, "advice")


Value = tuple[str, Path, Node, object]
"""What it is (a default, an example), where it stands, its schema, and the value."""


def _of_schema(node: Node) -> Iterator[Value]:
    for keyword in ("default", "example"):
        if keyword in node.value:
            yield keyword, (*node.path, keyword), node, node.value[keyword]
    examples = node.value.get("examples")
    for index, value in enumerate(examples if isinstance(examples, list) else ()):
        yield "example", (*node.path, "examples", index), node, value


def _schema(node: Node) -> Node | None:
    return next((child for child in node.children() if child.path[-1] == "schema"), None)


def _of_holder(node: Node, content: Mapping[str, Any]) -> Iterator[Value]:
    """Yield the examples beside a schema; of other media types than JSON, those that are not the text itself."""
    schema = _schema(node)
    if schema is None:
        return
    holds: Callable[[object], bool] = lambda _: True  # noqa: E731 - a constant
    if node.kind == "media_type":
        media_type = parse_media_type(str(node.path[-1]))[0]
        if not is_json(media_type) and media_type not in _FORMS:
            holds = lambda value: not isinstance(value, str) or schema.value.get("type") == "string"  # noqa: E731 - the same
    if "example" in node.value and holds(node.value["example"]):
        yield "example", (*node.path, "example"), schema, node.value["example"]
    for child in node.children():
        if child.kind == "example":
            example = resolve(content, child) or child
            if "value" in example.value and holds(example.value["value"]):
                yield "example", (*example.path, "value"), schema, example.value["value"]
