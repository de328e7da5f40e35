"""uvicorn's server, which ends without losing a request."""

import asyncio
import socket
from collections.abc import Callable
from types import FrameType

from uvicorn.config import Config
from uvicorn.server import Server

from tbg.server.listeners import accept_all


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
        loop = asyncio.get_running_loop()
        listeners = [listener.dup() for listener in sockets or ()]
        for server in self.servers:
            server.close()
        for accepted in accept_all(listeners):
            accepted.setblocking(False)  # noqa: FBT003 - the only way to say it
            await loop.connect_accepted_socket(self._connection, accepted)
        await super().shutdown(sockets)

    def _connection(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
