"""Header fields: names, values, Host, Expect, Connection, Upgrade (RFC 9110, 5, 7 and 10; RFC 9112, 5)."""

from collections.abc import Iterator

from tests.integration.wire.case import CHUNKS, LOOPBACK, Case, get, post, refused, served

_BAD_FIELDS = {
    "a blank before the colon": b"A : b",
    "a tab before the colon": b"A\t: b",
    "no name": b": b",
    "only a colon": b":",
    "no colon": b"abc",
    "only blanks": b"  ",
    "a blank in the name": b"A b: c",
    "a NUL in the name": b"A\0: b",
    "UTF-8 in the name": "Aé: b".encode(),
    "Latin-1 in the name": b"A\xe9: b",
    "a control character in the name": b"A\x0b: b",
    "a bracket in the name": b"A(: b",
    "a slash in the name": b"A/: b",
    "an at sign in the name": b"A@: b",
    "a quote in the name": b'A": b',
    "a comma in the name": b"A,: b",
    "an equals sign in the name": b"A=b: c",
    "a NUL in the value": b"A: b\0",
    "a bare CR in the value": b"A: b\rc",
    "a bare LF in the value": b"A: b\nc",
    "a bare LF and a field": b"A: b\nContent-Length: 5",
    "a bare CR and a field": b"A: b\rContent-Length: 5",
    "a bare LF at its end": b"A: b\n",
    "CR CR LF at its end": b"A: b\r\r\n",
    "a folded line": b"A: b\r\n c",
    "a line folded by a tab": b"A: b\r\n\tc",
    "a folded empty line": b"A: b\r\n \r\nB: c",
    "a name of 70 000 bytes": b"A" * 70_000 + b": b",
    "a value of 70 000 bytes": b"A: " + b"b" * 70_000,
    "2 000 fields": b"a: b\r\n" * 2_000,
}
_GOOD_FIELDS = {
    "no blank": b"A:b",
    "many blanks": b"A: \t  b  \t ",
    "no value": b"A:",
    "a blank value": b"A:   ",
    "colons": b"A: :b:c:",
    "UTF-8": "A: é".encode(),
    "bytes": b"A: \xff\xfe",
    "a name of marks": b"!#$%&'*+-.^_`|~: b",
    "a name of digits": b"1: b",
    "a value of 60 000 bytes": b"A: " + b"b" * 60_000,
    "a name of 60 000 bytes": b"A" * 60_000 + b": b",
    "1 500 fields": b"a: b\r\n" * 1_500,
    "a field twice": b"A: b\r\na: c",
    "Accept twice": b"Accept: text/html\r\nAccept: application/json",
    "an accepted type of 60 000 bytes": b"Accept: " + b"a/b," * 15_000,
    "a cookie of 60 000 bytes": b"Cookie: " + b"a=b;" * 15_000,
    "a type that is none": b"Content-Type: ;;;",
    "Proxy": b"Proxy: http://evil.example",
    "another method": b"X-HTTP-Method-Override: DELETE",
    "another path": b"X-Original-URL: /health\r\nX-Rewrite-URL: /health",
    "another host": b"X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: gopher",
    "a range": b"Range: bytes=0-0,5-1",
}
_GOOD_HOSTS = (
    *(b"x", b"X.example", b"x.", b"127.0.0.1:80", b"[::1]", b"[::1]:80", b"[::ffff:1.2.3.4]", b"[v1.a]", b"a:", b"a:0"),
    *(b"x%41", b"x_y", b"xn--bcher-kva.example", b" x ", b"a" * 255),
)
_BAD_HOSTS = (
    *(
        b"",
        b" ",
        b"a b",
        b"a\tb",
        b"a/b",
        b"a?b",
        b"a#b",
        b"a@b",
        b"u:p@x",
        b"@",
        b"a:b",
        b"a:-1",
        b"a: 80",
        b"a:80:80",
    ),
    *(
        b":80",
        b"[::1",
        b"::1",
        b"[]",
        b"[zz]",
        b"[1:2]",
        b"[::1]x",
        b"[::1]:x",
        b"[fe80::1%eth0]",
        b"x[::1]",
        b"a:999999",
    ),
    *(
        b"http://x",
        b"x\\y",
        b"x%zz",
        b"x%",
        b"<script>",
        b'"x"',
        b"a^b",
        b"{x}",
        b"a|b",
        b"\xc3\xa9",
        b"a\xff",
        b"a\x0bb",
    ),
    *(b"a\0b", b"a\x7f", b"x\r\n y"),
)
_EXPECT = {
    b"100-continue": 200,
    b"100-Continue": 200,
    b"  100-continue ": 200,
    b"100-continue\r\nExpect: 100-continue": 200,
}
_BAD_EXPECT = (b"", b"200-ok", b"100-continue, 100-continue", b"100-continue;a", b"100", b"100-continue\r\nExpect: x")
_H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
_WEBSOCKET = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
_CONNECTION = {
    b"close": True,
    b"CLOSE": True,
    b" close\t": True,
    b"keep-alive, close": True,
    b"close, te": True,
    b",, close ,": True,
    b"keep-alive\r\nConnection: close": True,
    b"keep-alive": False,
    b"closed": False,
    b"host, transfer-encoding, content-length": False,
    b"x-forwarded-for": False,
    b"": False,
    b"a," * 20_000: False,
}
_ADDRESS = "198.51.100.7"


