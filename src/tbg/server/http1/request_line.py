"""Read a request line: method, target and version (RFC 9112, section 3)."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from tbg.server.http1.refused import TOKEN, Fields, RefusedRequestError, malformed, target_too_long

_NO_VERSION: Final = "the request line does not end in an HTTP version"
_VISIBLE: Final = re.compile(rb"[!-~]+")
_TARGET: Final = re.compile(rb"[!\"$-~]+")  # visible, and without the # of a fragment
_VERSION: Final = re.compile(rb"HTTP/([0-9])\.[0-9]")
_VERSIONS: Final = {b"HTTP/1.1": "1.1", b"HTTP/1.0": "1.0"}
_ABSOLUTE: Final = re.compile(rb"https?://([^/?]*)(/[^?]*)?(?:\?(.*))?", re.IGNORECASE)
# uri-host [ ":" port ] (RFC 9110, section 7.2; RFC 3986, section 3.2.2); an http URI has no empty host (4.2.1).
_HOST: Final = re.compile(
    rb"(?:\[(?:([0-9A-Fa-f:.]{2,45})|[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+)\]"
    rb"|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]{0,5})?"
)
# RFC 9110, section 9.1: another method is unknown to every resource here. These may be refused by one of them (405).
METHODS: Final[Mapping[bytes, str]] = {
    name.encode(): name
    for name in (
        *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"),
        *("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "CHECKIN", "CHECKOUT"),
        *("UNCHECKIN", "UPDATE", "VERSION-CONTROL", "QUERY"),
    )
}
_LONGEST_METHOD: Final = 32  # characters that are logged


def read_request_line(line: bytes, max_bytes: int) -> tuple[bytes, bytes, str]:
    """Return method, target and version, ``1.0`` or ``1.1`` (RFC 9112, section 3)."""
    if len(line) > max_bytes:
        raise target_too_long()
    try:
        method, target, protocol = line.split(b" ")
    except ValueError:
        raise malformed("the request line is not a method, a target and a version") from None
    try:
        version = _VERSIONS.get(protocol) or _other_version(protocol)
        _check_method(method)
        if _TARGET.fullmatch(target) is None:
            raise malformed("the target is not a URI")
    except RefusedRequestError as error:
        error.target = target if _VISIBLE.fullmatch(target) else b""
        # Falcon keeps WEBSOCKET to itself, and refuses it before anything could be logged.
        is_shown = method != b"WEBSOCKET" and TOKEN.fullmatch(method)
        error.method = method[:_LONGEST_METHOD].decode("ascii") if is_shown else ""
        raise
    return method, target, version


def check_request_line(line: bytearray, max_bytes: int) -> None:
    """Refuse what is not HTTP/1 before its head is whole; all else waits for the fields, which say who asks."""
    if len(line) > max_bytes:
        raise target_too_long()
    if _VERSION.fullmatch(line.rpartition(b" ")[2]) is None:
        raise malformed(_NO_VERSION)


def split_target(method: bytes, target: bytes, fields: Fields) -> tuple[bytes, bytes]:
    """Return path and query (RFC 9112, section 3.2); the absolute form has a host, which goes before Host (3.2.2)."""
    if target.startswith(b"/"):
        path, _, query = target.partition(b"?")
        return path, query
    if target == b"*":
        if method != b"OPTIONS":
            raise malformed("only OPTIONS has the target *")
        return target, b""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or not is_host(absolute[1]):
        raise malformed("the target must begin with a slash, or be a whole http URI")
    fields[:] = [(b"host", absolute[1]), *(field for field in fields if field[0] != b"host")]
    no_path = b"*" if method == b"OPTIONS" and absolute[3] is None else b"/"
    return absolute[2] or no_path, absolute[3] or b""


def is_host(value: bytes) -> bool:
    """Tell whether it is a name or an address, and perhaps a port."""
    host = _HOST.fullmatch(value)
    if host is None or host[1] is None:
        return host is not None
    try:
        IPv6Address(host[1].decode("ascii"))
    except AddressValueError:
        return False
    return True


def _check_method(method: bytes) -> None:
    if method not in METHODS:
        if TOKEN.fullmatch(method) is None:
            raise malformed("the method is not a token")
        raise RefusedRequestError(HTTPStatus.NOT_IMPLEMENTED, "The request method is not supported")


def _other_version(protocol: bytes) -> str:
    """Return ``1.1`` for a later minor version of HTTP/1 (RFC 9110, section 6.2)."""
    version = _VERSION.fullmatch(protocol)
    if version is None:
        raise malformed(_NO_VERSION)
    if version[1] != b"1":
        raise RefusedRequestError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "This server speaks HTTP/1.1")
    return "1.1"
