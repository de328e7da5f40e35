"""Where a request ends: Content-Length, Transfer-Encoding, and both (RFC 9112, section 6)."""

from collections.abc import Iterator

from tests.integration.wire.case import CHUNKS, HIDDEN, NOTE, Case, cut, get, post, refused, served

_TE = b"Transfer-Encoding: "
_CL = b"Content-Length: "

# Each of these is "chunked" to some parser and nothing, or something else, to another one.
_OBFUSCATED: dict[str, tuple[bytes, int]] = {
    "with a letter before": (_TE + b"xchunked", 400),
    "with a letter behind": (_TE + b"chunkedx", 400),
    "with a parameter": (_TE + b"chunked;a", 400),
    "with a parameter and blanks": (_TE + b"chunked ; a=b", 400),
    "quoted": (_TE + b'"chunked"', 400),
    "twice": (_TE + b"chunked, chunked", 400),
    "in two fields": (_TE + b"chunked\r\n" + _TE + b"chunked", 400),
    "and another field": (_TE + b"chunked\r\n" + _TE + b"x", 400),
    "after another field": (_TE + b"x\r\n" + _TE + b"chunked", 501),
    "not last": (_TE + b"chunked, identity", 400),
    "with a comma behind": (_TE + b"chunked,", 400),
    "with a vertical tab": (_TE + b"\x0bchunked", 400),
    "with a vertical tab behind": (_TE + b"chunked\x0b", 400),
    "with a form feed": (_TE + b"\x0cchunked", 400),
    "with a no-break space": (_TE + b"\xa0chunked", 400),
    "with a NUL": (_TE + b"chunked\0", 400),
    "with a NUL inside": (_TE + b"chu\0nked", 400),
    "in two words": (_TE + b"chunked x", 400),
    "folded": (_TE + b"\r\n chunked", 400),
    "folded with a tab": (_TE + b"\r\n\tchunked", 400),
    "folded behind": (_TE + b"chunked\r\n x", 400),
    "with a blank before the colon": (b"Transfer-Encoding : chunked", 400),
    "with a tab before the colon": (b"Transfer-Encoding\t: chunked", 400),
    "with a blank before the name": (b" Transfer-Encoding: chunked", 400),
    "with a high byte in the name": (b"Transfer-Encoding\xa0: chunked", 400),
    "with a CR before the colon": (b"Transfer-Encoding\r: chunked", 400),
    "behind a bare LF": (b"X: y\nTransfer-Encoding: chunked", 400),
    "behind a bare CR": (b"X: y\rTransfer-Encoding: chunked", 400),
    "behind LF CR": (b"X: y\n\rTransfer-Encoding: chunked", 400),
    "with a bare LF inside": (_TE + b"\nchunked", 400),
    "ended by a bare LF": (_TE + b"chunked\n", 400),
    "ended by CR CR LF": (_TE + b"chunked\r", 400),
}
_OTHER_CODINGS = {
    b"": {400},
    b"identity": {400, 501},
    b"gzip": {400, 501},
    b"gzip, chunked": {501},
    b"identity, chunked": {501},
    b",chunked": {400, 501},
    b"chunked, gzip": {400},
    b"trailers": {400},
}
_BAD_LENGTHS = {
    "a plus": b"+12",
    "a minus": b"-12",
    "hexadecimal": b"0x0c",
    "hexadecimal digits": b"c",
    "two words": b"1 2",
    "a list": b"12,12",
    "a list with a blank": b"12, 12",
    "a list of two": b"12, 13",
    "a comma behind": b"12,",
    "a semicolon": b"12;",
    "an underscore": b"1_2",
    "a point": b"12.0",
    "an exponent": b"12e0",
    "full-width digits": "\uff11\uff12".encode(),
    "quoted": b'"12"',
    "a vertical tab": b"12\x0b",
    "a NUL": b"12\0",
    "nothing": b"",
    "a folded line": b"1\r\n 2",
    "a bare LF": b"1\n2",
    "a bare CR": b"12\r",
    "65 bits": b"18446744073709551628",
    "33 nines": b"9" * 33,
}
_TWICE = {"twice": b"12\r\nContent-Length: 12", "twice, different": b"12\r\nContent-Length: 0"}


def _both() -> Iterator[Case]:
    why = "RFC 9112, 6.1 and 6.3: both may be a smuggling attempt"
    short, long = b"Content-Length: 5", b"Content-Length: %d" % (5 + len(HIDDEN))
    end = b"0\r\n\r\n"
    yield refused("CL.TE", post(short + b"\r\nTransfer-Encoding: chunked", end + HIDDEN), why)
    yield refused("CL.TE, the other way round", post(b"Transfer-Encoding: chunked\r\n" + short, end + HIDDEN), why)
    yield refused("TE.CL", post(b"Transfer-Encoding: chunked\r\n" + long, end + HIDDEN), why)
    yield refused("CL 0 and TE", post(b"Content-Length: 0\r\nTransfer-Encoding: chunked", CHUNKS), why)
    yield refused("both in HTTP/1.0", post(short + b"\r\nTransfer-Encoding: chunked", end, b"HTTP/1.0"), why)
    yield refused("both on GET", get(short + b"\r\nTransfer-Encoding: chunked", body=end + HIDDEN), why)
    for name, (field, _) in _OBFUSCATED.items():
        statuses = (400, 501)
        yield refused(f"CL and TE {name}", post(short + b"\r\n" + field, end + HIDDEN), why, *statuses)