def _plain() -> Iterator[Case]:
    for name, line in _BAD_FIELDS.items():
        large = (431,) if len(line) > 10_000 else ()
        yield refused(f"a field with {name}", get(line), "RFC 9112, 5; RFC 9110, 5.1 and 5.5; RFC 6585, 5", *large)
    yield refused("a folded first field", get(host=b" Host: x\r\n"), "RFC 9112, 2.2 and 5.2")
    for name, line in _GOOD_FIELDS.items():
        yield served(f"a field with {name}", get(line), "RFC 9110, 5.5")
    twice = {
        "Content-Type": b"Content-Length: 12\r\nContent-Type: text/plain",
        "Authorization": b"Content-Length: 12\r\nAuthorization: a\r\nAuthorization: b",
    }
    for name, lines in twice.items():
        yield refused(f"{name} twice", post(lines), "RFC 9110, 5.3: two readings")


def _addresses() -> Iterator[Case]:
    why = "the address is that of the header that the proxy sets, and of nothing that looks like it"
    forwarded = b"X-Forwarded-For: " + _ADDRESS.encode()
    yield served("an address", get(forwarded), why, client=_ADDRESS)
    yield served("an address and blanks", get(forwarded + b" \t"), why, client=_ADDRESS)
    yield served("an address twice", get(b"X-Forwarded-For: 9.9.9.9\r\n" + forwarded), why, client=_ADDRESS)
    for lines in (
        b"X_Forwarded_For: 9.9.9.9",
        b"X-Forwarded-For: x",
        b"X-Forwarded-For:",
        b"X-Real-Ip: 9.9.9.9",
        b"Client-Ip: 9.9.9.9",
        forwarded + b"\r\nForwarded: for=9.9.9.9",
    ):
        yield served(f"no address in {lines.decode()!r}", get(lines), why, client=LOOPBACK)


def _hosts() -> Iterator[Case]:
    why = "RFC 9112, 3.2; RFC 3986, 3.2.2: one host of a name or an address, and perhaps a port"
    for host in _GOOD_HOSTS:
        yield served(f"host {host[:20].decode()!r}", get(host=b"Host: " + host + b"\r\n"), why)
    for host in _BAD_HOSTS:
        yield refused(f"host {host.decode('latin-1')!r}", get(host=b"Host: " + host + b"\r\n"), why)
    yield refused("no host", get(host=b""), why)
    yield refused("two hosts", get(b"Host: x"), why)
    yield refused("two hosts in other letters", get(b"hOST: y"), why)
    yield refused("two hosts in HTTP/1.0", get(b"Host: y", version=b"HTTP/1.0"), why)
    yield refused("no host beside a whole URI", get(target=b"http://x/version", host=b""), why)
    yield refused("a bad host beside a whole URI", get(target=b"http://x/version", host=b"Host: a b\r\n"), why)
    yield served("host 'a:99999'", get(host=b"Host: a:99999\r\n"), why, 200)


def _expectations() -> Iterator[Case]:
    length = b"Content-Length: 12\r\nExpect: "
    for value, status in _EXPECT.items():
        yield served(f"Expect {value.decode()!r}", post(length + value), "RFC 9110, 10.1.1", status)
    for value in _BAD_EXPECT:
        yield refused(f"Expect {value.decode()!r}", post(length + value), "RFC 9110, 10.1.1", 417)
    chunks = post(b"Transfer-Encoding: chunked\r\nExpect: 100-continue", CHUNKS)
    yield served("Expect and chunks", chunks, "RFC 9110, 10.1.1")
    yield served("Expect without a body", get(b"Expect: 100-continue"), "RFC 9110, 10.1.1: nothing to wait for")
    old = post(length + b"100-continue", version=b"HTTP/1.0")
    yield served("Expect in HTTP/1.0", old, "RFC 9110, 10.1.1: is ignored", closes=True)


def _connections() -> Iterator[Case]:
    why = "RFC 9112, 9.6: the last request is the one that says close"
    for value, closes in _CONNECTION.items():
        yield served(f"Connection {value[:60].decode()!r}", get(b"Connection: " + value), why, closes=closes)
    yield served("Proxy-Connection", get(b"Proxy-Connection: close\r\nKeep-Alive: timeout=0"), why)
    why = "RFC 9110, 7.8: an upgrade may be ignored, and its request is one like others"
    yield served("h2c", get(_H2C), why)
    yield served("h2c and a length of 0", get(_H2C + b"Content-Length: 0"), why)
    yield served("h2c and a body", post(_H2C + b"Content-Length: 12"), why)
    yield served("h2c and chunks", post(_H2C + b"Transfer-Encoding: chunked", CHUNKS), why)
    yield served("h2c and close", get(_H2C + b"Connection: close"), why, closes=True)
    yield served("h2c that nobody announced", get(b"Upgrade: h2c"), why)
    yield served("WebSocket", get(_WEBSOCKET), why)
    yield served("WebSocket and a body", post(_WEBSOCKET + b"Content-Length: 12"), why)
    yield served("an upgrade to TLS", get(b"Connection: upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1"), why)


CASES = [*_plain(), *_addresses(), *_hosts(), *_expectations(), *_connections()]
