"""Parse the head of a request: request line and header fields (RFC 9112, sections 2 to 6).

Where the RFCs let a recipient choose, this is strict: what two parsers can read in two ways lets a client smuggle a
request past a proxy. Lines end in CRLF, a field has one line, a message has one length.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from ipaddress import AddressValueError, IPv6Address
from typing import Final
from urllib.parse import unquote

import attrs

from tbg.refusal import Refusal

FIELD_OVERHEAD: Final = 32  # bytes that a field costs besides its text, as in RFC 9113, section 6.5.2

type Fields = list[tuple[bytes, bytes]]

_MALFORMED: Final = "The request is malformed: "
_BAD_BYTES: Final = "it has a NUL, or a line that does not end in CRLF"
_NO_VERSION: Final = "the request line does not end in an HTTP version"
# What no header section has; other control characters in a value are kept (RFC 9110, section 5.5).
_BAD_END: Final = re.compile(rb"\r(?!\n|\Z)|(?<!\r)\n")
_NO_TEXT: Final = re.compile(rb"[^ -~\r]")  # which no request line has
_VISIBLE: Final = re.compile(rb"[!-~]+")
_TARGET: Final = re.compile(rb"[!\"$-~]+")  # visible, and without the # of a fragment
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION: Final = re.compile(rb"HTTP/([0-9])\.[0-9]")
_VERSIONS: Final = {b"HTTP/1.1": "1.1", b"HTTP/1.0": "1.0"}
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
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
# Names that come with most requests, as clients write them; others are checked and lowered each time.
_COMMON_NAMES: Final = (
    *("Host", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Connection", "Content-Type", "Origin"),
    *("Content-Length", "Cookie", "Authorization", "Referer", "Cache-Control", "Pragma", "If-None-Match"),
    *("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id", "Forwarded", "Transfer-Encoding"),
    *("Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Traceparent", "Tracestate", "X-Real-Ip", "Expect"),
)
_NAMES: Final = {form.encode(): name.lower().encode() for name in _COMMON_NAMES for form in (name, name.lower())}
# Of a request whose fields are not whole, only what changes the form of the answer: proxies add theirs at the end, so
# what stands there about the client may be the client's own word.
_KEPT_FIELDS: Final = frozenset({b"accept", b"origin", b"x-request-id"})
_FIELDS_LOOKED_AT: Final = 64
_LONGEST_METHOD: Final = 32  # characters that are logged
# Two of these are two readings: one for a proxy, another one for us (RFC 9110, section 5.3).
_SINGLE: Final = (b"content-type", b"authorization")
_UNAMBIGUOUS: Final = frozenset({*_SINGLE, b"host", b"content-length", b"transfer-encoding", b"connection", b"expect"})


class RefusedRequestError(Exception):
    """The request is not served; the connection cannot be used any further.

    Attributes:
        refusal: What the client is told.
        method: The method, as far as it could be read.
        target: The request target, the same.
        fields: The header fields when all of them could be read, else none.
    """

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(status.value, detail)
        self.method = ""
        self.target = b""
        self.fields: Fields = []


@attrs.define
class Head:
    """What a request's head says.

    Attributes:
        method: Upper case, one of METHODS.
        http_version: ``1.0`` or ``1.1``.
        raw_path: The path as the client wrote it, or ``*``.
        query: What follows the first ``?``.
        fields: Lower-case names and values without the blanks around them.
        length: The number of bytes in the body; None for a chunked one.
        keep_alive: Whether another request may follow.
        expects_continue: Whether the client waits for ``100 Continue`` before it sends the body.
    """

    method: str
    http_version: str
    raw_path: bytes
    query: bytes
    fields: Fields
    length: int | None
    keep_alive: bool
    expects_continue: bool

    @property
    def path(self) -> str:
        """The path with its percent-encodings decoded; what is not UTF-8 becomes U+FFFD."""
        path = self.raw_path.decode("ascii")
        return unquote(path) if "%" in path else path


def parse_head(data: bytes, max_bytes: int) -> Head:
    """Parse a head, given without the empty line at its end.

    Raises:
        RefusedRequestError: 400 malformed, 414 or 431 too large, 417, 501 or 505 not supported.
    """
    lines = data.split(b"\r\n")
    try:
        method, target, version = _read_request_line(lines[0], max_bytes)
    except RefusedRequestError as error:
        with suppress(RefusedRequestError):  # who asks is known all the same, when the fields can be read
            error.fields, _ = _read_fields(data, lines, max_bytes)
        raise
    try:
        fields, framing = _read_fields(data, lines, max_bytes)
        return _head(method, target, version, fields, framing)
    except RefusedRequestError as error:
        error.method, error.target = method.decode("ascii"), target
        raise


def malformed(reason: str) -> RefusedRequestError:
    """Return the refusal of a request that is not HTTP/1.1 as RFC 9112 has it."""
    return RefusedRequestError(HTTPStatus.BAD_REQUEST, _MALFORMED + reason)


def header_too_large() -> RefusedRequestError:
    """Return the refusal of a header section that is larger than the server reads (RFC 6585, section 5)."""
    return RefusedRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request header fields are too large")


def target_too_long() -> RefusedRequestError:
    """Return the refusal of a target that is longer than the server reads (RFC 9112, section 3)."""
    return RefusedRequestError(HTTPStatus.REQUEST_URI_TOO_LONG, "The request target is too long")


def check_beginning(data: bytearray, checked: int, max_bytes: int) -> None:
    """Check the beginning of a head, of which ``checked`` bytes have been looked at before.

    Raises:
        RefusedRequestError: It is certain that this cannot become a request.
    """
    # One byte at a time must not cost what all of them cost: only what is new is looked at.
    if _BAD_END.search(data, max(0, checked - 1)):
        raise malformed(_BAD_BYTES)
    line_end = data.find(b"\n") - 1  # one byte is found faster than two, and there is no LF without its CR
    if line_end < 0:
        if data.startswith(b" ") or _NO_TEXT.search(data, checked):
            raise malformed("the request line is not text")
    elif line_end + 2 > checked:
        _check_request_line(data[:line_end], max_bytes)
    lines = data.count(b"\n") if data.find(b"\n", checked) >= 0 else 0
    if len(data) + FIELD_OVERHEAD * lines > max_bytes:
        raise header_too_large() if line_end >= 0 else target_too_long()


def partial_head(data: bytes, error: RefusedRequestError | None) -> Head:
    """Return what can be told of a request that is refused; ``data`` begins with its head, as far as that came."""
    fields = error.fields if error else []
    if not fields:
        pairs = (line.partition(b":") for line in data.split(b"\r\n", _FIELDS_LOOKED_AT)[1:-1])
        lowered = ((name.lower(), value.strip(b" \t")) for name, _, value in pairs)
        fields = [field for field in lowered if field[0] in _KEPT_FIELDS]
    path = error.target.partition(b"?")[0] if error else b""
    return Head(error.method if error else "", "1.1", path, b"", fields, 0, False, False)  # noqa: FBT003 - by position


def _check_request_line(line: bytearray, max_bytes: int) -> None:
    """Refuse what is not HTTP/1 before its head is whole; all else waits for the fields, which say who asks."""
    if len(line) > max_bytes:
        raise target_too_long()
    if _VERSION.fullmatch(line.rpartition(b" ")[2]) is None:
        raise malformed(_NO_VERSION)


def _read_request_line(line: bytes, max_bytes: int) -> tuple[bytes, bytes, str]:
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
        is_shown = method != b"WEBSOCKET" and _TOKEN.fullmatch(method)
        error.method = method[:_LONGEST_METHOD].decode("ascii") if is_shown else ""
        raise
    return method, target, version


def _check_method(method: bytes) -> None:
    if method not in METHODS:
        if _TOKEN.fullmatch(method) is None:
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


def _read_fields(data: bytes, lines: list[bytes], max_bytes: int) -> tuple[Fields, dict[bytes, list[bytes]]]:
    """Return the fields, and of those that must be unambiguous the values by name."""
    if len(data) + FIELD_OVERHEAD * len(lines) > max_bytes:
        raise header_too_large()
    if not data.count(b"\r") == data.count(b"\n") == len(lines) - 1:
        raise malformed(_BAD_BYTES)
    fields: Fields = []
    framing: dict[bytes, list[bytes]] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        lower = _NAMES.get(name) or _checked_name(name)
        if not colon:
            raise malformed("a header field has no colon")
        value = value.strip(b" \t")
        fields.append((lower, value))
        if lower in _UNAMBIGUOUS:
            framing.setdefault(lower, []).append(value)
    if b"\0" in data:  # some proxies let it pass, so it is not before the end that who asks is known
        error = malformed(_BAD_BYTES)
        error.fields = fields
        raise error
    return fields, framing


def _checked_name(name: bytes) -> bytes:
    """Return a field's name in small letters; a blank in it is a folded line or one before the colon (5.1, 5.2)."""
    if _TOKEN.fullmatch(name) is None:
        raise malformed("the name of a header field is not a token")
    return name.lower()


