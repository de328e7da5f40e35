"""One batch of a benchmark: CPU time per call, of everything that this process does."""

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count
from typing import Final, Protocol

import falcon
import falcon.asgi

_NUMBERS: Final = count()
_US: Final = 1000


class Benchmark(Protocol):
    """Something that can be measured again and again."""

    async def batch(self) -> float:
        """Prepare some calls, and return the microseconds that each of them took."""


class UnexpectedAnswerError(Exception):
    """What was measured is not what was meant."""


Call = tuple[Callable[..., Awaitable[object]], tuple[object, ...]]


def numbers(many: int) -> list[int]:
    """Return numbers that no other request of this process has."""
    return [next(_NUMBERS) for _ in range(many)]


def write_log() -> None:
    """Let the log be written, which may happen in the background and yet is a part of what a request costs."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def get_ready() -> None:
    """Leave no garbage of what was before; the requests are made after that, which warms the processor up."""
    gc.collect()


async def at_once(calls: Sequence[Call], per: int, *, logs: bool = True) -> float:
    """Return the microseconds per request when all calls are under way together; otherwise as `in_turn`."""
    began = time.process_time_ns()
    await asyncio.gather(*(function(*arguments) for function, arguments in calls))
    if logs:
        write_log()
    return (time.process_time_ns() - began) / _US / per


async def in_turn(calls: Sequence[Call], per: int, *, refused: int | None = None, logs: bool = False) -> float:
    """Return the microseconds per request when one call follows the other.

    Args:
        calls: What to call.
        per: How many requests they belong to.
        refused: The status that each of them must refuse with, by an exception or by the response that it completes.
        logs: Whether they write to the log.
    """
    statuses: list[int] = []
    began = time.process_time_ns()
    for function, arguments in calls:
        try:
            await function(*arguments)
        except falcon.HTTPError as error:
            statuses.append(error.status_code)
    if logs:
        write_log()
    spent = time.process_time_ns() - began
    statuses += [response.status_code for response in _completed(calls)]
    if statuses != ([] if refused is None else [refused] * len(calls)):
        raise UnexpectedAnswerError(f"was refused with {sorted(set(statuses))}")
    return spent / _US / per


def _completed(calls: Sequence[Call]) -> Iterator[falcon.asgi.Response]:
    for _, arguments in calls:
        response = arguments[1]
        if isinstance(response, falcon.asgi.Response) and response.complete:
            yield response


def repeat(loop: asyncio.AbstractEventLoop, benchmark: Benchmark, seconds: float) -> list[float]:
    """Return the figures of as many batches as there is time for: three at least, or one if there is none."""
    least = 3 if seconds else 1
    figures: list[float] = []
    deadline = time.monotonic() + seconds
    while len(figures) < least or time.monotonic() < deadline:
        figures.append(loop.run_until_complete(benchmark.batch()))
    return figures
