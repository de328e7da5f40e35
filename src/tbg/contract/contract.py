"""A contract, ready to be enforced."""

from collections.abc import Mapping
from pathlib import Path

import attrs

from tbg.contract.document import Document
from tbg.contract.operations import Operation, compile_operations


@attrs.frozen
class Contract:
    """A document and its compiled operations by method (upper case) and path template."""

    document: Document
    operations: Mapping[tuple[str, str], Operation] = attrs.field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "Contract":
        """Read, check and compile the contract at ``path``.

        Raises:
            DocumentError: It cannot be read, is not valid, or asks for what this engine does not enforce.
        """
        document = Document.load(path)
        return cls(document, compile_operations(document.spec))

    def find(self, method: str, template: str | None) -> Operation | None:
        """Return the operation that Falcon routed a request to; HEAD is answered by GET.

        Args:
            method: The request's method.
            template: ``req.uri_template``; None when no route matched.
        """
        if template is None:
            return None
        operation = self.operations.get((method, template))
        return operation or (self.operations.get(("GET", template)) if method == "HEAD" else None)
