"""The lanes to all servers of Redis: one server, the master behind Sentinel, or the nodes of a Cluster."""

import abc
import asyncio
import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, override

import attrs
from redis.exceptions import InvalidResponse

from tbg.rate_limiting.breaker import Breaker
from tbg.rate_limiting.lane import Lane
from tbg.rate_limiting.metrics import RateLimitMetrics
from tbg.rate_limiting.questions import Patience, Question, UncountedError
from tbg.redis.background import Background, first_answer
from tbg.redis.connector import Address, Connector
from tbg.redis.script import Call, Script
from tbg.redis.server import Server

START_SECONDS: Final = 2.0
_DOUBT_SECONDS: Final = (0.2, 0.9)
_URGENT_SECONDS: Final = 0.1


@attrs.frozen
class Probing:
    """What a lane asks to find out whether its server counts: nobody is charged, and yet something is written.

    Attributes:
        keys: Nobody's. So many that each node of a Cluster has some; they live for a second.
    """

    keys: Sequence[str]
    arguments: Sequence[str | int]


class Lanes(abc.ABC):
    """Ask the server that has a key, and know where that is.

    Args:
        connector: Makes connections.
        script: What is asked.
        probing: What is asked to find out whether there is an answer.
        timeout_seconds: How long a question may wait for its answer, in all.
        metrics: What happens is counted there.
    """

    def __init__(
        self, connector: Connector, script: str, probing: Probing, *, timeout_seconds: float, metrics: RateLimitMetrics
    ) -> None:
        self._connector = connector
        self._script = Script(script)
        self._probing = probing
        self._metrics = metrics
        self._patience = Patience(timeout_seconds, self._given_up)
        self._finder: asyncio.Task[None] | None = None
        self._is_in_doubt = False
        self._is_urgent = asyncio.Event()
        self._is_over = False
        self._tasks = Background()

    async def ask(self, call: Call) -> list[int]:
        """Return the script's answer.

        Raises:
            UncountedError: There is none.
        """
        lane = self.lane_of(call[0][0])
        if lane is not None and lane.breaker.reason is not None:
            raise UncountedError(lane.breaker.reason, is_known=True) from lane.breaker.reason
        loop = asyncio.get_running_loop()
        question = Question(call, loop)
        self._patience.watch(question, loop)
        self._put(question)
        answer = await question.answer
        if isinstance(answer, list):
            return answer
        error = answer if isinstance(answer, Exception) else InvalidResponse("not what the script returns")
        raise UncountedError(error) from error

    async def ping(self) -> None:
        """Find out whether questions are answered now.

        A Cluster may have lost a node, whose clients then pass uncounted, as long as another one counts.

        Raises:
            UncountedError: No server answers in time, or one of them refuses to count.
        """
        pings = [lane.ping() for lane in self.lanes]
        failures = [each for each in await asyncio.gather(*pings, return_exceptions=True) if each is not None]
        errors = [each for each in failures if not isinstance(each, UncountedError) or each.is_refused]
        if errors or len(failures) == len(pings):
            raise (errors or failures)[0]

    async def start(self) -> None:
        """Connect; return when that is done or has failed, and after a moment in any case."""
        try:
            async with asyncio.timeout(min(START_SECONDS, self._connector.connect_timeout_seconds)):
                await self._connected()
        except TimeoutError:
            self.doubt()

    async def close(self) -> None:
        """Close everything; what waits fails."""
        self._is_over = True
        await self._tasks.close()
        await asyncio.gather(*(lane.close() for lane in self.lanes))
        self._patience.close()
        for sentinel in self._connector.sentinels:
            await sentinel.aclose()

    @property
    @abc.abstractmethod
    def lanes(self) -> Iterable[Lane]:
        """All of them."""

    @abc.abstractmethod
    def lane_of(self, key: str) -> Lane | None:
        """Return the lane to the server that has a key; None if nobody knows."""

    @abc.abstractmethod
    async def _look_around(self) -> None:
        """Find out where the servers are."""

    @abc.abstractmethod
    def _cannot_see(self, reason: Exception) -> None:
        """Give up what waits for servers that nobody can find."""

    @abc.abstractmethod
    def _put(self, question: Question) -> None:
        """Bring a question on its way."""

    # What lanes need (`Surroundings`).

    def watch(self, question: Question) -> None:
        """Give a question up in time."""
        self._patience.watch(question, asyncio.get_running_loop())

    def redirect(self, question: Question, answer: Exception, lane: Lane) -> bool:  # noqa: ARG002 - for a Cluster
        """Refuse to send a question elsewhere: there is only one server."""
        return False

    def doubt(self) -> None:
        """Look around, and again until the servers are there; nobody waits for it."""
        self._is_in_doubt = True
        if self._is_over:
            return
        if self._finder is None or self._finder.done():
            self._finder = self._tasks.start(self._find())

    async def _find(self) -> None:
        first, later = _DOUBT_SECONDS
        pause = first
        while self._is_in_doubt or not all(lane.is_sound for lane in self.lanes):
            self._is_in_doubt = False
            try:
                await self._look_around()
            except Exception as error:  # noqa: BLE001 - whatever it is, another look follows
                self._is_in_doubt = True
                self._cannot_see(error)
            self._is_urgent.clear()
            await asyncio.sleep(_URGENT_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause * random.uniform(0.75, 1.25)):  # noqa: S311 - so that not all look at once
                    await self._is_urgent.wait()
            pause = later

    def _given_up(self, question: Question) -> None:
        reason = TimeoutError("no answer in time")
        question.settle(reason)
        if question.lane is None:
            self._cannot_see(reason)
        else:
            question.lane.given_up(question)

    async def _connected(self) -> None:
        try:
            await self._look_around()
        except Exception as error:  # noqa: BLE001 - as above
            self._cannot_see(error)
            self.doubt()
            return
        await asyncio.gather(*(lane.connected() for lane in self.lanes))

    def _make_lane(self, address: Address | None, name: str, *, together: bool) -> Lane:
        server = Server(self._connector, self._script.load, address, self._metrics.connection)
        breaker = Breaker(name, self._metrics.lane_changed)
        return Lane(server, self._script, self._probe, breaker, self, name=name, together=together)

    def _probe(self, lane: Lane) -> Call:
        """Return a call for a key of nobody's on a lane's server."""
        keys = self._probing.keys
        key = next((key for key in keys if self.lane_of(key) is lane), keys[0])
        return [key], self._probing.arguments


class OneLane(Lanes):
    """One server, which is where the URL says or where the Sentinels say."""

    def __init__(
        self, connector: Connector, script: str, probing: Probing, *, timeout_seconds: float, metrics: RateLimitMetrics
    ) -> None:
        super().__init__(connector, script, probing, timeout_seconds=timeout_seconds, metrics=metrics)
        fixed = connector.addresses[0] if connector.topology == "one" else None
        self._lane = self._make_lane(fixed, "", together=True)

    @property
    @override
    def lanes(self) -> Iterable[Lane]:
        return [self._lane]

    @override
    def lane_of(self, key: str) -> Lane:
        return self._lane

    @override
    def doubt(self) -> None:
        if self._connector.sentinels:
            super().doubt()

    @override
    def _put(self, question: Question) -> None:
        self._lane.put(question)

    @override
    async def _look_around(self) -> None:
        sentinels, service = self._connector.sentinels, self._connector.service
        if sentinels:
            host, port = await first_answer([partial(each.discover_master, service) for each in sentinels])
            self._lane.move((host, port))

    @override
    def _cannot_see(self, reason: Exception) -> None:
        if not self._lane.is_connected:
            self._lane.unreachable(reason)
