"""The contract as a file: read, joined, checked, and ready to be served."""

import hashlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path as File

import attrs
import msgspec
from jsonschema_path import SchemaPath

from tbg.contract.bundling import Bundle, Reference
from tbg.contract.conformance import problems, unknown
from tbg.contract.exceptions import DocumentError
from tbg.contract.linting.annotations import ignored
from tbg.contract.linting.grammar import nodes
from tbg.contract.linting.keywords import Extension, extensions_in, misplaced_words
from tbg.contract.linting.remarks import Remark
from tbg.contract.lookups import path_into
from tbg.contract.pointers import Path
from tbg.contract.writing import to_yaml


@attrs.frozen
class Document:
    """An OpenAPI 3.1 document.

    Attributes:
        path: The file that people edit.
        files: Every file it is made of, ``path`` first.
        content: The whole document as plain values, references to other files joined in.
        spec: The same, with references followed.
        json: The document as JSON.
        problems: What is wrong with it, each with its path; the rest of this engine takes a document without any.
        renamed: Components from other files that could not keep their name, as pointers, with the place they come from.
        remarks: What it says and nothing reads.
        extensions: Its ``x-…`` names, for those who read them.
    """

    path: File
    files: tuple[File, ...]
    content: dict[str, object] = attrs.field(repr=False)
    spec: SchemaPath = attrs.field(repr=False)
    json: bytes = attrs.field(repr=False)
    problems: tuple[tuple[Path, str], ...]
    renamed: dict[str, str]
    remarks: tuple[Remark, ...] = attrs.field(repr=False)
    extensions: tuple[Extension, ...] = attrs.field(repr=False)
    _bundle: Bundle = attrs.field(repr=False)

    @classmethod
    def load(cls, path: File) -> "Document":
        """Read ``path`` and every file it refers to.

        Raises:
            DocumentError: A file cannot be read or understood, or is nothing of OpenAPI 3.1.
        """
        bundle = Bundle(path)
        content = bundle.document
        objects = nodes(content) if isinstance(content, dict) else []
        remarks = (*misplaced_words(objects), *ignored(objects))
        found = [*_problems(content, bundle), *((each.path, each.message) for each in remarks if each.level == "error")]
        if bundle.unreadable or not isinstance(content, dict) or unknown(content):
            raise _refusal(f"The contract {path} cannot be used:", bundle, found)
        return cls(
            path=path,
            files=bundle.files,
            content=content,
            spec=path_into(content),
            json=msgspec.json.encode(content),
            problems=tuple(found),
            renamed=bundle.renamed,
            remarks=remarks,
            extensions=tuple(extensions_in(objects)),
            bundle=bundle,
        )

    @cached_property
    def yaml(self) -> bytes:
        """The document as YAML; the very bytes of ``path`` when these say the same."""
        return self.path.read_bytes() if self._bundle.is_as_written else to_yaml(self.content)

    def suspects(self) -> "Suspects":
        """Return which parts of the document have a problem, or refer to one that has."""
        return Suspects.of([*(path for path, _ in self.problems), *self._bundle.unresolved], self._bundle.references)

    def place(self, path: Path) -> str:
        """Return file and line of what stands at ``path``, or of the nearest that is there: ``openapi.yaml:12``."""
        return self._bundle.place(path)

    def refusal(self, findings: Iterable[tuple[Path, str]]) -> DocumentError:
        """Return an error that tells all problems, and ``findings``: what this engine does not enforce."""
        if self.problems:
            return _refusal(f"The contract {self.path} cannot be used:", self._bundle, [*self.problems, *findings])
        return _refusal("The contract asks for what this engine does not enforce:", self._bundle, findings)


@attrs.frozen
class Suspects:
    """Parts of a document of which nothing should be said, because something in them is wrong already.

    Attributes:
        paths: Where something is wrong, or refers to what is.
        around: These, and everything around them.
    """

    paths: frozenset[Path]
    around: frozenset[Path]

    @classmethod
    def of(cls, wrong: Iterable[Path], references: Iterable[Reference]) -> "Suspects":
        """Follow ``references`` backwards from what is ``wrong``; the document as a whole is no part."""
        suspects = cls(frozenset(), frozenset())
        more = frozenset(path for path in wrong if path)
        while not more <= suspects.paths:
            paths = suspects.paths | more
            suspects = cls(paths, frozenset(path[:length] for path in paths for length in range(1, len(path) + 1)))
            more = frozenset(each.path for each in references if each.target in suspects)
        return suspects

    def __contains__(self, path: Path) -> bool:
        return path in self.around or any(path[:length] in self.paths for length in range(1, len(path)))


def _problems(content: object, bundle: Bundle) -> Iterable[tuple[Path, str]]:
    if isinstance(content, dict) and not unknown(content):
        return problems(content, bundle)
    missing = unknown(content)
    return [missing] if missing and not bundle.unreadable else []


def _refusal(summary: str, bundle: Bundle, findings: Iterable[tuple[Path, str]]) -> DocumentError:
    placed = [(*bundle.place(where).rpartition(":")[::2], problem) for where, problem in findings]
    in_order = sorted(placed, key=lambda each: (each[0], int(each[1])))
    lines = [*bundle.unreadable, *(f"{file}:{line}: {problem}" for file, line, problem in in_order)]
    return DocumentError(summary, list(dict.fromkeys(lines)))


def strong_etag(body: bytes) -> str:
    """Return a strong entity tag (RFC 9110, section 8.8.3) without its quotes."""
    return hashlib.sha256(body).hexdigest()[:32]
