"""Request lines: methods, targets and versions (RFC 9112, section 3)."""

from collections.abc import Iterator

from tests.integration.wire.case import Case, get, refused, served

_ORIGIN = "RFC 9112, 3.2.1; RFC 3986, 3.3"
# The path as it stands decides; nothing is resolved or repaired.
_SERVED_TARGETS: dict[bytes, int] = {
    b"/version": 200,
    b"/version?": 200,
    b"/version?a=b&c": 200,
    b"/version??a": 200,
    b"/version?a=/../b": 200,
    b"/version?%ff%00%": 200,
    b"/": 404,
    b"//": 404,
    b"///": 404,
    b"//version": 404,
    b"//x/version": 404,
    b"/version/": 404,
    b"/version//": 404,
    b"/./version": 404,
    b"/../version": 404,
    b"/x/../version": 404,
    b"/version/.": 404,
    b"/%2e/version": 404,
    b"/%2e%2e/version": 404,
    b"/x/%2E%2E/version": 404,
    b"/%2Fversion": 404,
    b"/version%2F": 404,
    b"/version%2fx": 404,
    b"/version%3Fa": 404,
    b"/version%23a": 404,
    b"/version%5C": 404,
    b"/version%20": 404,
    b"/version%00": 404,
    b"/version%0d%0aX:%20y": 404,
    b"/version%252F": 404,
    b"/version;a=b": 404,
    b"/\\version": 404,
    b"/..\\version": 404,
    b"/version\\": 404,
    b"/%c3%a9": 404,
    b'/"<>^`{|}~': 404,
    b"/%": 400,
    b"/%4": 400,
    b"/%zz": 400,
    b"/version%": 400,
    b"/%u0041": 400,
    b"/%ff": 400,
    b"/%c3": 400,
    b"/%c0%af": 400,
    b"/%ed%a0%80": 400,
    b"/" + b"a" * 60_000: 404,
    b"/" * 60_000: 404,
    b"/%61" * 15_000: 404,
    b"/version?" + b"a" * 60_000: 200,
    b"http://x/version": 200,
    b"HTTP://X/version": 200,
    b"http://x:80/version?a": 200,
    b"http://other.example/version": 200,
    b"http://[::1]:80/version": 200,
    b"http://x": 404,
    b"http://x/": 404,
    b"http://x?a": 404,
    b"http://x//version": 404,
    b"http://x/%ff": 400,
}
_REFUSED_TARGETS = (
    *(b"", b"*", b"**", b"*/version", b"version", b"?a", b"x:80", b"%2Fversion", b".", b"\\version", b"/a b", b"/a\tb"),
    *(b"/version#a", b"/#", b"#", b"/v\xc3\xa9", b"/\xff", b"/\x7f", b"/\0", b"/a\x0bb", b"/a\rb", b"/a\nb"),
    *(b"http://", b"http:///version", b"http:/version", b"http:version", b"http//x/version", b"://x/version"),
    *(b"http://u:p@x/version", b"http://u@x/version", b"http://x:port/version", b"http://x:99999999/version"),
    *(b"http://[::1/version", b"http://[zz]/version", b"http://x\\@y/version", b"http://x%zz/version", b"http://:80/"),
    *(b"http://x/version#a", b"http://x y/version", b"ftp://x/version", b"ws://x/version", b"file:///etc/passwd"),
    *(b"javascript:alert(1)", b"urn:x:y"),
)
_METHODS = {b"HEAD": 200, b"OPTIONS": 200} | dict.fromkeys(
    (b"POST", b"PUT", b"PATCH", b"DELETE", b"TRACE", b"CONNECT", b"PROPFIND", b"REPORT", b"VERSION-CONTROL", b"QUERY"),
    405,
)
_UNKNOWN_METHODS = (
    *(b"FOO", b"get", b"Get", b"GETX", b"M-SEARCH", b"PURGE", b"WEBSOCKET", b"LINK", b"-", b"!#$%&'*+.^_`|~"),
    *(b"A" * 33, b"A" * 5_000),
)
_NO_METHODS = (b"", b"\t", b"G\0T", b"G(T", b"GET:", b"G,T", b"G/T", b"G=T", b"\xffGET", b"GET\x0b", b'"GET"', b"[GET]")
_BAD_VERSIONS = (
    *(b"", b"HTTP", b"HTTP/", b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP/1.10", b"HTTP/01.1", b"HTTP/1,1", b"HTTP/1.1x"),
    *(b"HTTP/1.1;", b"http/1.1", b"Http/1.1", b"HTTPS/1.1", b"RTSP/1.0", b"SIP/2.0", b"ICY/1.0", b"HTTP/+1.1"),
    *(b"HTTP/-1.1", b"HTTP/1.-1", b"HTTP/x.y", b"HTTP\\1.1", b"HTTP/\xb9.1", b"HTTP/1.1 HTTP/1.1", b"x HTTP/1.1"),
)
_REST = b" /version HTTP/1.1\r\nHost: x\r\n\r\n"
_BAD_LINES = {
    "two blanks behind the method": b"GET  /version HTTP/1.1",
    "two blanks behind the target": b"GET /version  HTTP/1.1",
    "a blank behind the version": b"GET /version HTTP/1.1 ",
    "a tab behind the version": b"GET /version HTTP/1.1\t",
    "a tab behind the method": b"GET\t/version HTTP/1.1",
    "a tab behind the target": b"GET /version\tHTTP/1.1",
    "a vertical tab between": b"GET\x0b/version HTTP/1.1",
    "a no-break space between": b"GET\xa0/version HTTP/1.1",
    "a CR behind the method": b"GET\r/version HTTP/1.1",
    "a CR before its end": b"GET /version HTTP/1.1\r",
    "a NUL at its end": b"GET /version HTTP/1.1\0",
    "only a method": b"GET",
    "only blanks": b"   ",
    "a blank before": b" GET /version HTTP/1.1",
    "a tab before": b"\tGET /version HTTP/1.1",
    "a status line": b"HTTP/1.1 200 OK",
    "a PROXY line": b"PROXY TCP4 9.9.9.9 127.0.0.1 1 2",
    "another protocol": b"SSH-2.0-OpenSSH_9.2",
}


def _targets() -> Iterator[Case]:
    for target, status in _SERVED_TARGETS.items():
        yield served(f"target {_name(target)}", get(target=target), _ORIGIN, status)
    for target in _REFUSED_TARGETS:
        yield refused(f"target {_name(target)}", get(target=target), "RFC 9112, 3.2: none of the four forms")
    yield served("OPTIONS *", get(target=b"*", method=b"OPTIONS"), "RFC 9110, 9.3.7")
    yield served("OPTIONS of a server", get(target=b"http://x", method=b"OPTIONS"), "RFC 9112, 3.2.4: it is *")
    for method in (b"HEAD", b"POST", b"PUT", b"DELETE", b"TRACE", b"CONNECT", b"PROPFIND"):
        yield refused(f"{method.decode()} *", get(target=b"*", method=method), "RFC 9112, 3.2.4: OPTIONS only")
    yield refused("CONNECT", get(target=b"x:443", method=b"CONNECT"), "RFC 9112, 3.2.3: this is no proxy")
    for size in (65_600, 200_000):
        why = "RFC 9112, 3: 414 for a target that is too long"
        yield refused(f"a target of {size} bytes", get(target=b"/" + b"a" * size), why, 414, 431)


def _methods() -> Iterator[Case]:
    for method, status in _METHODS.items():
        yield served(f"method {method.decode()}", get(method=method), "RFC 9110, 15.5.6", status)
    for method in _UNKNOWN_METHODS:
        why = "RFC 9110, 15.6.2: 501 for a method that no resource knows; names are case-sensitive (9.1)"
        yield refused(f"method {_name(method)}", get(method=method), why, 501)
    for method in _NO_METHODS:
        yield refused(f"method {_name(method)}", get(method=method), "RFC 9110, 9.1: a method is a token")
    forwarded = b"X-Forwarded-For: 198.51.100.7"
    why = "the log says who asked, whatever was wrong"
    yield refused("an unknown method behind a proxy", get(forwarded, method=b"FOO"), why, 501, client="198.51.100.7")
    yield refused("a bad target behind a proxy", get(forwarded, target=b"/a#b"), why, client="198.51.100.7")
    yield refused("a bad host behind a proxy", get(forwarded, host=b"Host: a b\r\n"), why, client="198.51.100.7")
    yield refused(
        "two codings behind a proxy", get(forwarded + b"\r\nTransfer-Encoding: a"), why, client="198.51.100.7"
    )


def _versions() -> Iterator[Case]:
    for version in (b"HTTP/1.2", b"HTTP/1.9"):
        why = "RFC 9110, 6.2: a later minor version is served as the own one"
        yield served(f"version {version.decode()}", get(version=version), why)
    why = "RFC 9112, 9.3: HTTP/1.0 closes"
    yield served("version HTTP/1.0", get(version=b"HTTP/1.0"), why, closes=True)
    yield served("version HTTP/1.0 without Host", get(version=b"HTTP/1.0", host=b""), why, closes=True)
    yield served("HTTP/1.0 that keeps alive", get(b"Connection: keep-alive", version=b"HTTP/1.0"), why, closes=True)
    for version in (b"HTTP/2.0", b"HTTP/3.0", b"HTTP/0.9", b"HTTP/9.9"):
        yield refused(f"version {version.decode()}", get(version=version), "RFC 9110, 15.6.6", 505)
    for version in _BAD_VERSIONS:
        yield refused(f"version {_name(version)}", get(version=version), "RFC 9112, 2.3")
    yield refused("HTTP/2 with prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "RFC 9113, 3.4", 505)
    yield refused("HTTP/0.9", b"GET /version\r\n\r\n", "RFC 9112, 2.3")


def _lines() -> Iterator[Case]:
    for name, line in _BAD_LINES.items():
        yield refused(f"line with {name}", line + b"\r\nHost: x\r\n\r\n", "RFC 9112, 3: one blank between the parts")
    bare = get().replace(b"\r\n", b"\n")
    yield refused("bare LFs", bare, "RFC 9112, 2.2: a bare LF may be taken for an end, and here is not")
    yield refused("bare CRs", get().replace(b"\r\n", b"\r"), "RFC 9112, 2.2")
    yield refused("LF CR", get().replace(b"\r\n", b"\n\r"), "RFC 9112, 2.2")
    yield refused("an empty line of LF before", b"\n" + get(), "RFC 9112, 2.2: empty lines are CRLF")
    yield refused("an empty line of CR before", b"\r" + get(), "RFC 9112, 2.2")
    yield refused("a blank line before", b" \r\n" + get(), "RFC 9112, 2.2")
    yield served("an empty line before", b"\r\n" + get(), "RFC 9112, 2.2")
    yield served("a hundred empty lines before", b"\r\n" * 100 + get(), "RFC 9112, 2.2")
    yield refused("bytes", b"\x00\x01\x02garbage\r\n\r\n", "RFC 9112, 3")
    yield refused("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), "RFC 9112, 3")


def _name(text: bytes) -> str:
    shown = text.decode("ascii", "backslashreplace").encode("unicode_escape").decode()
    return repr(shown if len(shown) < 40 else f"{shown[:20]}…{len(text)}")


CASES = [*_targets(), *_methods(), *_versions(), *_lines()]
