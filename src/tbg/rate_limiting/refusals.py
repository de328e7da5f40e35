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
        self._until: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def note(self, key: str, cost: int, until: float) -> None:
        """Remember that a request of this cost is refused until then; a cheaper one may still be admitted."""
        self._until[key] = until, cost
        self._until.move_to_end(key)
        if len(self._until) > self._size:
            self._until.popitem(last=False)

    def seconds_left(self, key: str, cost: int) -> float:
        """Return how long a request of this cost is still refused; 0 when Redis must say."""
        until, refused_cost = self._until.get(key, (0.0, 0))
        if not until or cost < refused_cost:
            return 0.0
        left = until - self._clock()
        if left <= 0:
            del self._until[key]
        return max(0.0, left)
