"""The way to one Redis server: the checks of one turn of the event loop together, and a breaker for when it is gone."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from typing import Any, Final

import structlog
from redis.exceptions import ClusterDownError, ResponseError, TryAgainError

from tbg.redis.script import Call

Batch = Sequence[tuple[Call, asyncio.Future[Any]]]
Run = Callable[[Sequence[Call]], Coroutine[Any, Any, Sequence[Any]]]
"""Execute the script for each call, in one round trip; an answer may be the exception that came instead."""

PROBE_SECONDS: Final = 1.0
_UNDER_WAY: Final = 2  # one more than the one that may be slow
_SLOW_SECONDS: Final = 0.005
_TURNS: Final = 3  # of the event loop, from what has arrived to whoever waits for it


class UncountedError(Exception):
    """Redis cannot say: it does not answer, or refuses to count; the reason is for the log.

    Attributes:
        is_refused: Whether the server has answered that it does not count.
    """

    def __init__(self, reason: Exception) -> None:
        super().__init__(f"{type(reason).__name__}: {reason}")
        self.is_refused = isinstance(reason, ResponseError) and not isinstance(reason, ClusterDownError)


class Lane:
    """Send calls to one server, and none while it is known not to answer.

    A call goes out at the end of the event loop's turn with the others of that turn. While a batch is under way, it
    waits for that to come back, as what goes together costs less; but not for one that is slow. A batch has a
    connection, a time-out and a fate of its own. When one fails as a whole, the lane closes: calls fail at once, at no
    cost, and a probe goes out in the background, at once and then once a second. So a single slow batch closes it for a
    round trip only.

    Args:
        run: Executes the script.
        probe: Makes a call to find out whether the server counts again.
        timeout_seconds: How long a batch may take, the wait for a connection included. An answer that has arrived by
            then counts, also when this process was too busy to look at it.
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
        self._under_way = 0
        self._slow_at = 0.0
        self._closed_by: Exception | None = None
        self._is_looking = False
        self._log = structlog.stdlib.get_logger("tbg.rate_limit")

    async def ask(self, call: Call) -> list[int]:
        """Return the script's answer.

        Raises:
            UncountedError: There is none.
        """
        if self._closed_by is not None:
            raise UncountedError(self._closed_by)
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append((call, future))
        answer = await future
        if isinstance(answer, Exception):
            raise UncountedError(answer) from answer
        return answer  # type: ignore[no-any-return]  # what the script returns

    async def ping(self) -> None:
        """Make the probe's call, in the same way as any other; it opens the lane if that is closed without need.

        Raises:
            UncountedError: The server does not count.
        """
        if self._closed_by is None:
            await self.ask(self._probe())
        else:
            await self._look()

    def _flush(self) -> None:
        if not self._waiting or self._under_way == _UNDER_WAY:
            return
        loop = asyncio.get_running_loop()
        if self._under_way and loop.time() < self._slow_at:
            loop.call_at(self._slow_at, self._flush)
            return
        batch, self._waiting = self._waiting, []
        self._under_way += 1
        self._slow_at = loop.time() + _SLOW_SECONDS
        self._start(self._send(batch))

    def _start(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        # In a context of its own: it works for everybody, and must not log one request's id.
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)  # the loop itself would let go of it
        task.add_done_callback(self._tasks.discard)

    async def _send(self, batch: Batch) -> None:
        try:
            answers = await self._answers([call for call, _ in batch])
        finally:
            self._under_way -= 1  # whatever happens: it would keep the lane's place for ever
        _answer(batch, answers)
        # A key whose slot is just moving says nothing of the server.
        failed = [each for each in answers if isinstance(each, Exception) and not isinstance(each, TryAgainError)]
        if len(failed) == len(answers):
            self._close(failed[0])
        self._flush()

    async def _answers(self, calls: Sequence[Call]) -> Sequence[Any]:
        try:
            return await _patiently(self._run(calls), self._timeout_seconds)
        except Exception as error:  # noqa: BLE001 - whatever it is, all who wait must hear of it
            return [error] * len(calls)

    def _close(self, reason: Exception) -> None:
        if self._closed_by is not None:
            return
        self._closed_by = reason
        waiting, self._waiting = self._waiting, []
        _answer(waiting, [reason] * len(waiting))
        self._changed(False)  # noqa: FBT003 - a state
        self._log.error(
            "rate_limit.unavailable",
            reason=type(reason).__name__,
            server=self._name,
            consequence="requests pass uncounted, unless their policy fails closed",
        )
        if not self._is_looking:
            self._is_looking = True
            self._start(self._open_again())

    async def _open_again(self) -> None:
        while self._closed_by is not None:
            with contextlib.suppress(UncountedError):
                await self._look()
                break
            await asyncio.sleep(PROBE_SECONDS)
        self._is_looking = False

    async def _look(self) -> None:
        """Open the lane if the server counts; raise UncountedError if it does not."""
        [answer] = await self._answers([self._probe()])
        if isinstance(answer, Exception):
            raise UncountedError(answer) from answer
        if self._closed_by is not None:
            self._closed_by = None
            self._changed(True)  # noqa: FBT003 - a state
            self._log.warning("rate_limit.restored", server=self._name)


def _answer(batch: Batch, answers: Sequence[Any]) -> None:
    for (_, future), answer in zip(batch, answers, strict=True):
        if not future.done():  # its request may have been cancelled
            future.set_result(answer)


async def _patiently(work: Coroutine[Any, Any, Sequence[Any]], seconds: float) -> Sequence[Any]:
    """Return what ``work`` does; raise TimeoutError when it is not done in time, nor by what has arrived by then."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        await asyncio.wait([task], timeout=seconds)
        for _ in range(_TURNS):
            if task.done():
                return task.result()
            await asyncio.sleep(0)
        raise TimeoutError
    finally:
        task.cancel()
