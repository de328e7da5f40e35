"""The way to one Redis server: the checks of one turn of the event loop together, and a breaker for when it is gone."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from redis.exceptions import AskError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError

from tbg.rate_limiting.batches import Batch, grouped
from tbg.rate_limiting.breaker import Breaker
from tbg.rate_limiting.prober import Prober
from tbg.rate_limiting.questions import Question, UncountedError
from tbg.redis.background import Background
from tbg.redis.connector import Address
from tbg.redis.script import Call, Script
from tbg.redis.server import Server

_SLOW_SECONDS: Final = 0.005
_ELSEWHERE: Final = (AskError, TryAgainError)  # MovedError is an AskError, too
_LOSSES: Final = 2  # of connections in a row, without an answer: no accident


class Surroundings(Protocol):
    """What a lane needs beside its server."""

    def watch(self, question: Question) -> None:
        """Have a question given up in time."""

    def redirect(self, question: Question, answer: Exception, lane: "Lane") -> bool:
        """Send a question where a server has said that it belongs; tell whether that can be done."""

    def doubt(self) -> None:
        """Find out whether the server is still where it was."""


class Lane:
    """Send questions to one server, and none while it is known not to answer.

    A question goes out at the end of the event loop's turn with the others of that turn. While a batch is under way, it
    waits for that to come back, as what goes together costs less; but not for one that is slow. A batch has a
    connection and a fate of its own.

    The lane closes when a question was given up and nothing at all has come back in the meantime, when a server
    refuses everything, or when there is no connection and none can be made. Then questions fail at once, at no cost,
    and the server is asked in the background: at once, then once a second, and whenever there is a new connection or
    an answer that comes late.

    Args:
        server: Where to send them.
        script: What to run.
        probe: Makes a call to find out whether a lane's server counts.
        breaker: Knows whether the lane is closed.
        surroundings: Whatever is not of one server.
        name: The server's; empty if there is only one.
        together: Whether one command may have the keys of several questions.

    Attributes:
        breaker: Whether the lane is closed, and why.
        used_at: When a question came last.
    """

    def __init__(  # noqa: PLR0913 - what a lane consists of
        self,
        server: Server,
        script: Script,
        probe: Callable[["Lane"], Call],
        breaker: Breaker,
        surroundings: Surroundings,
        *,
        name: str,
        together: bool,
    ) -> None:
        self.name = name
        self._server = server
        server.serve(self)
        self._script = script
        self._probe = probe
        self.breaker = breaker
        self._surroundings = surroundings
        self._together = together
        self._waiting: list[Question] = []
        self._under_way: set[Batch] = set()
        self._slow_at = 0.0
        self._good_at = -1.0
        self._losses = 0
        self._is_sending = False
        self._timer: asyncio.TimerHandle | None = None
        self._prober = Prober(breaker, self._ask_probes)
        self._is_over = False
        self.used_at = 0.0
        self._tasks = Background()

    @property
    def is_sound(self) -> bool:
        """Whether the server is there, for all that is known."""
        return self.breaker.reason is None and self._server.is_connected

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self._server.is_connected

    def start(self) -> None:
        """Begin to connect, unless that has begun."""
        if not self._server.is_connected:
            self._server.start()

    async def connected(self) -> None:
        """Return when there is a connection, or an attempt to make one has failed."""
        self.start()
        await self._server.connected()

    def move(self, address: Address) -> None:
        """Connect to another address from now on."""
        self._server.move(address)

    def put(self, question: Question) -> None:
        """Take a question, whose answer comes some time or never: `Patience` sees to it."""
        question.lane = self
        if self._is_over or (self.breaker.reason is not None and not question.is_probe):
            question.settle(self.breaker.reason or RedisConnectionError("closed"))
            return
        self.used_at = question.asked_at
        self._waiting.append(question)
        if not self._is_sending:
            self._go_on()

    async def ping(self) -> None:
        """Ask a question that costs nothing; it opens the lane if that is closed without need.

        Raises:
            UncountedError: The server does not count.
        """
        error = await self._prober.look()
        if error is not None:
            raise UncountedError(error) from error

    async def close(self) -> None:
        """Close all connections; what waits or comes later fails."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        await self._tasks.close()
        await self._server.close()
        for question in self.leave():
            question.settle(RedisConnectionError("closed"))

    def leave(self) -> list[Question]:
        """Return the questions that wait to be sent; they do not wait here any more."""
        waiting, self._waiting = self._waiting, []
        return waiting

    # What the server tells.

    def ready(self) -> None:
        """Go on: there is one more connection."""
        self._prober.evidence.set()
        self._go_on()

    def unreachable(self, reason: Exception) -> None:
        """Give up what waits: there is no connection, and none can be made."""
        self._surroundings.doubt()
        if any(not question.answer.done() for question in self._waiting):
            self._close(reason, is_certain=True)

    # What `Patience` tells.

    def given_up(self, question: Question) -> None:
        """Think about a question that was not answered in time."""
        batch = question.batch
        if batch is not None and not batch.is_given_up:
            batch.is_given_up = True
            self._under_way.discard(batch)
            self._server.overdue(batch.channel)
        if self._good_at < question.asked_at:
            self._close(TimeoutError("no answer in time"), is_certain=False)
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Send what waits, unless a batch that is not slow yet will be back soon."""
        if self._is_sending or self._is_over or not self._waiting:
            return
        loop = asyncio.get_running_loop()
        if self._under_way and loop.time() < self._slow_at:
            if self._timer is None:
                self._timer = loop.call_at(self._slow_at, self._is_slow)
        elif not self._server.free:
            self._connect()
        else:
            self._is_sending = True
            self._tasks.start(self._send_waiting())

    def _is_slow(self) -> None:
        self._timer = None
        self._go_on()

    async def _send_waiting(self) -> None:
        self._is_sending = False
        questions = [question for question in self.leave() if not question.answer.done()]
        if not questions:
            return
        if not self._server.free:  # it was lost in this very moment
            self._waiting = questions
            self._connect()
            return
        await self._exchange(self._batch(questions))

    def _connect(self) -> None:
        if not self._server.is_connected:
            self._surroundings.doubt()
            self._server.start()

    def _batch(self, questions: Sequence[Question]) -> Batch:
        groups = grouped(questions, together=self._together)
        batch = Batch(self._server.take(), groups, self._script)
        self._under_way.add(batch)
        # The more are under way, the longer the next one waits: for 5, 20, 45, … ms. So a distant server has a few at
        # a time, and a dead one, too.
        self._slow_at = asyncio.get_running_loop().time() + _SLOW_SECONDS * len(self._under_way) ** 2
        for question in questions:
            question.batch = batch
        return batch

    async def _exchange(self, batch: Batch) -> None:
        answered = partial(self._answered, batch)
        try:
            commands = batch.commands()
        except Exception as error:
            answered(error)
            raise
        await batch.channel.exchange(commands, answered)

    def _answered(self, batch: Batch, answers: Sequence[object] | Exception) -> None:
        """Hand out what has come over a connection, which is free then; or what has become of it."""
        try:
            if isinstance(answers, Exception):
                self._lost(batch, answers)
            else:
                self._hand_out(batch, answers)
        except Exception as error:
            for question in batch.questions:
                question.settle(error)
            raise
        finally:
            if batch.unknown:
                self._tasks.start(self._exchange(batch))
            else:
                self._under_way.discard(batch)
                self._server.give_back(batch.channel)
                self._go_on()

    def _lost(self, batch: Batch, reason: Exception) -> None:
        """Fail what was under way: it may have been counted, so it is not sent again."""
        for question in batch.questions:
            question.settle(reason)
        self._losses += 1
        self._surroundings.doubt()
        if self._losses >= _LOSSES:
            self._close(reason, is_certain=False)

    def _hand_out(self, batch: Batch, answers: Sequence[object]) -> None:
        """Give each question its answer, and learn from all of them whether the server is of any use."""
        errors: list[Exception] = []
        is_alive = False
        for question, answer in batch.answers(answers):
            if not isinstance(answer, Exception):
                is_alive = True
                question.settle(answer)
            elif isinstance(answer, _ELSEWHERE):
                is_alive = True
                self._send_on(question, answer)
            else:
                errors.append(answer)
                question.settle(answer)
        if is_alive:
            self._is_of_use(batch)
        elif errors:
            self._close(errors[0], is_certain=True)

    def _send_on(self, question: Question, answer: Exception) -> None:
        """Have a question answered somewhere else or later; a probe has learnt enough."""
        if question.is_probe:
            question.settle(None)
        elif not self._surroundings.redirect(question, answer, self):
            question.settle(answer)

    def _is_of_use(self, batch: Batch) -> None:
        """Open the lane for a server that answers in time."""
        if batch.is_given_up:
            if not batch.is_probe:  # or a server that is always late would be asked without a pause
                self._prober.evidence.set()
        else:
            self._losses = 0
            self._good_at = asyncio.get_running_loop().time()
            self.breaker.open()

    def _close(self, reason: Exception, *, is_certain: bool) -> None:
        if self._is_over:
            return
        self.breaker.close(reason, is_certain=is_certain)
        for question in self.leave():
            if question.is_probe and not is_certain:
                self._waiting.append(question)
            else:
                question.settle(reason)
        self._surroundings.doubt()
        self._tasks.start(self._prober.run())

    def _ask_probes(self) -> list[asyncio.Future[object]]:
        loop = asyncio.get_running_loop()
        probes = [Question(self._probe(self), loop, is_probe=True) for _ in range(max(1, self._server.free))]
        for probe in probes:
            probe.lane = self
            self._surroundings.watch(probe)
            if self._server.free:
                self._tasks.start(self._exchange(self._batch([probe])))
            else:
                self.put(probe)
        return [probe.answer for probe in probes]
