"""How a server that does not count is found again."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from tbg.rate_limiting.breaker import Breaker

PROBE_SECONDS: Final = 1.0


class Prober:
    """Ask a server whether it counts, until it does.

    Args:
        breaker: Is opened by whoever hands out the answer.
        ask: Asks over every connection that is free, or over the next one that is.

    Attributes:
        evidence: To be set when there is a reason to ask at once.
    """

    def __init__(self, breaker: Breaker, ask: Callable[[], Sequence[asyncio.Future[object]]]) -> None:
        self._breaker = breaker
        self._ask = ask
        self._is_running = False
        self.evidence = asyncio.Event()

    async def look(self) -> Exception | None:
        """Return why there is no answer, or None as soon as there is one."""
        answer: object = None
        for each in asyncio.as_completed(self._ask()):
            answer = await each
            if not isinstance(answer, Exception):
                return None
        return answer if isinstance(answer, Exception) else None

    async def run(self) -> None:
        """Look at once, then once a second and whenever there is evidence; a second one of these does nothing."""
        if self._is_running:
            return
        self._is_running = True
        try:
            while self._breaker.reason is not None:
                self.evidence.clear()
                if await self.look() is None:
                    break
                self._breaker.confirm()
                with suppress(TimeoutError):
                    async with asyncio.timeout(PROBE_SECONDS):
                        await self.evidence.wait()
        finally:
            self._is_running = False
