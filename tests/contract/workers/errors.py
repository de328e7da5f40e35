"""What this feature's domain does not allow.

DomainError
├── NotFoundError       no such worker or share
└── NameTakenError      another worker has this name
"""

from tbg.errors import DomainError


class NotFoundError(DomainError):
    """There is no such worker, or no such share."""


class NameTakenError(DomainError):
    """Another worker has this name."""
