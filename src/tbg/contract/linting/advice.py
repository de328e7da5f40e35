"""What an author wants to know before clients are generated and strangers send: no mistakes, but consequences."""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Final

from tbg.contract.linting.annotations import required_in_vain
from tbg.contract.linting.grammar import Node, reached, resolve
from tbg.contract.linting.remarks import Remark
from tbg.contract.pointers import Path

_IN_PLACE: Final = ("allOf", "anyOf", "oneOf", "if", "then", "else", "not")
"""What applies to the same value as the schema around it."""

_BOUNDED_FORMATS: Final = frozenset({"date", "date-time", "time", "uuid", "ipv4", "ipv6", "binary", "byte"})
"""Formats whose texts are short, and files, which the limit of a body bounds."""

_TAKEN: Final = frozenset(
    {
        # Classes that every page and every TypeScript file has, and names that Python and Go need for their own.
        *("error", "object", "array", "string", "number", "boolean", "function", "symbol", "date", "map", "set"),
        *("promise", "proxy", "record", "partial", "request", "response", "headers", "event", "file", "blob"),
        *("exception", "type", "list", "dict", "none", "any", "optional", "interface", "class", "enum"),
    }
)


def advice(content: Mapping[str, Any], nodes: Iterable[Node]) -> Iterator[Remark]:
    """Find what is allowed and yet unwise in ``content``, whose objects are ``nodes``."""
    nodes = list(nodes)
    operations = [node for node in nodes if node.kind == "operation" and node.path[0] == "paths"]
    asked = reached(content, _asked(nodes, operations))
    answered = reached(content, _answered(operations))
    for finders in (
        _tags(content, operations),
        _unused(content, nodes),
        _unbounded(content, asked),
        _closed(answered),
        required_in_vain(content, asked, "readOnly"),
        required_in_vain(content, answered, "writeOnly"),
        _same_names(content, nodes),
        _clients(nodes),
    ):
        yield from finders


def _asked(nodes: Iterable[Node], operations: Iterable[Node]) -> Iterator[Node]:
    """Yield what is sent to the service: each operation's parameters and body."""
    for node in (*operations, *(node for node in nodes if node.kind == "path_item" and node.path[0] == "paths")):
        yield from (child for child in node.children() if child.kind in {"parameter", "request_body"})


def _answered(operations: Iterable[Node]) -> Iterator[Node]:
    for operation in operations:
        for child in operation.children():
            if child.kind == "responses":
                yield from child.children()


def _tags(content: Mapping[str, Any], operations: Iterable[Node]) -> Iterator[Remark]:
    declared = dict[Hashable, int]()
    tags = content.get("tags")
    for index, tag in enumerate(tags if isinstance(tags, list) else ()):
        name = tag.get("name") if isinstance(tag, dict) else None
        if isinstance(name, str) and declared.setdefault(name, index) != index:
            yield Remark(("tags", index, "name"), f"the tag {name!r} is declared twice", "advice")
    told = set[str]()
    for operation in operations:
        named = operation.value.get("tags")
        for index, name in enumerate(named if isinstance(named, list) else ()):
            if isinstance(name, str) and name not in declared and name not in told:
                told.add(name)
                yield Remark((*operation.path, "tags", index), f"the tag {name!r} is not declared in tags", "advice")


def _unused(content: Mapping[str, Any], nodes: Iterable[Node]) -> Iterator[Remark]:
    """Find components that nothing outside of them leads to."""
    components = content.get("components")
    if not isinstance(components, dict):
        return
    roots = [node for node in nodes if node.path and node.path[0] != "components"]
    used = {id(node.value) for node in reached(content, roots)} | set(_named(content, nodes))
    for kind, named in components.items():
        if kind == "securitySchemes" or not isinstance(named, dict):
            continue
        for name, value in named.items():
            if isinstance(value, dict) and id(value) not in used:
                yield Remark(("components", kind, name), "nothing uses this component", "advice")


def _named(content: Mapping[str, Any], nodes: Iterable[Node]) -> Iterator[int]:
    """Yield the schemas that only a discriminator's mapping leads to (4.8.25): by name or by reference."""
    schemas = content["components"].get("schemas")
    for node in nodes:
        discriminator = node.value.get("discriminator") if node.kind == "schema" else None
        mapping = discriminator.get("mapping") if isinstance(discriminator, dict) else None
        for name in mapping.values() if isinstance(mapping, dict) else ():
            key = str(name).removeprefix("#/components/schemas/")
            if isinstance(schemas, dict) and isinstance(schemas.get(key), dict):
                yield id(schemas[key])


def _unbounded(content: Mapping[str, Any], asked: Iterable[Node]) -> Iterator[Remark]:
    """Find what a stranger may make as large as the body's limit allows."""
    for node in asked:
        if node.kind != "schema" or "$ref" in node.value or (node.path and _is_in_place(node.path)):
            continue
        facts = _facts(content, node)
        missing = [text for is_open, text in _BOUNDS if is_open(facts)]
        if missing:
            yield Remark(node.path, f"what a client sends here has no bound: {', '.join(missing)}", "advice")


def _is_in_place(path: Path) -> bool:
    """Tell whether a schema stands where another one bounds the same value, too."""
    return path[-1] in _IN_PLACE or (len(path) > 1 and path[-2] in _IN_PLACE and isinstance(path[-1], int))


