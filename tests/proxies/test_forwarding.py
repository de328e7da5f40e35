"""What a proxy forwards is read by the service as the proxy meant it: no request more, none less, none another.

The proxies keep their connections to the service for the next client, whoever that is: so what a request leaves behind
would poison the answer of the next.
"""

import contextlib
import socket
from itertools import count
from typing import Any, Final

from tests.integration.wire.case import Case
from tests.integration.wire.table import CASES
from tests.proxies.support import CLIENT, Proxy, raw_path
from tests.support.gunicorn import Gunicorn
from tests.support.request_lines import RequestLines
from tests.support.responses import parse_responses
from tests.support.wire import Wire

_MOST_OF_METHOD: Final = 32  # what the service logs of a method that it does not know
_MOST_OF_PATH: Final = 512  # the same of a path
_SERVER: Final = ("OPTIONS", "/")  # a whole URI without a path, which is * (RFC 9112, section 3.2.4)
_NOT_LOGGED: Final = {"WEBSOCKET", "<BADREQ>"}  # by the service, and by HAProxy if it is very long
_numbers = count()


def good() -> tuple[str, bytes]:
    """Return an id, and the request that has it."""
    request_id = f"good-{next(_numbers)}"
    fields = f"Host: x\r\nX-Request-Id: {request_id}\r\nConnection: close\r\n"
    return request_id, f"GET /version HTTP/1.1\r\n{fields}\r\n".encode()


def say(proxy: Proxy, case: Case) -> None:
    """Send a case and, on the same connection, a good request behind it; read all that comes."""
    with Wire(proxy.port) as wire:
        wire.send(case.data if case.is_cut else case.data + good()[1])
        if case.is_cut:
            with contextlib.suppress(OSError):
                wire.socket.shutdown(socket.SHUT_WR)
        wire.receive()


def ask(proxy: Proxy, case: Case) -> None:
    """Send a good request on a new connection; it must get its own answer, whatever the case has left behind."""
    request_id, data = good()
    with Wire(proxy.port) as wire:
        wire.send(data)
        (answer,) = parse_responses(wire.receive())

    assert (answer.status, answer.request_id) == (200, request_id), case.name


def check(case: Case, forwarded: list[tuple[str, str]], logged: list[dict[str, Any]]) -> None:
    """Compare what a proxy says that it has forwarded with what the service says that it has read."""
    assert len(forwarded) == len(logged), (case.name, forwarded, logged)
    for (method, path), line in zip(forwarded, logged, strict=True):
        if method not in _NOT_LOGGED:
            assert line["method"] == method[:_MOST_OF_METHOD], case.name
        if path.isascii() and (method, path) != _SERVER and method not in _NOT_LOGGED:
            assert raw_path(line["path"]) == path[:_MOST_OF_PATH], case.name
        assert line["client"] == CLIENT, case.name


def test_what_is_forwarded_is_what_is_read(proxied: Gunicorn, proxy: Proxy) -> None:
    proxied.wait_for_log("http.request", 2)  # the fixtures' own
    lines = RequestLines(proxied.log_file)
    proxy.forwarded()
    total = 0
    for case in CASES.values():
        say(proxy, case)
        ask(proxy, case)
        forwarded = list[tuple[str, str]]()
        while not forwarded:  # the good request is always forwarded, and last
            forwarded += proxy.forwarded()
        check(case, forwarded, lines.next(len(forwarded)))
        total += len(forwarded)

    assert total > 2 * len(CASES) * 0.9
