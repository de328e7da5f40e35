"""Remember what was accepted, in little memory."""


class Memo(set[tuple[object, ...]]):
    """What was accepted: who judged, and the texts or bytes that were judged; full, it begins anew.

    It holds ``entries`` of at most ``longest`` bytes or characters each, which a process can add up beforehand.
    """

    def __init__(self, entries: int, longest: int) -> None:
        super().__init__()
        self.longest = longest
        self._entries = entries

    def keep(self, accepted: tuple[object, ...]) -> None:
        """Remember ``accepted``, whose length the caller has compared with ``longest``."""
        if len(self) >= self._entries:
            self.clear()
        self.add(accepted)