def _codings() -> Iterator[Case]:
    why = "RFC 9112, 6.1 and 6.3: the last coding is not chunked, or one is unknown"
    for name, (field, status) in _OBFUSCATED.items():
        yield refused(f"TE {name}", post(field, CHUNKS), why, status)
    for value, statuses in _OTHER_CODINGS.items():
        yield refused(f"TE {value.decode()!r}", post(_TE + value, CHUNKS), why, *statuses)
    yield refused("TE in HTTP/1.0", post(_TE + b"chunked", CHUNKS, b"HTTP/1.0"), "RFC 9112, 6.1: 1.0 has none")
    why = "RFC 9112, 7: coding names are case-insensitive; RFC 9110, 5.5: blanks around a value are no part of it"
    for value in (b"chunked", b"CHUNKED", b"Chunked", b"chunked  ", b"\t chunked\t"):
        yield served(f"TE {value.decode()!r}", post(_TE + value, CHUNKS), why)
    yield served("TE in small letters", post(b"transfer-encoding:chunked", CHUNKS), "RFC 9110, 5.1")
    yield served(
        "TE with an underscore", post(b"Transfer_Encoding: chunked\r\nContent-Length: 12"), "it is another field"
    )


def _lengths() -> Iterator[Case]:
    why = "RFC 9112, 6.3: Content-Length is one number of digits"
    for name, value in _BAD_LENGTHS.items():
        yield refused(f"CL with {name}", post(_CL + value, NOTE), why)
    for name, value in _TWICE.items():
        yield refused(f"CL {name}", post(_CL + value, NOTE), why)
    yield refused("CL twice in other letters", post(_CL + b"12\r\ncontent-length: 12"), why)
    for field in (
        b"Content-Length ",
        b"Content-Length\t",
        b" Content-Length",
        b"Content-Length\x0b",
        b"Content Length",
    ):
        yield refused(f"CL named {field.decode()!r}", post(field + b": 12"), "RFC 9112, 5.1: no blank before the colon")
    for value in (b"12", b"  12", b"12\t", b"012", b"000000000000000012"):
        yield served(f"CL {value.decode()!r}", post(_CL + value), "RFC 9110, 8.6: any number of digits")
    yield served(
        "CL beside one with an underscore", post(b"Content_Length: 99\r\nContent-Length: 12"), "it is another field"
    )


def _bodies() -> Iterator[Case]:
    hidden = b"Content-Length: %d" % len(HIDDEN)
    hidden_chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
    why = "RFC 9112, 6: a body is a body, whoever reads it"
    for method, status in ((b"GET", 200), (b"HEAD", 200), (b"OPTIONS", 200), (b"DELETE", 405), (b"TRACE", 405)):
        name = method.decode()
        yield served(f"a body on {name}", get(hidden, method=method, body=HIDDEN), why, status)
        yield served(
            f"chunks on {name}", get(b"Transfer-Encoding: chunked", method=method, body=hidden_chunk), why, status
        )
    yield served("a body on an unknown path", get(hidden, target=b"/x", method=b"POST", body=HIDDEN), why, 404)
    yield served("a body on OPTIONS *", get(hidden, target=b"*", method=b"OPTIONS", body=HIDDEN), why)
    yield served("a request as a body", post(hidden, HIDDEN), why, 400)
    yield served("a request as a chunk", post(b"Transfer-Encoding: chunked", hidden_chunk), why, 400)
    yield served("no length", post(b"", b""), "RFC 9112, 6.3: then there is no body", 422)
    yield served("a length of 0", post(b"Content-Length: 0", b""), why, 422)
    yield served("HTTP/1.0 with a length", post(b"Content-Length: 12", version=b"HTTP/1.0"), why, closes=True)


def _cut() -> Iterator[Case]:
    why = "RFC 9112, 8: an incomplete message"
    whole = post(b"Content-Length: 12")
    yield cut("a method", b"GET", why)
    yield cut("a request line", b"GET /version HTTP/1.1\r\n", why)
    yield cut("a field", b"GET /version HTTP/1.1\r\nHost: x", why)
    yield cut("half of the empty line", get()[:-1], why)
    yield cut("no body", whole[:-12], why)
    yield cut("a part of a body", whole[:-1], why)
    for name, end in (("after its size", 3), ("in its data", 8), ("after its data", 15), ("after its end", 17)):
        yield cut(f"a chunk cut {name}", post(_TE + b"chunked", CHUNKS[:end]), why)
    yield cut("chunks without the last one", post(_TE + b"chunked", CHUNKS[:-5]), why)
    yield cut("chunks without the last CRLF", post(_TE + b"chunked", CHUNKS[:-2]), why)
    yield cut("chunks without the last LF", post(_TE + b"chunked", CHUNKS[:-1]), why)
    yield cut("a trailer without an end", post(_TE + b"chunked", CHUNKS[:-2] + b"X-Forwarded-For: 9.9.9.9"), why)


CASES = [*_both(), *_codings(), *_lengths(), *_bodies(), *_cut()]
