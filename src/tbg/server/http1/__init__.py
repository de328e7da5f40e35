"""HTTP/1.1 for uvicorn's server: strict reading (RFC 9110, 9112), with a bound on whatever a client chooses.

    head.py        the bytes of a request's head -> Head, or RefusedRequestError (refused.py, request_line.py)
    body.py        the bytes of a body -> its content, chunked or not
    exchange.py    one request and its response, as an ASGI application sees them
    limits.py      what a client may send, and how long it may take
    clock.py       the deadlines of a connection, and whether its client reads
    connection.py  one connection: which bytes belong to which exchange, how long each may take, how it ends
    registry.py    the connections of a worker: how many there are, and which one goes when there are too many

What is refused before the application (malformed, too large, too slow) still goes through it, as a request whose scope
carries a `tbg.refusal.Refusal`: so it is charged, logged and answered like every other.
"""

from tbg.server.http1.connection import Connection
from tbg.server.http1.limits import Limits
from tbg.server.http1.registry import Registry

__all__ = ["Connection", "Limits", "Registry"]
