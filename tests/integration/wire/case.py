"""One row of the table: bytes for the service, and what it must make of them."""

from typing import Final

import attrs

NOTE: Final = b'{"text":"a"}'
CHUNKS: Final = b"c\r\n" + NOTE + b"\r\n0\r\n\r\n"
# What must never be taken for a request, because it is a part of another one.
HIDDEN: Final = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-Id: hidden\r\n\r\n"
LOOPBACK: Final = "127.0.0.1"


@attrs.frozen
class Case:
    """One request, good or bad.

    Attributes:
        name: Unique, and part of the test's name.
        data: The whole request, its body included.
        statuses: The statuses that it may be answered with.
        why: The rule.
        closes: Whether the connection must be closed after the answer.
        is_refused: Whether the server must refuse it before the application sees it, with all that belongs to that.
        is_cut: Whether more bytes would belong to it; the client closes its sending half instead.
        client: The client's address in the log.
    """

    name: str
    data: bytes
    statuses: frozenset[int]
    why: str
    closes: bool = False
    is_refused: bool = False
    is_cut: bool = False
    client: str = LOOPBACK

    @property
    def is_head(self) -> bool:
        """Whether its answer has no body."""
        return self.data.startswith(b"HEAD ")


def refused(name: str, data: bytes, why: str, *statuses: int, client: str = LOOPBACK) -> Case:
    """Return a request that must be refused, with 400 if nothing else is said."""
    return Case(name, data, frozenset(statuses or {400}), why, closes=True, is_refused=True, client=client)


def served(name: str, data: bytes, why: str, *statuses: int, closes: bool = False, client: str = LOOPBACK) -> Case:
    """Return a request that must be served, with 200 if nothing else is said."""
    return Case(name, data, frozenset(statuses or {200}), why, closes=closes, client=client)


def cut(name: str, data: bytes, why: str) -> Case:
    """Return a request whose end never comes."""
    return Case(name, data, frozenset({400}), why, closes=True, is_refused=True, is_cut=True)


def get(  # noqa: PLR0913 - each part of a request can be wrong
    fields: bytes = b"",
    *,
    target: bytes = b"/version",
    method: bytes = b"GET",
    version: bytes = b"HTTP/1.1",
    host: bytes = b"Host: x\r\n",
    body: bytes = b"",
) -> bytes:
    """Return a request; ``fields`` are lines, the last one with or without its end."""
    return b"%b %b %b\r\n%b%b\r\n%b" % (method, target, version, host, _lines(fields), body)


def post(fields: bytes, body: bytes = NOTE, version: bytes = b"HTTP/1.1") -> bytes:
    """Return a request for an operation that reads its body."""
    typed = b"Host: x\r\nContent-Type: application/json\r\n"
    return get(fields, target=b"/probe/notes", method=b"POST", version=version, host=typed, body=body)


def chunked(body: bytes) -> bytes:
    """Return the same with a body in chunks."""
    return post(b"Transfer-Encoding: chunked", body)


def _lines(fields: bytes) -> bytes:
    return fields if not fields or fields.endswith((b"\r\n", b"\n")) else fields + b"\r\n"
