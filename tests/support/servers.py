"""Embedded servers that leave nothing behind."""

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
