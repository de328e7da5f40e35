"""Who is refused until when, so that nobody asks Redis in vain."""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

Clock = Callable[[], float]


class Refusal(NamedTuple):
    """What a script has said of a client that it refused.

    Attributes:
        remaining: How much is left to the client: too little.
        wait_seconds: How long until it could be admitted.
    """

    remaining: int
    wait_seconds: float


class Refusals:
    """The clients that a script has refused, each until the moment from which it could admit it again.

    Bounded: the one that was refused longest ago is forgotten first, and then asks Redis again.
    """

    def __init__(self, clock: Clock, size: int = 10_000) -> None:
        self._clock = clock
        self._size = size
        self._until: OrderedDict[str, tuple[int, float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def note(self, key: str, refusal: Refusal, *, asked: float, answered: float) -> None:
        """Remember what the script has said at some time from ``asked`` to ``answered``.

        Nobody is refused for longer than it may have meant, and nobody is told to come back earlier than that.
        """
        self._until[key] = refusal.remaining, asked + refusal.wait_seconds, answered + refusal.wait_seconds
        self._until.move_to_end(key)
        if len(self._until) > self._size:
            self._until.popitem(last=False)

    def find(self, key: str) -> Refusal | None:
        """Return what holds still; None when Redis must say."""
        known = self._until.get(key)
        if known is None:
            return None
        remaining, until, told = known
        now = self._clock()
        if now < until:
            return Refusal(remaining, told - now)
        del self._until[key]
        return None
