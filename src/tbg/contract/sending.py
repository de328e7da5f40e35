"""What cannot be sent, whatever the contract says: a status, a header or a body that HTTP does not have.

A server would close the connection, answer with a page of its own, or let a header's value end the header.
"""

import re
from collections.abc import Iterator
from typing import Final

import falcon
import falcon.asgi

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,256}")
# RFC 9110, section 5.5, without the control characters of Latin-1, which nobody means.
_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_COOKIE: Final = re.compile(r"[\t\x20-\x7e]*")  # Falcon encodes cookies as ASCII
_LENGTH: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_FRAMING: Final = "transfer-encoding"  # the server's; beside Falcon's Content-Length it would smuggle a response
_MOST_NAMES: Final = 256
_LONGEST_SHOWN: Final = 64
_LOWEST_STATUS, _HIGHEST_STATUS = 200, 599

Fault = tuple[str, str]
"""The part of a response that cannot be sent, and why: never the value."""


class SendingRules:
    """Finds what cannot be sent."""

    def __init__(self) -> None:
        self._known: set[str] = set()  # names that are good; a responder seldom makes one up

    def fault(self, resp: falcon.asgi.Response, status: int) -> Fault | None:
        """Return the first thing that cannot be sent, or None; ``status`` is what `status_of` says."""
        headers = resp._headers  # noqa: SLF001 - the public one is a copy
        # All at once, as nearly every response is good.
        values = "".join(headers.values())
        if not (headers.keys() <= self._known and values.isascii() and values.isprintable()):
            for name, value in headers.items():
                if reason := self._wrong(name, value):
                    return f"header {shown(name)}", reason
        if (resp._cookies or resp._extra_headers) and not all(map(_COOKIE.fullmatch, cookies_of(resp))):  # noqa: SLF001 - what Falcon adds as they leave
            return "header Set-Cookie", "characters"
        if not status:
            return "status", "range"
        if (resp.stream is not None or resp.sse is not None) and not _can_stream(resp):
            return "body", "type"
        return None

    def faulty_headers(self, resp: falcon.asgi.Response) -> list[str]:
        """Return the names of the headers that cannot be sent, without those of cookies."""
        return [name for name, value in resp.headers.items() if self._wrong(name, value)]

    def _wrong(self, name: str, value: str) -> str | None:
        if name not in self._known:
            if name == "content-length":
                return None if _LENGTH.fullmatch(value) else "format"
            if name == _FRAMING or not _NAME.fullmatch(name):
                return "name"
            if len(self._known) < _MOST_NAMES:
                self._known.add(name)
        return None if _VALUE.fullmatch(value) else "characters"


def status_of(resp: falcon.Response) -> int:
    """Return the status if it can be that of a final response, else 0."""
    try:
        status = resp.status_code
    except (ValueError, TypeError):
        return 0
    return status if _LOWEST_STATUS <= status <= _HIGHEST_STATUS else 0


def shown(name: str) -> str:
    """Return the name of a header as a log may show it."""
    return ascii(name[:_LONGEST_SHOWN])[1:-1]


def cookies_of(resp: falcon.asgi.Response) -> Iterator[str]:
    """Yield the values of the ``Set-Cookie`` headers, which Falcon keeps apart."""
    for _, value in resp._extra_headers or ():  # noqa: SLF001 - Falcon offers no other way
        yield value
    for morsel in (resp._cookies or {}).values():  # noqa: SLF001 - the same
        yield morsel.OutputString()


def require_bytes(body: object) -> None:
    """Check what a response was rendered to.

    Raises:
        TypeError: It is no body.
    """
    if not isinstance(body, (bytes, bytearray, memoryview)):
        raise TypeError(f"The response's body is of type {type(body).__name__}")


def _can_stream(resp: falcon.asgi.Response) -> bool:
    if resp.sse is not None:
        return hasattr(resp.sse, "__aiter__")
    return hasattr(resp.stream, "__aiter__") or hasattr(resp.stream, "read")
