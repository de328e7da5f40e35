"""One connection that is ready for use: some commands at a time, and the answers to them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from tbg.redis.background import Background
from tbg.redis.connector import Words

Answered = Callable[[Sequence[object] | Exception], None]
"""Is told the answer to each command, which may be the server's error; or why there is none."""

_FOREVER: Final = float("inf")


class Channel:
    """An exchange after the other over one connection, whose end is noticed at once, in use or not.

    What is asked is never given up half-way: an answer that comes late is read, and the next exchange can begin.

    Args:
        connection: It is connected.
        ended: Is told that it is not any more, before whoever waits for an answer is.

    Attributes:
        has_answered: Whether it was of any use so far.
        used_at: When it was used last, for its owner.
    """

    def __init__(self, connection: AbstractConnection, ended: Callable[["Channel"], None]) -> None:
        self._connection = connection
        self._ended = ended
        self._answered: Answered | None = None
        self._answers: list[object] = []
        self._expected = 0
        self._is_over = False
        self._closing: asyncio.Task[None] | None = None
        self.has_answered = False
        self.used_at = 0.0
        self._tasks = Background()
        self._tasks.start(self._read())

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is under way."""
        return self._answered is not None

    async def exchange(self, commands: Sequence[Words], answered: Answered) -> None:
        """Send commands; ``answered`` is told later, in any case and once. Nothing else may be under way."""
        if self._is_over:
            answered(RedisConnectionError("the connection is closed"))
            return
        self._answered, self._answers, self._expected = answered, [], len(commands)
        if not self._connection.is_connected:  # redis-py would connect anew, while a request waits
            self.end(RedisConnectionError("the connection is closed"))
            return
        try:
            await self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self.end(error)

    def end(self, reason: Exception) -> None:
        """Close it; an exchange that is under way has failed for this reason."""
        if self._is_over:
            return
        self._is_over = True
        answered, self._answered = self._answered, None
        self._closing = self._tasks.start(self._disconnect())
        self._ended(self)
        if answered is not None:
            answered(reason)

    async def close(self) -> None:
        """End it, and return when nothing of it is left."""
        self.end(RedisConnectionError("closed"))
        if self._closing is not None:
            await asyncio.wait([self._closing])

    async def _disconnect(self) -> None:
        await self._connection.disconnect(nowait=True)
        await self._tasks.close()

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self._answer())
        except Exception as error:  # noqa: BLE001 - as above
            self.end(error)

    async def _answer(self) -> object:
        try:
            return await self._connection.read_response(timeout=_FOREVER)
        except ResponseError as error:
            return error

    def _take(self, answer: object) -> None:
        if self._answered is None:
            raise RedisConnectionError("the server has said what it was not asked")
        self._answers.append(answer)
        if len(self._answers) == self._expected:
            answered, self._answered = self._answered, None
            self.has_answered = True
            answered(self._answers)
