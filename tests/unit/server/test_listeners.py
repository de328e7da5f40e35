"""Listeners that close without losing a connection."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from uvicorn.config import Config

from tbg.server.http1 import Connection, Limits, Registry
from tbg.server.listeners import accept_all, refuse_new_connections
from tbg.server.uvicorn_server import DrainingServer


@pytest.fixture
def listener() -> socket.socket:
    made = socket.create_server(("127.0.0.1", 0))
    made.settimeout(5)
    return made


def connect(listener: socket.socket, seconds: float = 5) -> socket.socket:
    return socket.create_connection(listener.getsockname(), seconds)


def test_what_waits_is_accepted_and_the_listener_closed(listener: socket.socket) -> None:
    clients = [connect(listener) for _ in range(3)]
    for number, client in enumerate(clients):
        client.sendall(b"%d" % number)
    address = listener.getsockname()
    accepted = accept_all([listener])

    assert sorted(each.recv(1) for each in accepted) == [b"0", b"1", b"2"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 5)
    for each in (*accepted, *clients):
        each.close()


def test_nobody_begins_to_connect_any_more(listener: socket.socket) -> None:
    """But who has connected before is there."""
    before = connect(listener)
    assert refuse_new_connections(listener)

    with pytest.raises(TimeoutError):
        connect(listener, 0.3)
    (accepted,) = accept_all([listener])
    accepted.close()
    before.close()


def test_a_socket_of_another_kind_is_left_alone() -> None:
    ours, theirs = socket.socketpair()
    assert not refuse_new_connections(ours)
    ours.close()
    theirs.close()


async def _application(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    del scope
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def test_a_server_that_ends_answers_who_has_connected(listener: socket.socket) -> None:
    """Its own listener has not had a chance to accept: the event loop was busy until the end."""
    told: list[None] = []
    config = Config(_application, lifespan="off", log_config=None, ws="none", timeout_graceful_shutdown=2)
    config.http = partial(Connection, registry=Registry(10), limits=Limits(drain_seconds=0.5))  # type: ignore[assignment]  # it is only called
    server = DrainingServer(config, lambda: told.append(None))
    config.load()
    server.lifespan = config.lifespan_class(config)
    listener.settimeout(0)
    await server.startup(sockets=[listener])
    client = connect(listener)
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    server.handle_exit(15, None)
    await server.shutdown(sockets=[listener])

    assert await asyncio.to_thread(client.recv, 1000)
    assert told == [None]
    assert server.should_exit
    client.close()
