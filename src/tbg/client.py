"""Who is asking: the one place that decides which address a request comes from."""

import falcon.asgi


def client_address(req: falcon.asgi.Request) -> str:
    """Return the address of the connection's other end; ``"unix"`` for a Unix socket.

    ``Forwarded`` and ``X-Forwarded-For`` are what a client says of itself, and no proxy is trusted yet.
    """
    client = req.scope.get("client")
    return str(client[0]) if client else "unix"
