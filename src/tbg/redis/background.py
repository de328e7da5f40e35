"""Work in the background, which nobody waits for and no request's end cancels."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextvars import Context
from typing import Any, Final

import structlog

_LOOKS: Final = 50
_NEXT_SECONDS: Final = 0.2

_log = structlog.stdlib.get_logger("tbg.redis")


class Background:
    """The tasks of one owner, kept until they end; an exception that nobody expected is logged."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin some work, in a context of its own: it is for everybody, and must not log one request's id."""
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)  # the loop itself would let go of it
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """End all of it."""
        while tasks := self._tasks - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._tasks -= tasks

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("redis.task_failed", exc_info=error)


async def within[Result](seconds: float, work: Coroutine[Any, Any, Result]) -> Result:
    """Return what ``work`` does; raise TimeoutError when it takes longer than this process gave it the time for.

    The time is cut into pieces, after each of which the event loop has looked at what has arrived. So the time in
    which this process is busy, or is given no processor, counts for one piece, however long it was.
    """
    task = asyncio.ensure_future(work)
    try:
        for _ in range(_LOOKS):
            if (await asyncio.wait([task], timeout=seconds / _LOOKS))[0]:
                return task.result()
        raise TimeoutError
    finally:
        await _end([task])


async def first_answer[Answer](questions: Sequence[Callable[[], Coroutine[Any, Any, Answer]]]) -> Answer:
    """Ask one after the other, and the next one as soon as nothing has come for a moment; return the first answer.

    Raises:
        Exception: All have failed; it is the last one's.
    """
    waiting, error = list(questions), Exception("nobody to ask")
    tasks: set[asyncio.Task[Answer]] = set()
    try:
        while waiting or tasks:
            if waiting:
                tasks.add(asyncio.ensure_future(waiting.pop(0)()))
            done, tasks = await asyncio.wait(
                tasks, timeout=_NEXT_SECONDS if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                if (failure := task.exception()) is None:
                    return task.result()
                error = failure if isinstance(failure, Exception) else error
        raise error
    finally:
        await _end(tasks)


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and see that nothing is left of them."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # read, or asyncio would log that nobody did
