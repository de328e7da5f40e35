"""Who is refused until when, so that nobody asks Redis in vain."""

from collections import OrderedDict
from collections.abc import Callable

Clock = Callable[[], float]


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

    def note(self, key: str, cost: int, asked: float, answered: float, wait_seconds: float) -> None:
        """Remember that requests of this cost are refused; one of another cost may have to wait for another time.

        The script ran at some time from ``asked`` to ``answered``. Nobody is refused for longer than it may have said,
        and nobody is told to come back earlier than it may have said.
        """
        self._until[key] = cost, asked + wait_seconds, answered + wait_seconds
        self._until.move_to_end(key)
        if len(self._until) > self._size:
            self._until.popitem(last=False)

    def seconds_left(self, key: str, cost: int) -> float:
        """Return how long a refused client has to wait still; 0 when Redis must say."""
        if key not in self._until:
            return 0.0
        refused_cost, until, told = self._until[key]
        now = self._clock()
        if until <= now:
            del self._until[key]
        return told - now if cost == refused_cost and now < until else 0.0
