"""Embedded servers: how tests end them."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tbg.dev.server import EmbeddedServer


@contextmanager
def discarded[Server: EmbeddedServer](server: Server) -> Iterator[Server]:
    """Run ``server`` and delete its data, which for root may lie far from where it was asked for."""
    try:
        with server:
            yield server
    finally:
        server.discard()


def kill(server: EmbeddedServer) -> None:
    """Kill ``server`` as the kernel would, and return when nothing of it is left."""
    os.kill(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while server.alive() and time.monotonic() < deadline:
        time.sleep(0.01)
