"""The files of a contract: read once each, and searched for what references name."""

import re
from collections.abc import Container
from itertools import chain, count
from pathlib import Path as File
from urllib.parse import unquote, urljoin, urlsplit

import attrs

from tbg.contract.places import IDENTIFIERS, Source
from tbg.contract.pointers import Path, from_pointer, value_at


class UnresolvableError(Exception):
    """A reference leads nowhere; without a message, because the file's own problems say why.

    Attributes:
        lacking: What is not there, if that is known.
    """

    def __init__(self, problem: str = "", lacking: object = None) -> None:
        super().__init__(problem)
        self.lacking = lacking


@attrs.frozen
class Part:
    """Something that was read from a file, and what it is in the document.

    Attributes:
        path: Where it stands in the document.
        file: Where it was read.
        start: The place in that file.
        resource: The place in the file of the schema with an ``$id`` around it: pointers begin there (RFC 6901, 6).
        base: That ``$id``.
    """

    path: Path
    file: File
    start: Path = ()
    resource: Path = ()
    base: str = ""

    def path_in_file(self, path: Path) -> Path:
        """Return the place in the file of what stands at ``path`` of the document."""
        return (*self.start, *path[len(self.path) :])

    def at(self, path: Path) -> "Part":
        """Return the same, put at ``path`` of the document."""
        return attrs.evolve(self, path=path)

    def resource_at(self, path: Path, identifier: str) -> "Part":
        """Return the part that begins at ``path`` with a schema of that ``$id``."""
        start = self.path_in_file(path)
        return Part(path, self.file, start, start, urljoin(self.base, identifier))


class Files:
    """Every file that a contract is made of, beginning with ``path``."""

    def __init__(self, path: File) -> None:
        self._folder = path.resolve().parent
        self._sources: dict[File, Source] = {}
        self._targets: dict[tuple[File, str], File] = {}
        self._identified: dict[str, tuple[File, Path]] = {}
        self._anchors: dict[File, dict[str, Path]] = {}
        self.root = self._source(path.resolve())

    @property
    def read(self) -> tuple[File, ...]:
        """Every file that exists, in the order they were met."""
        return tuple(file for file, source in self._sources.items() if not source.missing)

    @property
    def problems(self) -> list[str]:
        """Why some cannot be read, each with its place."""
        missing = [f"{self.root.name}: {self.root.missing}"] if self.root.missing else []
        return [*missing, *(problem for source in self._sources.values() for problem in source.problems)]

    def place(self, part: Part, path: Path) -> str:
        """Return file and line of what stands at ``path`` of the document, which belongs to ``part``."""
        return self._sources[part.file].place(part.path_in_file(path))

    def find(self, reference: str, part: Part) -> tuple[Part, object]:
        """Return what ``reference``, which stands in ``part``, names: where it was read, and itself.

        Raises:
            UnresolvableError: Nothing is there, or it cannot be read.
        """
        target, _, fragment = reference.partition("#")
        file, resource = self._locate(target, part)
        source = self._source(file)
        if source.missing:
            raise UnresolvableError(f"{source.name}: {source.missing}", file)
        if source.problems:
            raise UnresolvableError
        try:
            start, value = self._point(source, resource, unquote(fragment))
        except KeyError as error:
            raise UnresolvableError("nothing is there", (file, error.args)) from None
        return Part((), file, start, resource), value

    def is_reference(self, text: str, part: Part) -> bool:
        """Tell whether ``text``, the value of a discriminator's mapping, names another file and no component."""
        target = text.partition("#")[0]
        return bool(target) and not urlsplit(target).scheme and (part.file.parent / unquote(target)).is_file()

    def own_name(self, part: Part) -> str:
        """Return the name that something has where it was read: its key, or that of its file."""
        return _as_name(str(part.start[-1])) if part.start else _as_name(part.file.stem)

    def name_for(self, part: Part, taken: Container[str]) -> str:
        """Return a name for a component: its own, else one that says from where it is, else a numbered one."""
        own = self.own_name(part)
        owner = part.file.stem if part.start else part.file.parent.name
        numbered = (f"{own}_{number}" for number in count(2))
        return next(name for name in chain((own, _as_name(f"{owner}_{own}")), numbered) if name and name not in taken)

    def _source(self, file: File) -> Source:
        if file not in self._sources:
            source = Source.read(file, file.relative_to(self._folder, walk_up=True).as_posix())
            self._sources[file] = source
            for keyword, identifier, path in _identifiers(source.content) if source.has_identifiers else ():
                if keyword == "$id":
                    self._identified.setdefault(identifier, (file, path))
                else:
                    self._anchors.setdefault(file, {}).setdefault(identifier, path)
        return self._sources[file]

    def _locate(self, target: str, part: Part) -> tuple[File, Path]:
        if not target:
            return part.file, part.resource
        if (known := self._identified.get(urljoin(part.base, target))) is not None:
            return known
        if urlsplit(target).scheme:
            raise UnresolvableError("only files beside the contract can be referred to")
        key = part.file, target
        if key not in self._targets:
            self._targets[key] = (part.file.parent / unquote(target)).resolve()
        return self._targets[key], ()

    def _point(self, source: Source, resource: Path, fragment: str) -> tuple[Path, object]:
        """Follow a fragment: a pointer from the resource or, as most tools have it, from the file; or an anchor."""
        if fragment and not fragment.startswith("/"):
            path = self._anchors.get(source.file, {})[fragment]
            return path, value_at(source.content, path)
        try:
            path, value = from_pointer(value_at(source.content, resource), fragment)
        except KeyError:
            return from_pointer(source.content, fragment)
        return (*resource, *path), value


def _as_name(text: str) -> str:
    """Write ``text`` as components may be called (OpenAPI 3.1.1, section 4.8.7.1): ``/a b -> a_b``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("_")


def _identifiers(content: object) -> list[tuple[str, str, Path]]:
    """List the ``$id``, ``$anchor`` and ``$dynamicAnchor`` in a file: keyword, value and place."""
    found: list[tuple[str, str, Path]] = []
    pending: list[tuple[Path, object]] = [((), content)]
    while pending:
        path, node = pending.pop()
        if isinstance(node, dict):
            names = (keyword for keyword in IDENTIFIERS if isinstance(node.get(keyword), str))
            found.extend((keyword, node[keyword], path) for keyword in names)
            pending.extend(((*path, key), child) for key, child in node.items())
        elif isinstance(node, list):
            pending.extend(((*path, index), child) for index, child in enumerate(node))
    return found
