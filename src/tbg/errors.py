"""Errors that services raise or let through. They know no HTTP.

DomainError                 the message is meant for the client: it is sent as ``detail``
DatabaseUnavailableError    the database cannot serve now: the same 503 everywhere
"""


class DomainError(Exception):
    """Something the domain does not allow; the message tells the client, so it names nothing internal."""


class DatabaseUnavailableError(Exception):
    """The database cannot serve now, and a later attempt may well succeed.

    If the connection was lost during COMMIT, nobody knows whether the transaction has happened.

    Attributes:
        reason: For the log: an error's class and SQLSTATE, no address and no value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("The database is unavailable")
        self.reason = reason