def check_trailer(line: bytes) -> None:
    """Raise RefusedRequestError for a trailer field that is no field; what it says is of no interest."""
    name, colon, value = line.partition(b":")
    if not colon or _TOKEN.fullmatch(name) is None or b"\0" in value or _BAD_END.search(value + b":"):
        raise malformed("a trailer field is not a field")


def _head(method: bytes, target: bytes, version: str, fields: Fields, framing: dict[bytes, list[bytes]]) -> Head:
    is_1_1 = version == "1.1"
    try:
        _check_host(framing.get(b"host"), required=is_1_1)
        for name in _SINGLE:
            if name in framing and len(framing[name]) > 1:
                raise malformed("Content-Type or Authorization stands there twice")
        path, query = _split_target(method, target, fields)
        length = _body_length(framing, is_1_1=is_1_1)
        expects_continue = is_1_1 and b"expect" in framing and _expects_continue(framing[b"expect"])
        connection = framing.get(b"connection")
        return Head(
            METHODS[method],
            version,
            path,
            query,
            fields,
            length,
            is_1_1 and (connection is None or not _has_token(connection, b"close")),
            expects_continue and length != 0,
        )
    except RefusedRequestError as error:
        error.fields = fields
        raise


def _check_host(hosts: list[bytes] | None, *, required: bool) -> None:
    """Check that there is one well-formed Host (RFC 9112, section 3.2); HTTP/1.0 does without."""
    if hosts is None:
        if required:
            raise malformed("it has no Host")
    elif len(hosts) > 1 or not _is_host(hosts[0]):
        raise malformed("it must have one Host, of a name or address and perhaps a port")


