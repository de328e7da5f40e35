"""What ASGI calls the scope of a request (ASGI 3.0, HTTP 2.4)."""

import asyncio
from typing import Any

from tbg.server.http1.head import Head


def scope_of(head: Head, peers: dict[str, Any], root_path: str) -> dict[str, Any]:
    """Return the scope of a request with ``head``, on a connection between ``peers``."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": head.http_version,
        "method": head.method,
        "path": head.path,
        "raw_path": head.raw_path,
        "query_string": head.query,
        "root_path": root_path,
        "headers": head.fields,
        **peers,
    }


def peers_of(transport: asyncio.BaseTransport) -> dict[str, Any]:
    """Return both ends as ASGI names them: host and port, or a path and None."""
    client, server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    return {
        "client": client[:2] if isinstance(client, tuple) else None,
        "server": server[:2] if isinstance(server, tuple) else (server or None) and (str(server), None),
        "scheme": "https" if transport.get_extra_info("ssl_object") else "http",
    }
