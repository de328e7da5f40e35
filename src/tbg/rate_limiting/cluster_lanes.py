"""The lanes to the nodes of a Cluster, each of which has some of the slots, for as long as it has."""

import asyncio
import random
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Final, override

from redis.exceptions import AskError, MovedError, SlotNotCoveredError

from tbg.rate_limiting.breaker import Breaker
from tbg.rate_limiting.lane import Lane
from tbg.rate_limiting.lanes import Lanes, Probing
from tbg.rate_limiting.metrics import RateLimitMetrics
from tbg.rate_limiting.questions import Question
from tbg.redis.background import first_answer
from tbg.redis.connector import Address, Connector
from tbg.redis.slots import COUNT, SlotRange, host_of, read_slots, slot_of

_WAYS: Final = 7  # after the first, of one question
_PAUSE_SECONDS: Final = 0.005
_STRANGER_SECONDS: Final = 10.0


class ClusterLanes(Lanes):
    """Follow the Cluster's map of slots, and what its nodes say that is newer.

    The map is read anew when a node says that a slot is elsewhere, and for as long as a node of it does not answer or
    a slot has none. A node that is not on it any more is left with all its connections.
    """

    def __init__(
        self, connector: Connector, script: str, probing: Probing, *, timeout_seconds: float, metrics: RateLimitMetrics
    ) -> None:
        super().__init__(connector, script, probing, timeout_seconds=timeout_seconds, metrics=metrics)
        self._slots: list[Lane | None] = [None] * COUNT
        self._lanes: dict[Address, Lane] = {}
        self._addresses: dict[Lane, Address] = {}
        self._is_known = False
        self._unplaced: list[Question] = []
        self._breaker = Breaker("", metrics.lane_changed)

    @property
    @override
    def lanes(self) -> Collection[Lane]:
        return list(self._lanes.values())

    @override
    def lane_of(self, key: str) -> Lane | None:
        return self._slots[slot_of(key)]

    @override
    async def ping(self) -> None:
        if not self._is_known:
            await self.ask(([self._probing.keys[0]], self._probing.arguments))
        await super().ping()

    @override
    def redirect(self, question: Question, answer: Exception, lane: Lane) -> bool:
        if question.ways == _WAYS:
            return False
        question.ways += 1
        question.batch = None
        if not isinstance(answer, AskError):
            # Its keys are torn apart by a slot that moves key by key; that does not take long.
            asyncio.get_running_loop().call_later(_PAUSE_SECONDS * question.ways, lane.put, question)
            return True
        node = self._told(answer, lane)
        if isinstance(answer, MovedError):
            question.is_asking = False
            self.doubt()  # others have most likely moved with it
            if node is None:  # the map says where that is
                question.lane = None
                self._unplaced.append(question)
                self._is_urgent.set()
                return True
            self._slots[answer.slot_id] = node
        elif node is None:
            return False
        else:
            question.is_asking = True
        node.put(question)
        return True

    def _told(self, answer: AskError, lane: Lane) -> Lane | None:
        """Return the lane to the node that an answer names; None if it names none."""
        host = host_of(answer.host, self._addresses.get(lane, ("", 0)), {})
        return self._lane_to((host, int(answer.port))) if host else None

    def _lane_to(self, address: Address) -> Lane:
        """Return the lane to a node; one that has no slots yet is not on the map."""
        if address not in self._lanes:
            lane = self._make_lane(address, f"{address[0]}:{address[1]}", together=False)
            self._lanes[address], self._addresses[lane] = lane, address
        return self._lanes[address]

    @override
    def _put(self, question: Question) -> None:
        lane = self.lane_of(question.call[0][0])
        if lane is not None:
            lane.put(question)
        elif self._is_known:
            question.settle(SlotNotCoveredError("no node has the slot"))
            self.doubt()
        elif self._breaker.reason is not None:
            question.settle(self._breaker.reason)
        else:
            self._unplaced.append(question)
            self.doubt()

    @override
    async def _look_around(self) -> None:
        sound = [address for address, lane in self._lanes.items() if lane.is_sound]
        random.shuffle(sound)
        # The nodes of before may be gone for good, or forgotten; the ones that the URL names stay worth asking.
        others = [each for each in (*self._connector.addresses, *self._lanes) if each not in sound]
        questions = [partial(read_slots, self._connector, each) for each in dict.fromkeys((*sound, *others))]
        self._follow(await first_answer(questions))

    def _follow(self, ranges: Sequence[SlotRange]) -> None:
        slots: list[Lane | None] = [None] * COUNT
        for each in ranges:
            slots[each.first : each.last + 1] = [self._lane_to(each.master)] * (each.last + 1 - each.first)
        self._slots, self._is_known = slots, True
        self._breaker.open()
        named = {each.master for each in ranges}
        self._leave(address for address in tuple(self._lanes) if address not in named)
        for lane in self.lanes:
            lane.start()
        unplaced, self._unplaced = self._unplaced, []
        for question in unplaced:
            self._put(question)

    def _leave(self, addresses: Iterable[Address]) -> None:
        """Have nothing more to do with nodes that have no slots, unless one is about to get some."""
        now = asyncio.get_running_loop().time()
        for address in addresses:
            lane = self._lanes[address]
            if lane.breaker.reason is None and lane.used_at > now - _STRANGER_SECONDS:
                continue
            del self._lanes[address], self._addresses[lane]
            for question in lane.leave():
                self._put(question)
            lane.breaker.open()
            self._tasks.start(lane.close())

    @override
    def _cannot_see(self, reason: Exception) -> None:
        if self._is_known:
            return
        self._breaker.close(reason, is_certain=True)
        unplaced, self._unplaced = self._unplaced, []
        for question in unplaced:
            question.settle(reason)
