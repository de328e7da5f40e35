"""Domain errors: what services raise. They know no HTTP; a feature's table gives each class its status.

DomainError     the message is meant for the client: it is sent as ``detail``
"""


class DomainError(Exception):
    """Something the domain does not allow; the message tells the client, so it names nothing internal."""
