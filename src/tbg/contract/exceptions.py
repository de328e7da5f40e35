"""What stops the boot.

    ContractError (RuntimeError)
    ├── DocumentError   the document cannot be read, or is not valid OpenAPI 3.1
    └── MismatchError   the document and the mounted resources disagree

    UnsupportedError (ValueError)   the same while compiling, of one place; all are collected

They are RuntimeErrors because gunicorn prints the message of one and exits, instead of showing a traceback.
"""

from collections.abc import Sequence

from tbg.contract.pointers import Path


class ContractError(RuntimeError):
    """The contract cannot be served; the message lists every finding."""

    def __init__(self, summary: str, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join([summary, *(f"  - {finding}" for finding in self.findings)]))


class DocumentError(ContractError):
    """The document cannot be read, or is not the OpenAPI that this engine enforces."""


class MismatchError(ContractError):
    """The document promises what no resource serves, or the other way round."""


class UnsupportedError(ValueError):
    """Something in the document asks for what this engine does not enforce.

    Attributes:
        path: Where it stands in the document.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(problem)
        self.path = path
