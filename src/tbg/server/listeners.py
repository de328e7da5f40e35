"""Close a listener without losing a connection that a client believes to have."""

import ctypes
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Final

_SO_ATTACH_FILTER: Final = 26  # Linux; any process may do so to its own sockets
_FLAGS_OFFSET: Final = 13  # of the flags in a TCP header, with which a packet begins for this filter
_SYN: Final = 0x02
_ACCEPT_AT_MOST: Final = 65_536

# Classic BPF: load the flags; with SYN set drop the packet, else let it pass as a whole.
_DROP_SYN: Final = (
    (0x30, 0, 0, _FLAGS_OFFSET),
    (0x45, 0, 1, _SYN),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0xFFFFFFFF),
)


def refuse_new_connections(listener: socket.socket) -> bool:
    """Let a listener, in all processes that have it, begin no new connection; those that have begun are made.

    When the last descriptor of a listener is closed, the system resets every connection that nobody has accepted,
    although its client may have sent a request. If none begins any more, all can be accepted before. A client that
    comes now tries again in a second, and is refused then.

    Returns:
        Whether the system can do so.
    """
    if sys.platform != "linux" or listener.family not in {socket.AF_INET, socket.AF_INET6}:
        return False
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_SYN)
    instructions = ctypes.create_string_buffer(program)
    try:
        listener.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("HP", len(_DROP_SYN), ctypes.addressof(instructions)),
        )
    except OSError:
        return False
    return True


def accept_all(listeners: Sequence[socket.socket]) -> list[socket.socket]:
    """Accept every connection that waits, and close the listeners in the same breath."""
    accepted: list[socket.socket] = []
    for listener in listeners:
        listener.setblocking(False)  # noqa: FBT003 - the only way to say it
        try:
            while len(accepted) < _ACCEPT_AT_MOST:
                accepted.append(listener.accept()[0])
        except OSError:  # nobody waits any more
            pass
        listener.close()
    return accepted
