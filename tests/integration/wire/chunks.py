"""Chunks, their extensions, and trailers (RFC 9112, section 7.1)."""

from collections.abc import Iterator

from tests.integration.wire.case import CHUNKS, HIDDEN, NOTE, Case, chunked, get, refused, served

_END = b"0\r\n\r\n"
_CHUNK = b"c\r\n" + NOTE + b"\r\n"
_LAST = CHUNKS[:-2]  # a trailer may follow

_BAD_SIZES = {
    "no number": b"zz",
    "nothing": b"",
    "a blank before": b" c",
    "a blank behind": b"c ",
    "a tab behind": b"c\t",
    "0x before": b"0xc",
    "a minus": b"-c",
    "a plus": b"+c",
    "an underscore": b"0_c",
    "a comma": b"c,",
    "two numbers": b"c 0",
    "17 digits": b"1000000000000000c",
    "64 digits": b"0" * 63 + b"c",
    "a NUL": b"c\0",
    "a high byte": b"c\xa0",
    "a full-width digit": "\uff10".encode(),
    "a bare LF in its extension": b"c;a\nb",
    "a bare LF ending its extension": b"c;\n" + NOTE + b"\r\n0",
    "a bare CR in its extension": b"c;a\rb",
    "a CR ending its extension": b"c;\r",
    "a NUL in its extension": b"c;a\0",
    "a control character in its extension": b"c;a\x0bb",
    "an extension without a semicolon": b"c a=b",
}
_BAD_CHUNKS = {
    "a size ended by LF": b"c\n" + NOTE + b"\r\n" + _END,
    "a size ended by CR": b"c\r" + NOTE + b"\r\n" + _END,
    "a size ended by CR CR LF": b"c\r\r\n" + NOTE + b"\r\n" + _END,
    "data ended by LF": b"c\r\n" + NOTE + b"\n" + _END,
    "data ended by CR": b"c\r\n" + NOTE + b"\r" + _END,
    "data ended by LF CR": b"c\r\n" + NOTE + b"\n\r" + _END,
    "data without an end": b"c\r\n" + NOTE + _END,
    "data ended by two other bytes": b"c\r\n" + NOTE + b"xx" + _END,
    "data longer than its size": b"b\r\n" + NOTE + b"\r\n" + _END,
    "data shorter than its size": b"d\r\n" + NOTE + b"\r\n" + _END,
    "a last chunk ended by LF": _CHUNK + b"0\n\n" + HIDDEN,
    "a last line ended by LF": _CHUNK + b"0\r\n\n" + HIDDEN,
    "a last line ended by CR": _CHUNK + b"0\r\n\r" + HIDDEN,
    "an empty line between chunks": _CHUNK + b"\r\n" + _END,
    "a request where the last line belongs": _CHUNK + b"0\r\n" + HIDDEN,
}
_BAD_TRAILERS = {
    "no colon": b"abc",
    "no name": b": abc",
    "a blank before the colon": b"A : b",
    "a blank before the name": b" A: b",
    "a folded line": b"A: b\r\n c",
    "a bare LF": b"A: b\nB: c",
    "a bare CR": b"A: b\rB: c",
    "a CR at its end": b"A: b\r",
    "a NUL": b"A: b\0",
    "a high byte in its name": b"A\xff: b",
    "a bare LF before a field of framing": b"A: b\nContent-Length: 5",
}
_GOOD_TRAILERS = {
    "a client's address": b"X-Forwarded-For: 9.9.9.9",
    "a client's address, standard": b"Forwarded: for=9.9.9.9",
    "a key": b"X-Api-Key: abc",
    "an origin": b"Origin: http://localhost:3000",
    "an accepted type": b"Accept: application/problem+json",
    "an id": b"X-Request-Id: hidden",
    "a length": b"Content-Length: 5",
    "a coding": b"Transfer-Encoding: chunked",
    "a host": b"Host: other.example",
    "no type": b"Content-Type: text/plain",
    "a coding of its content": b"Content-Encoding: gzip",
    "a wish to close": b"Connection: close",
    "an expectation": b"Expect: 100-continue",
    "credentials": b"Authorization: Bearer abc\r\nCookie: a=b",
    "no value": b"A:",
    "bytes": b"A: \xff\xfe",
    "a hundred fields": b"\r\n".join(b"A%d: b" % number for number in range(100)),
}


def _sizes() -> Iterator[Case]:
    why = "RFC 9112, 7.1: a size is of hexadecimal digits, and its line ends in CRLF"
    for name, size in _BAD_SIZES.items():
        yield refused(f"a chunk's size with {name}", chunked(size + b"\r\n" + NOTE + b"\r\n" + _END), why)
    for name, body in _BAD_CHUNKS.items():
        yield refused(f"chunks: {name}", chunked(body), why)
    yield refused("a chunk's extension of 70 KB", chunked(b"c;" + b"a" * 70_000 + b"\r\n"), "7.1.1", 400, 431)
    good = {
        "a capital size": b"C\r\n" + NOTE + b"\r\n" + _END,
        "leading zeros": b"00c\r\n" + NOTE + b"\r\n000\r\n\r\n",
        "single bytes": b"".join(b"1\r\n%c\r\n" % byte for byte in NOTE) + _END,
        "an extension": b"c;a=b\r\n" + NOTE + b"\r\n" + _END,
        "an extension with blanks": b"c \t; a = b\r\n" + NOTE + b"\r\n" + _END,
        "a quoted extension": b'c;a="b;\\"c"\r\n' + NOTE + b"\r\n" + _END,
        "an empty extension": b"c;\r\n" + NOTE + b"\r\n" + _END,
        "an extension of the last chunk": _CHUNK + b"0;a=b\r\n\r\n",
        "high bytes in an extension": b"c;\xff\r\n" + NOTE + b"\r\n" + _END,
    }
    for name, body in good.items():
        yield served(f"chunks: {name}", chunked(body), "RFC 9112, 7.1.1: extensions that are not known are ignored")
    yield served("chunks: none but the last", chunked(_END), "RFC 9112, 7.1: an empty body", 422)


def _trailers() -> Iterator[Case]:
    for name, lines in _BAD_TRAILERS.items():
        yield refused(f"a trailer with {name}", chunked(_LAST + lines + b"\r\n\r\n"), "RFC 9112, 7.1.2 and 5")
    too_much = b"a: b\r\n" * 2_000
    yield refused("2 000 trailer fields", chunked(_LAST + too_much + b"\r\n"), "RFC 6585, 5", 400, 431)
    why = "RFC 9110, 6.5.1: trailer fields are not merged into the header"
    for name, lines in _GOOD_TRAILERS.items():
        yield served(f"a trailer with {name}", chunked(_LAST + lines + b"\r\n\r\n"), why)
        unread = get(b"Transfer-Encoding: chunked", body=b"1\r\na\r\n0\r\n" + lines + b"\r\n\r\n")
        yield served(f"a trailer that nobody reads, with {name}", unread, why)


CASES = [*_sizes(), *_trailers()]
