"""Paths in a joined document, each looked up once."""

from collections.abc import Sequence
from typing import Any

from jsonschema_path import SchemaPath
from jsonschema_path.accessors import SchemaAccessor

from tbg.contract.pointers import Path, refer_to

_NO_SEPARATOR = "\0"  # in a key: a path may hold "#", which would be taken for the end of one


def path_into(content: dict[str, object]) -> SchemaPath:
    """Return the root of ``content``, whose references all lead into itself, without circles."""
    return SchemaPath(_Accessor.from_schema(content), separator=_NO_SEPARATOR)


class _Accessor(SchemaAccessor):
    """Look each place up once, from the one above it; the library begins at the root, and resolves by URI."""

    _found: dict[Path, Any] | None = None

    def __getitem__(self, parts: Sequence[Any]) -> Any:  # noqa: ANN401 - the library's signature
        found = self._found = self._found or {(): self.node}
        path = tuple(parts)
        if path not in found:
            above = self[path[:-1]]
            try:
                node = above[path[-1]] if isinstance(above, dict | list) else None
            except (LookupError, TypeError):
                node = None
            if node is None and (not isinstance(above, dict) or path[-1] not in above):
                raise KeyError(path[-1])
            while isinstance(node, dict) and isinstance(node.get("$ref"), str):
                _, node = refer_to(self.node, node["$ref"])
            found[path] = node
        return found[path]
