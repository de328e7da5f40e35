"""Bytes on a socket, for what no HTTP client would send."""

import contextlib
import socket
from collections.abc import Iterable
from typing import Self


class Wire:
    """One connection, on which anything can be said."""

    def __init__(self, port: int, seconds: float = 10.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        """Send the pieces as far as the other end takes them."""
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                self.socket.sendall(piece)

    def receive(self) -> bytes:
        """Return what comes until the other end closes; fails the test when it does not."""
        return b"".join(self._pieces())

    def receive_responses(self, count: int) -> bytes:
        """Return what comes until it holds ``count`` status lines and the last response is whole."""
        received = b""
        for piece in self._pieces():
            received += piece
            if received.count(b"HTTP/1.1 ") >= count and _is_whole(received):
                break
        return received

    def receive_head(self) -> bytes:
        """Return what comes until it holds a whole response without a body."""
        received = b""
        for piece in self._pieces():
            received += piece
            if received.endswith(b"\r\n\r\n"):
                break
        return received

    def _pieces(self) -> Iterable[bytes]:
        with contextlib.suppress(ConnectionResetError):
            while piece := self.socket.recv(65536):
                yield piece


def exchange(port: int, *pieces: bytes) -> bytes:
    """Send ``pieces`` and return everything that comes back until the connection is closed."""
    with Wire(port) as wire:
        wire.send(*pieces)
        return wire.receive()


def _is_whole(received: bytes) -> bool:
    head, separator, body = received[received.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
    return bool(separator) and len(body) >= int(length.partition(b":")[2])
