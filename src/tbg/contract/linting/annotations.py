"""What a contract says and no verdict depends on, though its author may think so."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tbg.contract.formats import is_asserted
from tbg.contract.linting.grammar import Node, resolve
from tbg.contract.linting.remarks import Remark
from tbg.contract.pointers import Path

_MOST_HOPS: Final = 20
_VERDICTS: Final = {
    "readOnly": "is readOnly, but required of requests, too (in OpenAPI 3.1): leave it out of 'required'",
    "writeOnly": "is writeOnly, but required of responses, too (in OpenAPI 3.1): leave it out of 'required'",
}


def ignored(nodes: Iterable[Node]) -> Iterator[Remark]:
    """Find formats that nothing checks, each once, and headers that OpenAPI ignores."""
    formats = dict[str, Node]()
    for node in nodes:
        name = node.value.get("format") if node.kind == "schema" else None
        if isinstance(name, str) and not is_asserted(name):
            formats.setdefault(name, node)
        elif node.kind == "header" and _is_ignored(node.path):
            message = "is ignored (OpenAPI 3.1.1, sections 4.8.15 and 4.8.17): 'content' has the media types"
            yield Remark(node.path, f"the header {node.path[-1]} {message}", "warning")
    for name, node in formats.items():
        message = f"the format '{name}' is an annotation: nothing checks it, here and elsewhere"
        yield Remark((*node.path, "format"), message, "warning")


def _is_ignored(path: Path) -> bool:
    is_in_use = path[-2] == "headers" and path[:-1] != ("components", "headers")
    return is_in_use and str(path[-1]).lower() == "content-type"


def required_in_vain(content: Mapping[str, Any], nodes: Iterable[Node], keyword: str) -> Iterator[Remark]:
    """Find members that must be sent although nobody may choose them, or told although they are secret.

    ``readOnly`` and ``writeOnly`` are annotations (JSON Schema, validation, section 9.4; OpenAPI 3.1.1, section 4.8.24,
    "Validating readOnly and writeOnly"). In OpenAPI 3.0, what was required and ``readOnly`` was so of responses only.

    Args:
        content: The document.
        nodes: What is sent, for ``readOnly``; what is answered, for ``writeOnly``.
        keyword: One of the two.
    """
    for node in nodes:
        required = node.value.get("required") if node.kind == "schema" else None
        properties = node.value.get("properties")
        if not isinstance(required, list) or not isinstance(properties, dict):
            continue
        for name in required:
            member = properties.get(name) if isinstance(name, str) else None
            path = (*node.path, "properties", name)
            if isinstance(member, dict) and _says(content, Node("schema", path, member), keyword):
                yield Remark(path, f"{name} {_VERDICTS[keyword]}", "advice")


def _says(content: Mapping[str, Any], node: Node | None, keyword: str) -> bool:
    """Tell whether a schema, or what it refers to, has the keyword."""
    for _ in range(_MOST_HOPS):
        if node is None or keyword in node.value:
            return node is not None and node.value[keyword] is True
        node = resolve(content, node)
    return False
