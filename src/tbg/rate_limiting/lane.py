"""The way to one Redis server: the checks of one turn of the event loop together, and a breaker for when it is gone."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog
from redis.exceptions import RedisError, TryAgainError

from tbg.redis.script import Call

Run = Callable[[Sequence[Call]], Awaitable[Sequence[Any]]]
"""Execute the script for each call, in one round trip; an answer may be the exception that came instead."""

PROBE_SECONDS: Final = 1.0


class UncountedError(Exception):
    """Redis cannot say: it does not answer, or refuses to count."""


class Lane:
    """Send calls to one server, and none while it is known not to answer.

    A call waits for the end of the event loop's turn, no longer, and goes out with the others of that turn. A turn's
    batch has a connection, a time-out and a fate of its own. When one fails as a whole, the lane closes: calls fail at
    once, at no cost, and a probe goes out in the background, at once and then once a second. So a single slow batch
    closes it for a round trip only.

    Args:
        run: Executes the script.
        probe: Makes a call to find out whether the server counts again.
        timeout_seconds: How long a batch may take, the wait for a connection included.
        name: The server, for the log; empty if there is only one.
        changed: Is told each closing and opening of the lane.
    """

    def __init__(
        self, run: Run, probe: Callable[[], Call], *, timeout_seconds: float, name: str, changed: Callable[[bool], None]
    ) -> None:
        self._run = run
        self._probe = probe
        self._timeout_seconds = timeout_seconds
        self._name = name
        self._changed = changed
        self._waiting: list[tuple[Call, asyncio.Future[Any]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = True
        self._log = structlog.stdlib.get_logger("tbg.rate_limit")

    async def ask(self, call: Call) -> list[int]:
        """Return the script's answer.

        Raises:
            UncountedError: There is none.
        """
        if not self._is_open:
            raise UncountedError
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append((call, future))
        answer = await future
        if isinstance(answer, Exception):
            raise UncountedError from answer
        return answer  # type: ignore[no-any-return]  # what the script returns

    def _flush(self) -> None:
        batch, self._waiting = self._waiting, []
        self._start(self._send(batch))

    def _start(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the loop itself would let go of it
        task.add_done_callback(self._tasks.discard)

    async def _send(self, batch: list[tuple[Call, asyncio.Future[Any]]]) -> None:
        answers = await self._answers([call for call, _ in batch])
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():  # its request may have been cancelled
                future.set_result(answer)
        # A key whose slot is just moving says nothing of the server.
        failed = [each for each in answers if isinstance(each, Exception) and not isinstance(each, TryAgainError)]
        if len(failed) == len(answers):
            self._close(failed[0])

    async def _answers(self, calls: Sequence[Call]) -> Sequence[Any]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._run(calls)
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            return [error] * len(calls)

    def _close(self, reason: Exception) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._changed(False)  # noqa: FBT003 - a state
        self._log.error(
            "rate_limit.unavailable",
            reason=type(reason).__name__,
            server=self._name,
            consequence="requests pass uncounted, unless their policy fails closed",
        )
        self._start(self._open_again())

    async def _open_again(self) -> None:
        while True:
            [answer] = await self._answers([self._probe()])
            if not isinstance(answer, Exception):
                break
            await asyncio.sleep(PROBE_SECONDS)
        self._is_open = True
        self._changed(True)  # noqa: FBT003 - a state
        self._log.warning("rate_limit.restored", server=self._name)
