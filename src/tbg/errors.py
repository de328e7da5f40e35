"""Errors that services raise or let through. They know no HTTP.

DomainError                 the message is meant for the client: it is sent as ``detail``
DatabaseUnavailableError    the database cannot serve now: the same 503 everywhere
"""

from typing import Literal

OutageCause = Literal["away", "busy", "failed"]
"""Why a session could not do its work: the database is known to be away, too many sessions want a connection, or this
session failed by itself (its connection was lost or could not be made, a lock was not free in time)."""


class DomainError(Exception):
    """Something the domain does not allow; the message tells the client, so it names nothing internal."""


class DatabaseUnavailableError(Exception):
    """The database cannot serve now, and a later attempt may well succeed.

    If the connection was lost during COMMIT, nobody knows whether the transaction has happened.

    Attributes:
        reason: For the log: an error's class and SQLSTATE, no address and no value.
        cause: What kind of outage it is.
    """

    def __init__(self, reason: str, cause: OutageCause = "failed") -> None:
        super().__init__("The database is unavailable")
        self.reason = reason
        self.cause: OutageCause = cause
