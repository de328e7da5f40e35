"""Ports on this machine: find a free one, or say who cannot have which."""

import errno
import secrets
import socket

from tbg.dev.errors import DevServerError, PortTakenError

# Below what the systems give to outgoing connections (Linux from 32768, macOS from 49152): such a connection could
# take the port of a server that is being restarted.
_FIRST, _COUNT = 15_000, 17_000
_TRIES = 100


def pick(number: int) -> int:
    """Return a port in the range for servers, the same for the same number."""
    return _FIRST + number % _COUNT


def free_port(preferred: int | None = None) -> int:
    """Return a port on 127.0.0.1 that nobody listens on now, the preferred one if it can be had."""
    candidates = [preferred] if preferred is not None else []
    candidates += [pick(secrets.randbelow(_COUNT)) for _ in range(_TRIES)]
    for port in candidates:
        if _refusal("127.0.0.1", port) is None:
            return port
    raise DevServerError(f"no free port from {_FIRST} to {_FIRST + _COUNT} on 127.0.0.1: end some servers")


def require_free(port: int, program: str, host: str = "127.0.0.1", *, remedy: str = "choose another") -> None:
    """Check that a program can listen on an address.

    Args:
        port: The port.
        program: What is to listen, for the message.
        host: The name or address.
        remedy: What else to do if it is taken, for the message.

    Raises:
        PortTakenError: Another one does.
        DevServerError: It cannot for another reason.
    """
    refusal = _refusal(host, port)
    if refusal is None:
        return
    if refusal.errno == errno.EADDRINUSE:
        raise PortTakenError(taken(port, program, remedy))
    raise DevServerError(f"{program} cannot listen on {host}:{port} ({refusal.strerror}): choose another address")


def taken(port: int, program: str, remedy: str = "choose another") -> str:
    """Say that a port is in use."""
    return f"port {port} for {program} is taken by another program: end that program, or {remedy}"


def _refusal(host: str, port: int) -> OSError | None:
    """Try to listen on an address the way servers do, and return what the system objects to."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            trial.listen(1)
    except OSError as error:
        return error
    return None
