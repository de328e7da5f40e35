"""A contract, ready to be enforced."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import attrs

from tbg.contract.compiling import compile_operations
from tbg.contract.document import Document
from tbg.contract.linting.examination import extension_remarks, written
from tbg.contract.linting.keywords import Extensions
from tbg.contract.linting.remarks import Remark
from tbg.contract.operations import Operation
from tbg.contract.schemas import schemas_of
from tbg.contract.unread import unread_bodies

_NO_EXTENSIONS: Final[Extensions] = MappingProxyType({})


@attrs.frozen
class Contract:
    """A document and its compiled operations by method (upper case) and path template."""

    document: Document
    operations: Mapping[tuple[str, str], Operation] = attrs.field(repr=False)
    _routes: Mapping[tuple[str, str | None], Operation] = attrs.field(init=False, repr=False)

    @_routes.default
    def _with_head(self) -> Mapping[tuple[str, str | None], Operation]:
        routes: dict[tuple[str, str | None], Operation] = {}
        for (method, path), operation in self.operations.items():
            routes[method, path] = operation
            if method == "GET":
                routes.setdefault(("HEAD", path), operation)
        return routes

    @classmethod
    def load(cls, path: Path, extensions: Extensions = _NO_EXTENSIONS) -> "Contract":
        """Read, check and compile the contract at ``path``.

        Args:
            path: The contract's file.
            extensions: Those that the caller reads: what is wrong with them is told with what else is wrong.

        Raises:
            DocumentError: It cannot be read, is not valid, or asks for what this engine does not enforce.
        """
        document = Document.load(path)
        operations, findings = compile_operations(document)
        if document.problems or findings:
            wrong = [(each.path, each.message) for each in extension_remarks(document, extensions)]
            raise document.refusal([*findings, *wrong])
        try:
            schemas_of(document.spec).compile()
        except ValueError as error:
            raise document.refusal([((), str(error))]) from error
        return cls(document, operations)

    @property
    def remarks(self) -> list[Remark]:
        """What the document says and nothing reads."""
        return [*self.document.remarks, *unread_bodies(self.operations.values())]

    @property
    def warnings(self) -> list[str]:
        """The same, each in one line with its place."""
        return written(self.document, self.remarks)

    @property
    def response_headers(self) -> frozenset[str]:
        """The names of all headers that responses document, as the contract writes them."""
        rules = (rule for each in self.operations.values() for rule in each.responses.values())
        return frozenset(header.name for rule in rules for header in rule.headers)

    def find(self, method: str, template: str | None) -> Operation | None:
        """Return the operation that Falcon routed a request to; HEAD is answered by GET.

        Args:
            method: The request's method.
            template: ``req.uri_template``; None when no route matched.
        """
        return self._routes.get((method, template))
