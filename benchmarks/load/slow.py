"""A reader that cannot keep up, as a log collector or a terminal may be."""

import os
import threading
import time
from typing import IO, Final

_BLOCK: Final = 1024
_FAST: Final = 1 << 16


class SlowReader:
    """Read a pipe in a thread of its own: at full speed at first, then only so many bytes a second.

    Attributes:
        seen: What was read at full speed.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self.seen = b""
        self._pipe = pipe
        self._bytes_per_second = 0
        threading.Thread(target=self._read, daemon=True).start()

    def slow_down(self, bytes_per_second: int) -> None:
        """From now on, read so many bytes a second at most."""
        self._bytes_per_second = bytes_per_second

    def hurry(self) -> None:
        """Read at full speed again, so that the writer can end."""
        self._bytes_per_second = 0

    def _read(self) -> None:
        with self._pipe:
            while block := os.read(self._pipe.fileno(), _BLOCK if self._bytes_per_second else _FAST):
                if rate := self._bytes_per_second:
                    time.sleep(len(block) / rate)
                else:
                    self.seen = (self.seen + block)[-_FAST:]