def _facts(content: Mapping[str, Any], node: Node) -> Mapping[str, Any]:
    """Return the keywords of a schema with those of all that applies to the same value by `allOf` and `$ref`."""
    facts = dict(node.value)
    for part in (child for child in node.children() if len(child.path) > 1 and child.path[-2] == "allOf"):
        target = resolve(content, part)
        facts = {**part.value, **(target.value if target else {}), **facts}
    return facts


def _allows(facts: Mapping[str, Any], kind: str) -> bool:
    types = facts.get("type")
    return (types == kind or (isinstance(types, list) and kind in types)) and not {"enum", "const"} & facts.keys()


def _open_text(facts: Mapping[str, Any]) -> bool:
    if not _allows(facts, "string") or "maxLength" in facts or facts.get("format") in _BOUNDED_FORMATS:
        return False
    pattern = facts.get("pattern")
    return not (isinstance(pattern, str) and _has_an_end(pattern))


def _has_an_end(pattern: str) -> bool:
    """Tell whether what a pattern matches can be only so long."""
    is_anchored = pattern.startswith("^") and pattern.endswith("$")
    return is_anchored and not re.search(
        r"(?<!\\)(?:\\\\)*(?:[*+]|\{\d+,\})", re.sub(r"\[(?:\\.|[^\]])*\]", "x", pattern)
    )


_BOUNDS: Final[tuple[tuple[Callable[[Mapping[str, Any]], bool], str], ...]] = (
    (_open_text, "maxLength"),
    (lambda facts: _allows(facts, "array") and "maxItems" not in facts, "maxItems"),
    (
        lambda facts: (
            _allows(facts, "object")
            and "maxProperties" not in facts
            and facts.get("additionalProperties", facts.get("unevaluatedProperties", True)) is not False
            and facts.get("propertyNames", True) is not False
        ),
        "additionalProperties: false or maxProperties",
    ),
)


def _closed(answered: Iterable[Node]) -> Iterator[Remark]:
    """Find answers that can never get another field: generated clients refuse what is not there today."""
    for node in answered:
        for keyword in ("additionalProperties", "unevaluatedProperties") if node.kind == "schema" else ():
            if node.value.get(keyword) is False and node.value.get("properties"):
                message = (
                    "an answer is closed, so generated clients that run today refuse the first property that is added: "
                    "leave it open (what is asked is better closed: give it a schema of its own)"
                )
                yield Remark((*node.path, keyword), message, "advice")


def _same_names(content: Mapping[str, Any], nodes: Iterable[Node]) -> Iterator[Remark]:
    """Find names that are one in some language: classes, functions and fields are written in its own way."""
    components = content.get("components")
    schemas = components.get("schemas") if isinstance(components, dict) else None
    if isinstance(schemas, dict):
        named = [(("components", "schemas", name), str(name)) for name in schemas]
        yield from _collisions("schema", named)
        for path, name in named:
            if _plain(name) in _TAKEN:
                message = f"{name} is a name that languages have for something of their own: generated clients collide"
                yield Remark(path, message, "advice")
    ids = [((*node.path, "operationId"), node.value.get("operationId")) for node in nodes if node.kind == "operation"]
    yield from _collisions("operationId", [(path, name) for path, name in ids if isinstance(name, str)])
    for node in nodes:
        properties = node.value.get("properties") if node.kind == "schema" else None
        if isinstance(properties, dict):
            yield from _collisions("property", [((*node.path, "properties", name), str(name)) for name in properties])


def _collisions(what: str, named: Iterable[tuple[Path, str]]) -> Iterator[Remark]:
    spelt = defaultdict[str, list[str]](list)
    for path, name in named:
        others = spelt[_plain(name)]
        if others and name not in others:
            yield Remark(path, f"the {what} {name} is the same as {others[0]} in generated clients", "advice")
        others.append(name)


def _plain(name: str) -> str:
    """Return a name without what a generator changes: case, hyphens, underscores, dots."""
    return re.sub(r"[^0-9a-z]", "", name.lower()) or name


def _clients(nodes: Iterable[Node]) -> Iterator[Remark]:
    """Find what generated clients make something poor of."""
    for node in nodes:
        if node.kind == "media_type" and node.path[-2:-1] == ("content",) and "schema" not in node.value:
            yield Remark(node.path, "there is no schema: generated clients lose the body", "advice")
        elif node.kind == "parameter" and "content" in node.value:
            message = "generated clients send a parameter with content wrongly: give it a schema and a style"
            yield Remark((*node.path, "content"), message, "advice")
        elif node.kind == "schema":
            yield from _poor_types(node)


def _poor_types(node: Node) -> Iterator[Remark]:
    value, is_named = node.value, node.path[:-1] == ("components", "schemas")
    choices = value.get("enum")
    if isinstance(choices, list) and not is_named and sum(isinstance(each, str) for each in choices) > 1:
        message = "an enum without a name: generated clients make one up, so put it into #/components/schemas"
        yield Remark((*node.path, "enum"), message, "advice")
    if _allows(value, "integer") and value.get("format") not in {"int32", "int64"}:
        yield Remark(
            node.path, "an integer without format: int32 or int64: any may come, and clients choose a size", "advice"
        )
    pattern = value.get("pattern")
    if isinstance(pattern, str) and not re.search(r"(?<!\\)\$|\\Z|\^", pattern):
        message = "the pattern is not anchored, so it may match anywhere: write ^…$"
        yield Remark((*node.path, "pattern"), message, "advice")
