"""The connections of one worker: how many there are, and which one goes when there are too many."""

import logging
from collections.abc import Callable
from typing import Protocol

_log = logging.getLogger("tbg.server")


class Evictable(Protocol):
    """A connection that can be closed to make room."""

    def evict(self) -> None:
        """Close it: no request of it is being answered."""


class Registry:
    """Keeps the number of connections within a bound, so that descriptors are left for everything else.

    When a connection comes that is one too many, the one that has been without a request for longest is closed, as a
    server may do at any time (RFC 9112, section 9.5). So whoever opens connections and says nothing loses them to those
    who ask, and probes are always answered.

    Args:
        max_connections: How many there may be.
        max_held_bytes: How many bytes of requests that are not whole they may hold together.
        evicted: Called for each connection that is closed to make room.

    Attributes:
        count: How many there are.
    """

    def __init__(
        self,
        max_connections: int,
        max_held_bytes: int = 64 * 1024 * 1024,
        evicted: Callable[[], None] = lambda: None,
    ) -> None:
        self.max_connections = max_connections
        self.max_held_bytes = max_held_bytes
        self.count = 0
        self._evicted = evicted
        self._held: dict[Evictable, int] = {}
        self._held_bytes = 0
        self._idle: dict[Evictable, None] = {}  # in the order in which they became idle
        self._is_full = False

    def add(self, connection: Evictable) -> None:
        """Count a new connection, and close an idle one if it is one too many."""
        self.count += 1
        if self.count > self.max_connections:
            self._make_room()
        self._idle[connection] = None

    def remove(self, connection: Evictable) -> None:
        """Forget a connection that has ended."""
        self.count -= 1
        self._idle.pop(connection, None)
        self._held_bytes -= self._held.pop(connection, 0)
        if self._is_full and self.count <= self.max_connections * 0.9:
            self._is_full = False
            _log.info("The worker has room for connections again", extra={"connections": self.count})

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
        if size:
            self._held[connection] = size
        while self._held_bytes > self.max_held_bytes and self._held:
            self._evict(next(iter(self._held)))

    def _make_room(self) -> None:
        if not self._is_full:
            self._is_full = True
            _log.warning(
                "The worker has as many connections as it may: idle ones are closed for new ones",
                extra={"connections": self.count, "max_connections": self.max_connections},
            )
        longest_idle = next(iter(self._idle), None)
        if longest_idle is not None:
            self._evict(longest_idle)

    def _evict(self, connection: Evictable) -> None:
        self._idle.pop(connection, None)
        self._held_bytes -= self._held.pop(connection, 0)
        self._evicted()
        connection.evict()
