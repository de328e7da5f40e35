"""Join a contract that is spread over several files into one document.

What is served at ``/openapi.yaml`` must make sense to a consumer who has no other file, and generated clients take
their names from ``#/components``. So whatever a ``$ref`` names in another file is moved there, under its own name; a
component that is nothing but a reference to a file *is* what stands in that file. Path items are put where they are
used: most generators look for them nowhere else.
"""

from collections.abc import Iterator
from pathlib import Path as File
from typing import Any
from urllib.parse import quote, unquote

import attrs

from tbg.contract.files import Files, Part, UnresolvableError
from tbg.contract.pointers import Path, to_pointer, value_at
from tbg.contract.structure import COMPONENTS, children, kind_at

_SAFE_IN_FRAGMENTS = "/~!$&'()*+,;=:@?"  # RFC 3986, section 3.5


@attrs.frozen
class Reference:
    """A ``$ref`` that was followed.

    Attributes:
        path: Where it stands in the document.
        kind: What is expected there.
        target: What it refers to in the document.
        text: As it was written.
    """

    path: Path
    kind: str
    target: Path
    text: str


class Bundle:
    """One document made of ``path`` and the files it refers to.

    Attributes:
        document: What stands in ``path``, with everything else joined in.
        unreadable: Which files cannot be read, or understood, each with its place.
        problems: References that lead nowhere, each with its path.
        references: Every reference that leads somewhere.
        dialects: What ``$schema`` says, by the path of the schema.
        renamed: The components that could not keep their own name, with the place they come from.
        is_as_written: Whether the document says just what ``path`` says, in the same places.
    """

    def __init__(self, path: File) -> None:
        self._lacking: dict[object, list[tuple[Path, str]]] = {}
        self.references: list[Reference] = []
        self.dialects: dict[Path, object] = {}
        self.renamed: dict[str, str] = {}
        self.is_as_written = True
        self._files = Files(path)
        self._parts: dict[Path, Part] = {}
        self._paths: dict[tuple[File, Path], Path] = {}
        self._seen: set[int] = set()
        self._pending: list[tuple[Path, str, object, Part]] = []
        self.document = self._files.root.content
        if isinstance(self.document, dict):
            self._join(self.document)
        self.unreadable = self._files.problems
        self.problems = list(self._unresolved())

    @property
    def files(self) -> tuple[File, ...]:
        """Every file that was read, the root first."""
        return self._files.read

    def place(self, path: Path) -> str:
        """Return file and line of what stands at ``path`` of the document, or of the nearest that is there."""
        known = (path[:length] for length in range(len(path), 0, -1) if path[:length] in self._parts)
        part = self._parts.get(next(known, ()), Part((), self._files.root.file))
        return self._files.place(part, path)

    def _join(self, document: dict[str, object]) -> None:
        root = self._put((), Part((), self._files.root.file))
        self._claim(document, root)
        self._pending.append(((), "openapi", document, root))
        while self._pending:
            self._visit(*self._pending.pop())
        for reference in self.references:
            try:
                value_at(document, reference.target)
            except (LookupError, TypeError):
                self._complain(reference.path, reference.text, UnresolvableError("nothing is there", reference.target))

    def _put(self, path: Path, part: Part) -> Part:
        """Note that ``part`` of a file stands at ``path`` now."""
        self._parts[path] = part
        self._paths.setdefault((part.file, part.start), path)
        return part

    def _complain(self, path: Path, reference: str, error: UnresolvableError) -> None:
        """Note a reference that leads nowhere; those that lack the same thing are one mistake."""
        if str(error):
            problem = (*path, "$ref"), f"$ref '{reference}': {error}"
            self._lacking.setdefault(error.lacking or path, []).append(problem)

    @property
    def unresolved(self) -> list[Path]:
        """Where references stand that lead nowhere, those included that ``problems`` only counts."""
        return [path for problems in self._lacking.values() for path, _ in problems]

    def _unresolved(self) -> Iterator[tuple[Path, str]]:
        for (path, problem), *others in self._lacking.values():
            yield path, f"{problem} ({len(others)} more lead there)" if others else problem

    def _claim(self, document: dict[str, object], root: Part) -> None:
        """Let what stands in other files have the names that the components of the root give it."""
        components = document.get("components")
        part = self._include(("components",), components, root)
        for name in COMPONENTS.values():
            group = components.get(name) if isinstance(components, dict) else None
            inner = self._include(("components", name), group, part)
            for key, value in group.items() if isinstance(group, dict) else ():
                self._include(("components", name, key), value, inner, only_files=True)

    def _include(self, path: Path, node: object, part: Part, *, only_files: bool = False) -> Part:
        """Put what ``node`` refers to in its place, if it is a reference; return the part that it belongs to then."""
        on_the_way = {(part.file, part.path_in_file(path))}
        while isinstance(node, dict) and isinstance(node.get("$ref"), str):
            text = node["$ref"]
            try:
                target, value = self._files.find(text, part)
                if only_files and (
                    target.file == self._files.root.file or len(node) > 1 or self._place_of(target) is not None
                ):
                    return part
                self._replace(path, node, None if (target.file, target.start) in on_the_way else value, part)
            except UnresolvableError as error:
                if not only_files:  # else it is said where references are followed
                    self._complain(path, text, error)
                    del node["$ref"]
                return part
            on_the_way.add((target.file, target.start))
            part = self._put(path, target.at(path))
        return part

    def _replace(self, path: Path, node: dict[str, object], value: object, part: Part) -> None:
        if not isinstance(value, dict):
            raise UnresolvableError("it leads to no mapping")
        own = {key: child for key, child in node.items() if key != "$ref"}
        if both := own.keys() & value.keys():
            # OpenAPI 3.1.1, section 4.8.9.1: what such a path item means is undefined.
            raise UnresolvableError(f"{', '.join(sorted(both))} stands beside it and in what it refers to")
        node.clear()
        node.update(value | own)
        self._parts |= {(*path, key): part for key in own}
        self.is_as_written = False

    def _visit(self, path: Path, kind: str, node: object, part: Part) -> None:
        # A YAML alias is met twice, and so is what is used in two places; its references are rewritten once.
        if not isinstance(node, dict | list) or id(node) in self._seen:
            return
        self._seen.add(id(node))
        part = self._parts.get(path, part)
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            if kind in COMPONENTS and kind != "path_item":
                self._refer(path, kind, node, part)
            else:
                part = self._include(path, node, part)
        if kind == "schema" and isinstance(node, dict):
            part = self._enter_schema(path, node, part)
        self._pending.extend(
            ((*path, key), inner, child, part)
            for key, inner, child in reversed(children(kind, node))
            if isinstance(child, dict | list) and not self._has_moved(node, key, (*path, key), inner, part)
        )

    def _has_moved(self, node: Any, key: object, path: Path, kind: str, part: Part) -> bool:  # noqa: ANN401 - a mapping or a list
        """Refer to what was adopted already, so that nothing stands in the document twice."""
        if self.is_as_written or kind not in COMPONENTS or path in self._parts:
            return False
        moved = self._paths.get((part.file, part.path_in_file(path)))
        if moved in {None, path}:
            return False
        node[key] = {"$ref": _fragment(moved or ())}
        return True

    def _enter_schema(self, path: Path, node: Any, part: Part) -> Part:  # noqa: ANN401 - a mapping
        """Follow what a schema says besides ``$ref``: ``$id``, ``$schema``, and the references of a discriminator."""
        if "$schema" in node:
            self.dialects[path] = node["$schema"]
        if isinstance(node.get("$id"), str):
            part = self._put(path, part.resource_at(path, node.pop("$id")))
        discriminator = node.get("discriminator")
        mapping: Any = discriminator.get("mapping") if isinstance(discriminator, dict) else None
        for value, target in mapping.items() if isinstance(mapping, dict) else ():
            if isinstance(target, str) and self._files.is_reference(target, part):
                reference: dict[str, object] = {"$ref": target}
                self._refer((*path, "discriminator", "mapping", value), "schema", reference, part)
                mapping[value] = reference["$ref"]
        return part

    def _refer(self, path: Path, kind: str, node: dict[str, object], part: Part) -> None:
        """Rewrite the reference of ``node`` into one inside the document."""
        text = str(node["$ref"])
        try:
            target, value = self._files.find(text, part)
            place = self._place_of(target)
            if place is None:
                place = self._adopt(target, value, kind)
        except UnresolvableError as error:
            self._complain(path, text, error)
            return
        if unquote(text) != f"#{to_pointer(place)}":
            node["$ref"] = _fragment(place)
        if kind_at(place) is None:  # an extension, say: nobody else looks at what stands there
            self._pending.append((place, kind, value, target.at(place)))
        self.references.append(Reference(path, kind, place, text))

    def _place_of(self, target: Part) -> Path | None:
        """Return where ``target`` stands in the document, by itself or in something larger; None if it does not."""
        for length in range(len(target.start), -1, -1):
            if (path := self._paths.get((target.file, target.start[:length]))) is not None:
                return (*path, *target.start[length:])
        return None

    def _adopt(self, target: Part, value: object, kind: str) -> Path:
        """Move ``value`` into the components."""
        group = COMPONENTS[kind]
        components: Any = self.document.setdefault("components", {})  # type: ignore[attr-defined]  # _join saw a mapping
        if not isinstance(components, dict) or not isinstance(components.setdefault(group, {}), dict):
            raise UnresolvableError  # which is a finding of its own
        name = self._files.name_for(target, components[group])
        path = ("components", group, name)
        if name != self._files.own_name(target):
            self.renamed[to_pointer(path)] = self._files.place(target, target.path)
        components[group][name] = value
        self.is_as_written = False
        self._pending.append((path, kind, value, self._put(path, target.at(path))))
        return path


def _fragment(path: Path) -> str:
    return "#" + quote(to_pointer(path), safe=_SAFE_IN_FRAGMENTS)
