"""Parse the head of a request: request line and header fields (RFC 9112, sections 2 to 6).

Where the RFCs let a recipient choose, this is strict: what two parsers can read in two ways lets a client smuggle a
request past a proxy. Lines end in CRLF, a field has one line, a message has one length.
"""

import re
from contextlib import suppress
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

import attrs

from tbg.server.http1.refused import (
    BAD_BYTES,
    BAD_END,
    FIELD_OVERHEAD,
    TOKEN,
    Fields,
    RefusedRequestError,
    header_too_large,
    malformed,
    target_too_long,
)
from tbg.server.http1.request_line import METHODS, check_request_line, is_host, read_request_line, split_target

_NO_TEXT: Final = re.compile(rb"[^ -~\r]")  # which no request line has
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
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
# Two of these are two readings: one for a proxy, another one for us (RFC 9110, section 5.3).
_SINGLE: Final = (b"content-type", b"authorization")
_UNAMBIGUOUS: Final = frozenset({*_SINGLE, b"host", b"content-length", b"transfer-encoding", b"connection", b"expect"})


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
        method, target, version = read_request_line(lines[0], max_bytes)
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


def check_beginning(data: bytearray, checked: int, max_bytes: int) -> None:
    """Check the beginning of a head, of which ``checked`` bytes have been looked at before.

    Raises:
        RefusedRequestError: It is certain that this cannot become a request.
    """
    # One byte at a time must not cost what all of them cost: only what is new is looked at.
    if BAD_END.search(data, max(0, checked - 1)):
        raise malformed(BAD_BYTES)
    line_end = data.find(b"\n") - 1  # one byte is found faster than two, and there is no LF without its CR
    if line_end < 0:
        if data.startswith(b" ") or _NO_TEXT.search(data, checked):
            raise malformed("the request line is not text")
    elif line_end + 2 > checked:
        check_request_line(data[:line_end], max_bytes)
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


def _read_fields(data: bytes, lines: list[bytes], max_bytes: int) -> tuple[Fields, dict[bytes, list[bytes]]]:
    """Return the fields, and of those that must be unambiguous the values by name."""
    if len(data) + FIELD_OVERHEAD * len(lines) > max_bytes:
        raise header_too_large()
    if not data.count(b"\r") == data.count(b"\n") == len(lines) - 1:
        raise malformed(BAD_BYTES)
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
        error = malformed(BAD_BYTES)
        error.fields = fields
        raise error
    return fields, framing


def _checked_name(name: bytes) -> bytes:
    """Return a field's name in small letters; a blank in it is a folded line or one before the colon (5.1, 5.2)."""
    if TOKEN.fullmatch(name) is None:
        raise malformed("the name of a header field is not a token")
    return name.lower()


def check_trailer(line: bytes) -> None:
    """Raise RefusedRequestError for a trailer field that is no field; what it says is of no interest."""
    name, colon, value = line.partition(b":")
    if not colon or TOKEN.fullmatch(name) is None or b"\0" in value or BAD_END.search(value + b":"):
        raise malformed("a trailer field is not a field")


def _head(method: bytes, target: bytes, version: str, fields: Fields, framing: dict[bytes, list[bytes]]) -> Head:
    is_1_1 = version == "1.1"
    try:
        _check_host(framing.get(b"host"), required=is_1_1)
        for name in _SINGLE:
            if name in framing and len(framing[name]) > 1:
                raise malformed("Content-Type or Authorization stands there twice")
        path, query = split_target(method, target, fields)
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
    elif len(hosts) > 1 or not is_host(hosts[0]):
        raise malformed("it must have one Host, of a name or address and perhaps a port")


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
