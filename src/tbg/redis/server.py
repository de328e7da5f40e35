"""The connections to one server: made in the background, before a request needs one, and never by a request."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal, Protocol

from redis.exceptions import ConnectionError as RedisConnectionError

from tbg.redis.background import Background
from tbg.redis.channel import Channel
from tbg.redis.connector import Address, Connector, Words

Event = Literal["made", "ended", "failed"]

SPARE: Final = 2
_HEDGE_SECONDS: Final = 1.0  # after which another attempt is made beside one that has not ended
_PAUSES: Final = (0.1, 0.2, 0.4, 0.8, 1.0)  # after failures in a row
_PAUSE_SECONDS: Final = 0.25  # for each connection that is silent: another one will most likely be, too
_UNUSED_SECONDS: Final = 60.0


class User(Protocol):
    """Who needs the connections."""

    def ready(self) -> None:
        """There is one more that nobody uses."""

    def unreachable(self, reason: Exception) -> None:
        """There is none, and an attempt to make one has failed."""


class Server:
    """Keep some connections to a server ready, and make new ones for those that are in use, slow or lost.

    Args:
        connector: Makes them.
        first: What they begin with; an error in answer to it is a failure.
        event: Is told what happens to connections, for the metrics: ``made``, ``failed`` or ``ended``.

    Attributes:
        address: Where the server is; nothing is done while nobody knows.
    """

    def __init__(
        self, connector: Connector, first: Words, address: Address | None, event: Callable[[Event], None]
    ) -> None:
        self._connector = connector
        self._first = first
        self.address = address
        self._event = event
        self._free: list[Channel] = []  # the one that was used last is the last
        self._all: set[Channel] = set()
        self._silent: set[Channel] = set()
        self._attempts: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._pause_until = 0.0
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._user: User | None = None
        self._tasks = Background()

    def serve(self, user: User) -> None:
        """Tell somebody what happens."""
        self._user = user

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, in use or not."""
        return bool(self._all)

    @property
    def free(self) -> int:
        """How many connections nobody uses."""
        return len(self._free)

    def start(self) -> None:
        """Begin to make connections, unless that has begun; what is missing is made at once."""
        self._pause_until = 0.0
        self._changed.set()
        if self._keeper is None or self._keeper.done():
            self._keeper = self._tasks.start(self._keep())

    def take(self) -> Channel:
        """Return a free connection, the one that was used last: there must be one."""
        channel = self._free.pop()
        if len(self._free) < SPARE:
            self._changed.set()
        return channel

    def give_back(self, channel: Channel) -> None:
        """Let others use a connection that has answered, or was not needed."""
        if channel not in self._all:
            return
        channel.used_at = asyncio.get_running_loop().time()
        self._silent.discard(channel)
        if channel.has_answered:
            self._failures = 0
        self._free.append(channel)
        if len(self._free) > SPARE and self._free[0].used_at < channel.used_at - _UNUSED_SECONDS:
            self._free[0].end(RedisConnectionError("nobody needs it"))

    def overdue(self, channel: Channel) -> None:
        """Give a connection up if it stays silent for as long as a new one may take; at once if it is in the way."""
        if not self._free and len(self._all) + len(self._attempts) >= self._connector.max_connections:
            channel.end(TimeoutError("no answer"))
            return
        self._silent.add(channel)
        asked_at = channel.used_at

        def look() -> None:
            if channel.is_busy and channel.used_at == asked_at:
                channel.end(TimeoutError("no answer"))

        asyncio.get_running_loop().call_later(self._connector.connect_timeout_seconds, look)

    def move(self, address: Address) -> None:
        """Connect to another address from now on, and be done with the one of before."""
        if address == self.address:
            return
        self.address = address
        for attempt in self._attempts:
            attempt.cancel()
        for channel in tuple(self._all):
            channel.end(RedisConnectionError("the server has moved"))
        self._failures = 0
        self.start()

    async def connected(self) -> None:
        """Return when there is a connection, or an attempt to make one has failed."""
        await self._settled.wait()

    async def close(self) -> None:
        """Close all connections and make no more."""
        await self._tasks.close()
        await asyncio.gather(*(channel.close() for channel in self._all))
        await asyncio.sleep(0)  # for the transports, which close at the end of the event loop's turn

    async def _keep(self) -> None:
        while True:
            self._changed.clear()
            pause = self._pause_until - asyncio.get_running_loop().time()
            if not self._is_missing:
                await self._changed.wait()
            elif pause > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._changed.wait()
            else:
                attempt = self._tasks.start(self._attempt())
                self._attempts.add(attempt)
                attempt.add_done_callback(self._attempts.discard)
                await asyncio.wait([attempt], timeout=_HEDGE_SECONDS)

    @property
    def _is_missing(self) -> bool:
        # An attempt that is asked about here has not ended for a while, and may never.
        has_room = len(self._all) + len(self._attempts) < self._connector.max_connections
        return self.address is not None and len(self._free) < SPARE and has_room

    async def _attempt(self) -> None:
        assert self.address is not None  # noqa: S101 - nothing is missing then
        try:
            connection, _ = await self._connector.connect(self.address, self._first)
        except Exception as error:  # noqa: BLE001 - whatever it is, another attempt follows
            self._event("failed")
            self._has_failed()
            self._settled.set()
            if not self._all and self._user is not None:
                self._user.unreachable(error)
            return
        channel = Channel(connection, self._lost)
        now = asyncio.get_running_loop().time()
        channel.used_at = now
        self._pause_until = now + min(1.0, _PAUSE_SECONDS * len(self._silent))
        self._event("made")
        self._all.add(channel)
        self._free.insert(0, channel)  # those that are known to be of use go first
        self._settled.set()
        if self._user is not None:
            self._user.ready()

    def _has_failed(self) -> None:
        pause = _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        self._failures += 1
        now = asyncio.get_running_loop().time()
        self._pause_until = now + pause * random.uniform(0.75, 1.25)  # noqa: S311 - so that not all come at once

    def _lost(self, channel: Channel) -> None:
        self._event("ended")
        self._all.discard(channel)
        self._silent.discard(channel)
        if channel in self._free:
            self._free.remove(channel)
        if not channel.has_answered:
            self._has_failed()
        self._changed.set()
