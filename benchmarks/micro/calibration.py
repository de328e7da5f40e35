"""Work that never changes, to tell how fast this machine's Python is just now."""

import time

_ROUNDS = 2000
_US = 1000


class Calibration:
    """The kinds of things that a request does: text, dictionaries, calls."""

    async def batch(self) -> float:
        """Return the microseconds per round."""
        began = time.process_time_ns()
        for number in range(_ROUNDS):
            _work(number)
        return (time.process_time_ns() - began) / _US / _ROUNDS


def _work(number: int) -> int:
    fields = {f"field-{each}": str(number + each) for each in range(16)}
    line = ",".join(f"{name}={value}" for name, value in fields.items())
    pairs = [part.partition("=") for part in line.split(",")]
    return sum(int(value) for _, _, value in pairs) + sum(map(len, fields))
