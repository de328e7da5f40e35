"""uvicorn's server, which ends without losing a request."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from types import FrameType
from typing import Final

from uvicorn.config import Config
from uvicorn.server import Server

_PENDING: Final = 65_536  # connections that the system may hold for a listener


class DrainingServer(Server):
    """Takes every connection that the system has made before it stops listening.

    Args:
        config: uvicorn's.
        told_to_end: Called when a signal tells the process to end.
    """

    def __init__(self, config: Config, told_to_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._told_to_end = told_to_end

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note that the process is to end; called in a signal handler."""
        super().handle_exit(sig, frame)
        self._told_to_end()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let what is under way end, then end the application's lifespan."""
        for listener in sockets or ():
            await self._accept_pending(listener)
        await super().shutdown(sockets)

    async def _accept_pending(self, listener: socket.socket) -> None:
        """Accept what waits: closing the last listener resets it, also if its request is there already."""
        loop = asyncio.get_running_loop()
        for _ in range(_PENDING):
            with contextlib.suppress(OSError):
                accepted, _ = listener.accept()
                accepted.setblocking(False)  # noqa: FBT003 - the only way to say it
                await loop.connect_accepted_socket(self._connection, accepted)
                continue
            return

    def _connection(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
