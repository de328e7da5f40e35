"""Join a contract that is spread over several files into one document.

What is served at ``/openapi.yaml`` must make sense to a consumer who has no other file, and generated clients take
their names from ``#/components``. So whatever a ``$ref`` names in another file is moved there, under its own name.
"""

import re
from pathlib import Path
from urllib.parse import unquote

from tbg.contract.pointers import follow, keyword_at, to_pointer, walk
from tbg.contract.yaml12 import load_yaml

# What stands under a keyword belongs to this kind of component; everything else is a schema.
_KINDS = {kind: kind for kind in ("parameters", "responses", "headers", "examples", "links", "callbacks")} | {
    "paths": "pathItems",
    "pathItems": "pathItems",
    "requestBody": "requestBodies",
    "requestBodies": "requestBodies",
    "securitySchemes": "securitySchemes",
}


class Bundle:
    """One document made of ``path`` and the files it refers to; ``problems`` lists what could not be joined."""

    def __init__(self, path: Path) -> None:
        self.problems: list[str] = []
        self.files: dict[Path, object] = {}
        self._origins: dict[tuple[str, str], str] = {}
        self._joined: set[int] = set()
        self._root_file = path.resolve()
        self.document = self._read(self._root_file)
        if isinstance(self.document, dict):
            self._join(self.document, self._root_file)

    def _read(self, file: Path) -> object:
        if file not in self.files:
            try:
                self.files[file] = load_yaml(file)
            except (OSError, ValueError) as error:
                self.files[file] = None
                self.problems.append(f"{file.name}: {error}")
        return self.files[file]

    def _join(self, node: object, file: Path, place: tuple[object, ...] = ()) -> None:
        """Rewrite every reference below ``node``, which was read from ``file``, into one inside the document."""
        for path, mapping in list(walk(node, place)):
            reference = mapping.get("$ref")
            # A YAML alias, or a schema adopted inside an adopted one, is met twice but rewritten once.
            if isinstance(reference, str) and id(mapping) not in self._joined:
                self._joined.add(id(mapping))
                mapping["$ref"] = self._resolve(reference, file, path)

    def _resolve(self, reference: str, file: Path, path: tuple[object, ...]) -> str:
        target, _, pointer = reference.partition("#")
        if "://" in target:
            return self._complain(reference, file, path, "only files beside the contract can be referred to")
        target_file = (file.parent / unquote(target)).resolve() if target else file
        try:
            value = follow(self._read(target_file), unquote(pointer))
        except KeyError:
            return self._complain(reference, file, path, "nothing is there")
        if target_file == self._root_file:
            return f"#{pointer}"
        return self._adopt(value, target_file, pointer, _kind(path))

    def _complain(self, reference: str, file: Path, path: tuple[object, ...], problem: str) -> str:
        self.problems.append(f"{file.name}#{to_pointer(path)}: $ref '{reference}': {problem}")
        return reference

    def _adopt(self, value: object, file: Path, pointer: str, kind: str) -> str:
        """Move ``value`` to ``#/components/<kind>/<its name>`` once and return that reference."""
        name = _component_name(pointer) or file.stem
        origin = f"{file}#{pointer}"
        adopted = f"#/components/{kind}/{name}"
        if self._origins.setdefault((kind, name), origin) != origin:
            self.problems.append(
                f"{adopted}: two different things have this name: {origin}, {self._origins[kind, name]}"
            )
            return adopted
        components = self.document.setdefault("components", {}).setdefault(kind, {})  # type: ignore[attr-defined]  # _join saw a dict
        if name not in components:
            components[name] = value
            self._join(value, file, ("components", kind, name))
        elif components[name] is not value:
            self.problems.append(f"{adopted}: stands in the contract and again in {file.name}")
        return adopted


def _component_name(pointer: str) -> str:
    """Return what a pointer's last segment is called among components: ``/paths/~1health -> health``."""
    segment = unquote(pointer).rsplit("/", 1)[-1].replace("~1", "/").replace("~0", "~")
    return re.sub(r"[^A-Za-z0-9._-]+", "_", segment).strip("_")


def _kind(path: tuple[object, ...]) -> str:
    return _KINDS.get(keyword_at(path)[0], "schemas")
