"""A contract, ready to be enforced."""

from collections.abc import Mapping
from pathlib import Path

import attrs

from tbg.contract.document import Document
from tbg.contract.exceptions import DocumentError
from tbg.contract.linting import boot_remarks, written
from tbg.contract.operations import Operation, compile_operations


@attrs.frozen
class Contract:
    """A document and its compiled operations by method (upper case) and path template.

    Attributes:
        warnings: What the document says and nobody reads, each in one line with its place.
    """

    document: Document
    operations: Mapping[tuple[str, str], Operation] = attrs.field(repr=False)
    warnings: tuple[str, ...] = attrs.field(default=(), repr=False)
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
    def load(cls, path: Path) -> "Contract":
        """Read, check and compile the contract at ``path``.

        Raises:
            DocumentError: It cannot be read, is not valid, or asks for what this engine does not enforce.
        """
        document = Document.load(path)
        operations = compile_operations(document.spec)
        remarks = boot_remarks(document)
        errors = [each for each in remarks if each.level == "error"]
        if errors:
            raise DocumentError(f"The contract {path} says what nothing would keep:", written(document, errors))
        return cls(document, operations, tuple(written(document, remarks)))

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
