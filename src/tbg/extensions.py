"""The extensions of OpenAPI that this service reads, and where in a contract."""

from typing import Final

from tbg.contract import Contract, DocumentError, Extensions, extension_remarks, written
from tbg.middleware.load import PROBE
from tbg.rate_limiting.declarations import OPERATION, POLICIES

EXTENSIONS: Final[Extensions] = {OPERATION: {"operation"}, POLICIES: {"openapi"}, PROBE: {"operation"}}


def require_readable(contract: Contract) -> None:
    """See that whoever writes one of our extensions writes it so that it is read.

    Raises:
        DocumentError: A name is almost one of ours, or one of ours stands where nothing reads it.
    """
    if wrong := extension_remarks(contract.document, EXTENSIONS):
        findings = written(contract.document, wrong)
        raise DocumentError(f"The contract {contract.document.path} says what nothing would keep:", findings)
