"""The connections of one worker: how many there are, and which one goes when there are too many."""

from collections.abc import Callable
from typing import Final, Protocol

import structlog

_MAX_HELD_BYTES: Final = 64 * 1024 * 1024
_MARGIN: Final = 16  # connections beyond the bound, which are busy: descriptors are kept for them
_ROOM_AGAIN: Final = 0.9

_log = structlog.stdlib.get_logger("tbg.server")


class Evictable(Protocol):
    """A connection that can be closed to make room."""

    def evict(self) -> None:
        """Close it at once."""


class Registry:
    """Keeps the number of connections within a bound, so that descriptors are left for everything else.

    When a connection comes that is one too many, the one that has waited longest without a request that is being
    answered is closed, as a server may do at any time (RFC 9112, section 9.5). So whoever opens connections and says
    nothing loses them to those who ask, and probes are answered. When all are busy, the new one is closed.

    Args:
        max_connections: How many there may be.
        max_held_bytes: How many bytes of requests that are not whole they may hold together.
        evicted: Called for each connection that is closed to make room.

    Attributes:
        is_draining: Whether the worker is about to end: no connection is kept for another request.
    """

    is_draining = False

    def __init__(
        self,
        max_connections: int,
        max_held_bytes: int = _MAX_HELD_BYTES,
        evicted: Callable[[], None] = lambda: None,
    ) -> None:
        self._max_connections = max_connections
        self._max_held_bytes = max_held_bytes
        self._evicted = evicted
        self._count = 0
        self._idle: dict[Evictable, None] = {}  # in the order in which they became idle
        self._held: dict[Evictable, int] = {}  # in the order in which they last received something
        self._held_bytes = 0
        self._is_full = False

    def add(self, connection: Evictable) -> None:
        """Count a new connection, and make room for it if it is one too many."""
        self._count += 1
        self._idle[connection] = None
        if self._count > self._max_connections:
            self._note_full()
            longest_idle = next(iter(self._idle))
            if longest_idle is not connection or self._count > self._max_connections + _MARGIN:
                self._evict(longest_idle)

    def remove(self, connection: Evictable) -> None:
        """Forget a connection that has ended."""
        self._count -= 1
        self.busy(connection)
        if self._is_full and self._count <= self._max_connections * _ROOM_AGAIN:
            self._is_full = False
            _log.info("connections.room_again", connections=self._count)

    def busy(self, connection: Evictable) -> None:
        """Note that a request of this connection is being answered."""
        self._idle.pop(connection, None)
        if connection in self._held:
            self._held_bytes -= self._held.pop(connection)

    def idle(self, connection: Evictable) -> None:
        """Note that none is."""
        self._idle[connection] = None

    def hold(self, connection: Evictable, size: int) -> None:
        """Note that a connection holds ``size`` bytes of a request that is not whole."""
        self._held_bytes += size - self._held.pop(connection, 0)
        self._held[connection] = size
        while self._held_bytes > self._max_held_bytes:
            self._evict(next(iter(self._held)))

    def _evict(self, connection: Evictable) -> None:
        self.busy(connection)
        self._evicted()
        connection.evict()

    def _note_full(self) -> None:
        if not self._is_full:
            self._is_full = True
            _log.warning("connections.full", max_connections=self._max_connections, consequence="idle ones are closed")