def _is_host(value: bytes) -> bool:
    host = _HOST.fullmatch(value)
    if host is None or host[1] is None:
        return host is not None
    try:
        IPv6Address(host[1].decode("ascii"))
    except AddressValueError:
        return False
    return True


def _split_target(method: bytes, target: bytes, fields: Fields) -> tuple[bytes, bytes]:
    """Return path and query (RFC 9112, section 3.2); the absolute form has a host, which goes before Host (3.2.2)."""
    if target.startswith(b"/"):
        path, _, query = target.partition(b"?")
        return path, query
    if target == b"*":
        if method != b"OPTIONS":
            raise malformed("only OPTIONS has the target *")
        return target, b""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or not _is_host(absolute[1]):
        raise malformed("the target must begin with a slash, or be a whole http URI")
    fields[:] = [(b"host", absolute[1]), *(field for field in fields if field[0] != b"host")]
    no_path = b"*" if method == b"OPTIONS" and absolute[3] is None else b"/"
    return absolute[2] or no_path, absolute[3] or b""


def _has_token(values: list[bytes], token: bytes) -> bool:
    return any(each.strip(b" \t").lower() == token for value in values for each in value.split(b","))


def _expects_continue(values: list[bytes]) -> bool:
    """Tell whether the client waits for 100 (RFC 9110, section 10.1.1)."""
    if any(value.lower() != b"100-continue" for value in values):
        raise RefusedRequestError(HTTPStatus.EXPECTATION_FAILED, "The only expectation that is met is 100-continue")
    return True


def _body_length(framing: dict[bytes, list[bytes]], *, is_1_1: bool) -> int | None:
    """Return the length of the body, None if it is chunked (RFC 9112, sections 6.1 and 6.3)."""
    lengths = framing.get(b"content-length")
    codings = framing.get(b"transfer-encoding")
    if codings is not None:
        if lengths is not None or not is_1_1:
            raise malformed("Transfer-Encoding stands beside Content-Length, or in HTTP/1.0")
        _check_codings(b",".join(codings))
        return None
    if lengths is None:
        return 0
    if len(lengths) > 1 or _LENGTH.fullmatch(lengths[0]) is None:
        raise malformed("Content-Length is not one number")
    return int(lengths[0])


def _check_codings(value: bytes) -> None:
    codings = [coding.strip(b" \t").lower() for coding in value.split(b",")]
    if codings[-1] != b"chunked" or codings.count(b"chunked") > 1:
        raise malformed("the last transfer coding is not chunked, or not the only one of that name")
    if len(codings) > 1:
        raise RefusedRequestError(HTTPStatus.NOT_IMPLEMENTED, "The only transfer coding that is supported is chunked")
