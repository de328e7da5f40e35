"""A request's question to Redis, and for how long it waits for an answer."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from redis.exceptions import ClusterDownError, ResponseError

from tbg.rate_limiting.metrics import Cause
from tbg.redis.script import Call

if TYPE_CHECKING:
    from tbg.rate_limiting.batches import Batch
    from tbg.rate_limiting.lane import Lane

_LOOKS: Final = 50


class UncountedError(Exception):
    """Redis cannot say: it does not answer, or refuses to count; the reason is for the log.

    Attributes:
        is_refused: Whether the server has answered that it does not count.
        cause: For the metrics.
    """

    def __init__(self, reason: Exception, *, is_known: bool = False) -> None:
        super().__init__(f"{type(reason).__name__}: {reason}")
        self.is_refused = isinstance(reason, ResponseError) and not isinstance(reason, ClusterDownError)
        self.cause: Cause = "known" if is_known else self._new_cause(reason)

    def _new_cause(self, reason: Exception) -> Cause:
        if isinstance(reason, TimeoutError):
            return "timeout"
        return "refused" if self.is_refused else "lost"


class Question:
    """A call of the script on its way to an answer.

    Attributes:
        answer: What whoever asks waits for: the answer, or an exception as a result.
        is_probe: Whether nobody asks but the lane itself, to find out whether it is of use.
        asked_at: The event loop's time.
        look: The number of the event loop's look at which it was asked, see `Patience`.
        is_settled: Whether it has its answer; not when its request was cancelled, as that says nothing of Redis.
        is_asking: Whether it goes to a node that is about to get its slot.
        ways: How often it was sent somewhere else, or again.
        lane: Where it waits; None while nobody knows where to go.
        batch: What it went out with; None as long as it has not.
    """

    __slots__ = ("answer", "asked_at", "batch", "call", "is_asking", "is_probe", "is_settled", "lane", "look", "ways")

    def __init__(self, call: Call, loop: asyncio.AbstractEventLoop, *, is_probe: bool = False) -> None:
        self.call = call
        self.answer: asyncio.Future[object] = loop.create_future()
        self.is_probe = is_probe
        self.asked_at = loop.time()
        self.look = 0
        self.is_settled = False
        self.is_asking = False
        self.ways = 0
        self.lane: Lane | None = None
        self.batch: Batch | None = None

    def settle(self, answer: object) -> None:
        """Give the answer, unless nobody waits for it any more."""
        self.is_settled = True
        if not self.answer.done():  # its request may have been cancelled
            self.answer.set_result(answer)


class Patience:
    """Give questions up that have waited for too long.

    Time is counted in looks, fifty of them: after each of them the event loop has taken up what has arrived. So what
    has arrived in time counts, however late a busy process looks at it, and the time in which the process was busy, or
    was given no processor, is not taken for Redis's.

    Args:
        seconds: How long a question may wait, in a process that is not busy.
        given_up: Is told each question that has waited for so long.
    """

    def __init__(self, seconds: float, given_up: Callable[[Question], None]) -> None:
        self._pause = seconds / _LOOKS
        self._given_up = given_up
        self._look = 0
        self._due = 0.0
        self._asked: deque[Question] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, question: Question, loop: asyncio.AbstractEventLoop) -> None:
        """Give a question up that has no answer in time."""
        question.look = self._look
        self._asked.append(question)
        if self._timer is None:
            self._due = loop.time()
            self._wait(loop)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due += self._pause
        now = loop.time()
        if self._due < now:
            self._due = now + self._pause
        self._timer = loop.call_at(self._due, self._take_a_look, loop)

    def _take_a_look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._look += 1
        self._timer = None
        asked = self._asked
        try:
            # One look more, as that in which it was asked was not a whole one; one for what has arrived in the last.
            while asked and (asked[0].is_settled or self._look - asked[0].look > _LOOKS + 1):
                question = asked.popleft()
                if not question.is_settled:
                    self._given_up(question)
        finally:
            if asked:
                self._wait(loop)
