"""Everything that there is to say about a contract beside what makes it none."""

from collections.abc import Iterable
from typing import Final

from tbg.contract.claims import STRICT_QUERY
from tbg.contract.document import Document
from tbg.contract.linting.advice import advice
from tbg.contract.linting.grammar import nodes
from tbg.contract.linting.keywords import Extensions, wrong_extensions
from tbg.contract.linting.remarks import Remark
from tbg.contract.linting.values import costly_schemas, wrong_values

_OWN: Final[Extensions] = {STRICT_QUERY: {"openapi", "operation"}}


def extension_remarks(document: Document, extensions: Extensions) -> list[Remark]:
    """Return where a name is meant to be one of ``extensions``, but is not, or stands where nothing reads it."""
    return _once(wrong_extensions(document.extensions, {**_OWN, **extensions}))


def every_remark(document: Document) -> list[Remark]:
    """Return everything that there is to say about a document that can be enforced."""
    content, found = document.content, nodes(document.content)
    return _once(
        [
            *document.remarks,
            *costly_schemas(document.spec, found),
            *wrong_values(document.spec, content, found),
            *advice(content, found),
        ]
    )


def written(document: Document, remarks: Iterable[Remark]) -> list[str]:
    """Return each remark in one line with its place, in the order of the files."""
    lines = [(*document.place(each.path).rpartition(":")[::2], each.message) for each in remarks]
    ordered = sorted(lines, key=lambda line: (line[0], int(line[1]) if line[1].isdecimal() else 0))
    return [f"{file}:{line}: {message}" for file, line, message in ordered]


def _once(remarks: Iterable[Remark]) -> list[Remark]:
    return list({(each.path, each.message): each for each in remarks}.values())
