"""How many sessions a worker has at once: those with a connection, and a few that wait for one."""

from tbg.errors import DatabaseUnavailableError


class Queue:
    """Let sessions in until there are as many as can expect a connection soon.

    Args:
        size: How many sessions there may be, with and without a connection.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._sessions = 0

    def enter(self) -> None:
        """Take a place, to be given back by `leave`.

        Raises:
            DatabaseUnavailableError: There is none.
        """
        if self._sessions >= self._size:
            raise DatabaseUnavailableError("too many sessions wait for a connection", "busy")
        self._sessions += 1

    def leave(self) -> None:
        """Give a place back."""
        self._sessions -= 1
