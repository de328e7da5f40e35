"""What the service can listen on: an address, a name, or the path of a Unix socket, as `bind` takes them."""

import os
import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(?:\.{_LABEL})*\.?")
_LONGEST_PATH_BYTES: Final = 103  # what every system's sockaddr_un holds; macOS has the shortest
_ADDRESS_AND_PORT: Final = re.compile(r"(?:https?://)?(?:\[([^\]]*)\]|([^:/\[\]]*))(?::([0-9]+))?/?")
_EVERY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - what to write, not bound to


def is_host(value: str) -> bool:
    """Tell whether it can be listened on."""
    if value.startswith("unix:"):
        return _is_socket_path(value.removeprefix("unix:"))
    if _address(value) is not None:
        return True
    # What ends in a number is an address: 127.1 or 256.1.1.1 is none, and no name either.
    is_number = re.search(r"(?:^|\.)(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?$", value)
    return _NAME.fullmatch(value) is not None and not is_number


def host_hint(value: str) -> str | None:
    """Say what to write instead, where that can be guessed."""
    if value == "*":
        return f"for every address of this machine write {_EVERY_ADDRESS}, or :: for IPv6, too"
    match = _ADDRESS_AND_PORT.fullmatch(value.strip())
    if match is None:
        return None
    host, port = match[1] or match[2] or "", match[3]
    beside = f", and TBG_PORT={port}" if port else ""
    if not host and port:
        return f"write {_EVERY_ADDRESS}{beside}"
    return f"write {host}{beside}" if is_host(host) else None


def _address(value: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(value)
    except ValueError:
        return None


def _is_socket_path(path: str) -> bool:
    try:
        length = len(os.fsencode(path))
    except UnicodeEncodeError:  # this process's locale has no such letters
        return False
    # gunicorn looks for another "unix:" in the path, and reads "//" as part of the scheme.
    is_plain = re.fullmatch(r"/[^\s/\0]([^\s\0]*[^\s/\0])?", path) is not None and "unix:" not in path
    return is_plain and length <= _LONGEST_PATH_BYTES
