"""The contract as a file: read, joined, checked, and ready to be served."""

import hashlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path as File

import attrs
import msgspec
from jsonschema_path import SchemaPath

from tbg.contract.bundling import Bundle
from tbg.contract.conformance import findings as nonconformities
from tbg.contract.exceptions import DocumentError
from tbg.contract.linting.annotations import ignored
from tbg.contract.linting.grammar import Node, nodes
from tbg.contract.linting.keywords import Extension, extensions_in, misplaced_words
from tbg.contract.linting.remarks import Remark
from tbg.contract.pointers import Path
from tbg.contract.writing import to_yaml

_NO_SEPARATOR = "\0"  # in a key: a path may hold "#", which openapi-core's own takes for two keys


@attrs.frozen
class Document:
    """A valid OpenAPI 3.1 document.

    Attributes:
        path: The file that people edit.
        files: Every file it is made of, ``path`` first.
        content: The whole document as plain values, references to other files joined in.
        spec: The same for openapi-core's factories.
        json: The document as JSON.
        renamed: Components from other files that could not keep their name, as pointers, with the place they come from.
        remarks: What it says and nothing reads.
        extensions: Its ``x-…`` names, for those who read them.
    """

    path: File
    files: tuple[File, ...]
    content: dict[str, object] = attrs.field(repr=False)
    spec: SchemaPath = attrs.field(repr=False)
    json: bytes = attrs.field(repr=False)
    renamed: dict[str, str]
    remarks: tuple[Remark, ...] = attrs.field(repr=False)
    extensions: tuple[Extension, ...] = attrs.field(repr=False)
    _bundle: Bundle = attrs.field(repr=False)

    @classmethod
    def load(cls, path: File) -> "Document":
        """Read ``path`` and every file it refers to.

        Raises:
            DocumentError: Something cannot be read or is not valid OpenAPI 3.1; all findings are listed.
        """
        bundle = Bundle(path)
        content = bundle.document
        findings, found = [*bundle.problems], list[Node]()
        if not bundle.problems or isinstance(content, dict):
            findings += [f"{bundle.place(where)}: {problem}" for where, problem in nonconformities(bundle)]
        if isinstance(content, dict):
            found = nodes(content)
        remarks = (*misplaced_words(found), *ignored(found))
        findings += [f"{bundle.place(each.path)}: {each.message}" for each in remarks if each.level == "error"]
        if findings or not isinstance(content, dict):
            raise DocumentError(f"The contract {path} cannot be used:", list(dict.fromkeys(findings)))
        return cls(
            path=path,
            files=bundle.files,
            content=content,
            spec=SchemaPath.from_dict(content, separator=_NO_SEPARATOR),
            json=msgspec.json.encode(content),
            renamed=bundle.renamed,
            remarks=remarks,
            extensions=tuple(extensions_in(found)),
            bundle=bundle,
        )

    @cached_property
    def yaml(self) -> bytes:
        """The document as YAML; the very bytes of ``path`` when these say the same."""
        return self.path.read_bytes() if self._bundle.is_as_written else to_yaml(self.content)

    def place(self, path: Path) -> str:
        """Return file and line of what stands at ``path``, or of the nearest that is there: ``openapi.yaml:12``."""
        return self._bundle.place(path)

    def refusal(self, summary: str, findings: Iterable[tuple[Path, str]]) -> DocumentError:
        """Return an error that says where each of ``findings`` stands, and each once."""
        return DocumentError(summary, list(dict.fromkeys(f"{self.place(path)}: {text}" for path, text in findings)))


def strong_etag(body: bytes) -> str:
    """Return a strong entity tag (RFC 9110, section 8.8.3) without its quotes."""
    return hashlib.sha256(body).hexdigest()[:32]
