"""Whose request it is: the peer's, unless the peer is trusted; and never anything that a client made up."""

import time
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal

import pytest
from falcon.testing import create_scope
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tbg.client import UNIX, UNKNOWN, ClientAddresses, canonical_address, rate_limit_key
from tbg.context import Request
from tbg.forwarding import HOPS

PROXY, OTHER_PROXY, CLIENT, SPOOFED = "10.0.0.1", "10.0.0.2", "192.0.2.1", "198.51.100.66"
TRUSTED = ("10.0.0.0/8", "2001:db8:ffff::/48")
BEHIND = ClientAddresses(TRUSTED)
PROPERTY = settings(database=None, derandomize=True, deadline=None, max_examples=200)
TCP, SOCKET = ("127.0.0.1", 8000), ("/run/tbg.sock", None)

Header = Literal["forwarded", "x-forwarded-for"]
Choice = Literal["either", "forwarded", "x-forwarded-for"]


async def _receive() -> dict[str, object]:
    return {"type": "http.request"}


def request(
    *headers: tuple[str, bytes | str], peer: str | None = PROXY, server: tuple[str, int | None] = TCP
) -> Request:
    """Make a request with header lines as they come over the wire."""
    lines = [(name.encode(), value.encode() if isinstance(value, str) else value) for name, value in headers]
    client = (peer, 50_000) if peer else None
    return Request({**create_scope(), "client": client, "server": server, "headers": lines}, _receive)


def x_forwarded_for(value: bytes | str, clients: ClientAddresses = BEHIND, peer: str = PROXY) -> str:
    return clients.of(request(("x-forwarded-for", value), peer=peer))


def forwarded(value: bytes | str, clients: ClientAddresses = BEHIND, peer: str = PROXY) -> str:
    return clients.of(request(("forwarded", value), peer=peer))


class TestPeers:
    @pytest.mark.parametrize(
        ("peer", "address"),
        [
            (CLIENT, CLIENT),
            ("::1", "::1"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("::ffff:192.0.2.1", CLIENT),
            ("fe80::1%eth0", "fe80::1"),
            ("testclient", UNKNOWN),
            (None, UNKNOWN),
        ],
    )
    @pytest.mark.parametrize("clients", [ClientAddresses(), BEHIND])
    def test_the_client_is_the_other_end_of_the_connection(
        self, clients: ClientAddresses, peer: str | None, address: str
    ) -> None:
        headers = (("forwarded", f"for={SPOOFED}"), ("x-forwarded-for", SPOOFED))

        assert clients.of(request(*headers, peer=peer)) == address

    @pytest.mark.parametrize("peer", ["127.0.0.1", "::1", PROXY])
    def test_no_proxy_is_trusted_unless_it_is_named(self, peer: str) -> None:
        assert x_forwarded_for(SPOOFED, ClientAddresses(), peer) == peer

    @pytest.mark.parametrize("peer", [PROXY, "10.255.255.255", "::ffff:10.0.0.1", "2001:db8:ffff::1"])
    def test_a_proxy_is_trusted_however_its_address_is_written(self, peer: str) -> None:
        assert x_forwarded_for(CLIENT, BEHIND, peer) == CLIENT

    def test_a_unix_socket_has_a_name_of_its_own(self) -> None:
        assert BEHIND.of(request(("x-forwarded-for", SPOOFED), peer=None, server=SOCKET)) == UNIX

    def test_a_unix_socket_can_be_trusted(self) -> None:
        clients = ClientAddresses(("unix",))

        assert clients.of(request(("x-forwarded-for", CLIENT), peer=None, server=SOCKET)) == CLIENT
        assert clients.of(request(peer=None, server=SOCKET)) == UNIX

    def test_a_peer_that_is_gone_is_no_unix_socket(self) -> None:
        """A reset before the server asks for the address leaves none; the request itself can still be read."""
        assert ClientAddresses(("unix",)).of(request(("x-forwarded-for", SPOOFED), peer=None)) == UNKNOWN

    def test_a_scope_may_say_nothing(self) -> None:
        scope = {name: value for name, value in create_scope().items() if name not in {"client", "server"}}

        assert BEHIND.of(Request(scope, _receive)) == UNKNOWN


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (CLIENT, CLIENT),
        (f"{SPOOFED}, {CLIENT}", CLIENT),
        (f"{SPOOFED}, {CLIENT}, {OTHER_PROXY}", CLIENT),
        (f"{SPOOFED},{CLIENT}\t,  {OTHER_PROXY} ", CLIENT),
        (f"{OTHER_PROXY}, 10.0.0.3", OTHER_PROXY),
        (f"{PROXY}, {CLIENT}, {PROXY}", CLIENT),
        ("", PROXY),
        (" , ,\t, ", PROXY),
        (f", {CLIENT}, ,", CLIENT),
        (f"{CLIENT}:80", CLIENT),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:192.0.2.1", CLIENT),
        ("[::ffff:10.0.0.2]:80", OTHER_PROXY),
        (f"{CLIENT}, [2001:db8:ffff::2]:1", CLIENT),
    ],
)
def test_x_forwarded_for_is_walked_from_the_nearest_hop(value: str, address: str) -> None:
    assert x_forwarded_for(value) == address


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (f"for={CLIENT}", CLIENT),
        (f"For={CLIENT};Proto=https", CLIENT),
        (f"proto=https;FOR={CLIENT};by={PROXY}", CLIENT),
        (f'for="{CLIENT}:80"', CLIENT),
        (f"for={CLIENT}:80", CLIENT),
        ('for="[2001:DB8::1]"', "2001:db8::1"),
        ('for="[2001:db8::1]:4711";proto=https', "2001:db8::1"),
        ('for="[2001:db8::1]:_port.1"', "2001:db8::1"),
        ('for="2001:db8::1"', "2001:db8::1"),
        ('for="[::ffff:192.0.2.1]"', CLIENT),
        (r'for="\1\9\2.0.2.1"', CLIENT),
        (f"for={SPOOFED}, for={CLIENT}", CLIENT),
        (f"for={SPOOFED}, for={CLIENT}, for={OTHER_PROXY};by={PROXY}", CLIENT),
        (f"for={OTHER_PROXY}, for=10.0.0.3", OTHER_PROXY),
        (f" for={SPOOFED} ,\tfor={CLIENT} ; proto=https\t", CLIENT),
        (f"for={CLIENT};;proto=https;", CLIENT),
        (f",, for={CLIENT}, ,", CLIENT),
        (f'host="a, for={SPOOFED}";for={CLIENT}', CLIENT),
        (f'for={CLIENT};host="a, for={SPOOFED}"', CLIENT),
        (rf'for={CLIENT};host="a\", for={SPOOFED};x=\""', CLIENT),
        (rf'for={CLIENT};host="\\", for={OTHER_PROXY};host="\""', CLIENT),
        (f'for={CLIENT};host=";for={SPOOFED};"', CLIENT),
        (f'for={CLIENT}, for={OTHER_PROXY};host="caf\xe9"', CLIENT),
        (f"for={CLIENT};secret=_x.y-z", CLIENT),
        ("", PROXY),
        (", ;,", PROXY),
    ],
)
def test_forwarded_is_walked_from_the_nearest_hop(value: str, address: str) -> None:
    assert forwarded(value.encode("latin-1")) == address


@pytest.mark.parametrize(
    "prefix",
    [
        'for="',
        f'for={SPOOFED};x="',
        'a="\\',
        '"',
        "\\",
        ";",
        "=",
        'for="[2001:db8::66]',
        "x=\xff\xfe",
        f'for={SPOOFED}, "',
    ],
)
@pytest.mark.parametrize(
    ("element", "address"),
    [
        (f"for={CLIENT}", CLIENT),
        ('for="[2001:db8::1]:80";by="_b"', "2001:db8::1"),
        (f'for={CLIENT};host=" ;x="', CLIENT),
        (rf'for={CLIENT};host="\", for={SPOOFED}"', CLIENT),
    ],
)
def test_nothing_in_front_changes_how_a_proxys_own_element_is_read(prefix: str, element: str, address: str) -> None:
    """A client's quote that is never closed must not swallow what the proxy adds."""
    assert forwarded(f"{prefix}, {element}".encode("latin-1")) == address
    assert BEHIND.of(request(("forwarded", prefix.encode("latin-1")), ("forwarded", element))) == address


NO_ADDRESS = [
    "unknown",
    "UNKNOWN",
    "_hidden",
    "_SEVKISEK",
    "unix",
    "localhost",
    "-",
    "192.0.2",
    "192.0.2.1.1",
    "192.0.2.256",
    "192.0.2.01",
    "0xC0.0.2.1",
    "3221225985",
    "192.0.2.1/32",
    "192.0.2.1:",
    "192.0.2.1:port",
    "192.0.2.1:123456",
    "[192.0.2.1]",
    "[2001:db8::1",
    "2001:db8::1]",
    "[2001:db8::1]80",
    "[[2001:db8::1]]",
    "[]",
    "[:]",
    "fe80::1%eth0",
    "[fe80::1%25eth0]:80",
    "::1%\r",
    "2001:db8::1::1",
    "192.0.2.1 198.51.100.66",
    "192.0.2.1\x00",
    "\u0661.2.3.4",
    "\xff\xfe",
    "'192.0.2.1'",
    "*",
    "1" * 65,
    "[" + "0" * 60 + "::1]",
]


@pytest.mark.parametrize("node", NO_ADDRESS)
def test_a_hop_without_an_address_ends_the_walk(node: str) -> None:
    """The nearest trusted hop counts as the client then: one window for all whom its proxy does not name."""
    assert x_forwarded_for(node) == PROXY
    assert x_forwarded_for(f"{SPOOFED}, {node}, {OTHER_PROXY}") == OTHER_PROXY
    assert forwarded(f'for="{node}"') == PROXY
    assert forwarded(f'for={SPOOFED}, for="{node}", for={OTHER_PROXY}') == OTHER_PROXY


@pytest.mark.parametrize(
    "element",
    [
        "for",
        "for=",
        'for=""',
        "=192.0.2.1",
        "for==192.0.2.1",
        "for = 192.0.2.1",
        "by=192.0.2.1",
        "xfor=192.0.2.1",
        "192.0.2.1",
        "for=192.0.2.1;for=192.0.2.1",
        "for=192.0.2.1;For=192.0.2.2",
        'for="192.0.2.1',
        'for=192.0.2.1"',
        'for="192.0.2.1"x',
        "for='192.0.2.1'",
        'for="192.0.2.1\\"',
        "for=192.0.2.1;proto=ht tps",
        "for=192.0.2.1;proto",
        "for=192.0.2.1;a=\\b",
        "for=192.0.2.1;a=\xff",
        "\\for=192.0.2.1",
        "\xfffor=192.0.2.1",
        "x for=192.0.2.1",
        ";",
        f"for=192.0.2.1;x={'y' * 600}",
        f'for=192.0.2.1;x="{"," * 600}"',
    ],
)
def test_an_element_that_is_not_forwarded_syntax_ends_the_walk(element: str) -> None:
    assert forwarded(element.encode("latin-1")) == PROXY
    assert forwarded(f"for={SPOOFED}, {element}, for={OTHER_PROXY}".encode("latin-1")) == OTHER_PROXY


def test_lines_are_joined_in_their_order() -> None:
    for header, pattern in (("x-forwarded-for", "{}"), ("forwarded", "for={}")):
        lines = [(header, pattern.format(address)) for address in (SPOOFED, CLIENT, OTHER_PROXY)]

        assert BEHIND.of(request(*lines)) == CLIENT


class TestBothHeaders:
    def test_when_they_agree_it_does_not_matter_which(self) -> None:
        headers = (("forwarded", f'for={SPOOFED}, for="{CLIENT}:80"'), ("x-forwarded-for", CLIENT))

        assert BEHIND.of(request(*headers)) == CLIENT

    @pytest.mark.parametrize("forged", [SPOOFED, "garbage", "unknown", OTHER_PROXY])
    @pytest.mark.parametrize("passed_on", ["forwarded", "x-forwarded-for"])
    def test_when_they_disagree_neither_is_believed(self, passed_on: Header, forged: str) -> None:
        """A proxy that writes one header hands on the other as the client has sent it."""
        addresses = {"forwarded": CLIENT, "x-forwarded-for": CLIENT, passed_on: forged}
        headers = (("forwarded", f"for={addresses['forwarded']}"), ("x-forwarded-for", addresses["x-forwarded-for"]))

        assert BEHIND.of(request(*headers)) == PROXY

    @pytest.mark.parametrize("written", ["forwarded", "x-forwarded-for"])
    def test_an_operator_can_say_which_one_counts(self, written: Header) -> None:
        addresses = {"forwarded": SPOOFED, "x-forwarded-for": SPOOFED, written: CLIENT}
        headers = (("forwarded", f"for={addresses['forwarded']}"), ("x-forwarded-for", addresses["x-forwarded-for"]))

        assert ClientAddresses(TRUSTED, written).of(request(*headers)) == CLIENT

    @pytest.mark.parametrize("written", ["forwarded", "x-forwarded-for"])
    def test_the_other_one_alone_does_not_count_then(self, written: Header) -> None:
        other = {"forwarded": ("x-forwarded-for", SPOOFED), "x-forwarded-for": ("forwarded", f"for={SPOOFED}")}[written]

        assert ClientAddresses(TRUSTED, written).of(request(other)) == PROXY


class TestBounds:
    def test_a_walk_has_at_most_32_hops(self) -> None:
        hops = [f"10.1.0.{number}" for number in range(1, 34)]

        assert x_forwarded_for(", ".join(hops)) == "10.1.0.2"
        assert forwarded(", ".join(f"for={hop}" for hop in hops)) == "10.1.0.2"

    @pytest.mark.parametrize(
        "value",
        [
            ", ".join(["10.3.4.5"] * 10_000),
            ", ".join(["for=10.3.4.5"] * 5_000),
            ",".join(["for=10.3.4.5;x=" + "y" * 480] * 120),
            "," * 60_000,
            ", " * 30_000,
            ";" * 60_000,
            '"' * 60_000,
            "a" * 60_000,
            "1." * 30_000,
            ":" * 60_000,
            "[" * 60_000,
            "a=" * 30_000,
            ',a="' * 15_000,
            'a="\\"' * 12_000,
            ";a=b" * 15_000 + " =",
            'a="' + "\\" * 59_001 + '"',
            'a="' + "," * 59_000,
            " " * 60_000 + "x",
            "x" + " " * 60_000,
        ],
        ids=lambda value: value[:10],
    )
    def test_a_long_value_costs_little(self, value: str) -> None:
        """Less than any request does; a parser that tries things twice takes seconds for some of these."""
        started = time.thread_time()
        for header in ("forwarded", "x-forwarded-for"):
            assert BEHIND.of(request((header, value))) in {PROXY, "10.3.4.5"}

        assert time.thread_time() - started < 0.05

    def test_nothing_is_read_beyond_what_is_malformed(self) -> None:
        assert list(HOPS["forwarded"](f"for={SPOOFED}, garbage, for={CLIENT}")) == [CLIENT, ""]

    @pytest.mark.parametrize("hops", HOPS.values(), ids=HOPS)
    def test_what_is_too_long_for_an_address_is_not_looked_at(self, hops: Callable[[str], Iterable[str]]) -> None:
        """It would be remembered."""
        assert list(hops("for=" + "9" * 65)) == [""]

    def test_what_is_remembered_is_bounded(self) -> None:
        for number in range(10_000):
            x_forwarded_for(f"192.0.{number // 256}.{number % 256}")
            rate_limit_key(f"2001:db8::{number:x}", 64)

        for function in (canonical_address, rate_limit_key, BEHIND._is_trusted):
            assert function.cache_info().currsize <= 4096  # type: ignore[union-attr]  # each is an lru_cache


def elements(nodes: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """Make fields of plausible and implausible elements around ``nodes``."""
    forms = st.sampled_from(["{}", "for={}", 'for="{}"', "For={};proto=https", 'by=x;for="[{}]:1"', '"{}', "{};", "="])
    written = st.builds(lambda form, node: form.format(node), forms, nodes)
    return st.lists(written, max_size=40).map(", ".join).map(lambda text: text.encode("latin-1", "replace"))


anything = st.one_of(
    st.binary(max_size=300),
    elements(st.sampled_from([*NO_ADDRESS, CLIENT, OTHER_PROXY, "2001:db8::1"])),
    elements(st.one_of(st.ip_addresses().map(str), st.text(max_size=20))),
)


@given(
    headers=st.lists(st.tuples(st.sampled_from(["forwarded", "x-forwarded-for"]), anything), max_size=4),
    peer=st.one_of(st.none(), st.ip_addresses().map(str), st.just(PROXY)),
    trusted=st.sampled_from([(), TRUSTED, ("unix",), ("10.0.0.1",)]),
    choice=st.sampled_from(["either", "forwarded", "x-forwarded-for"]),
)
@PROPERTY
@example(headers=[("x-forwarded-for", b"unix")], peer=PROXY, trusted=TRUSTED, choice="either")
def test_whatever_is_sent_the_client_is_an_address(
    headers: Iterable[tuple[str, bytes]], peer: str | None, trusted: tuple[str, ...], choice: Choice
) -> None:
    address = ClientAddresses(trusted, choice).of(request(*headers, peer=peer))

    assert address == (UNKNOWN if peer is None else str(ip_address(address)))


@given(
    made_up=st.binary(max_size=100),
    client=st.ip_addresses().map(str).map(canonical_address),
    proxies=st.lists(st.sampled_from([OTHER_PROXY, "10.200.0.1", "2001:db8:ffff::9"]), max_size=5),
)
@PROPERTY
@example(made_up=b'for="', client=CLIENT, proxies=[OTHER_PROXY])
def test_no_client_can_change_what_honest_proxies_say_of_it(made_up: bytes, client: str, proxies: list[str]) -> None:
    """Each appends whom it got the request from; whatever the client has sent before stays in front."""
    hops = [client, *proxies]
    if all(BEHIND._is_trusted(hop) for hop in hops):
        return
    plain = ", ".join(hops).encode()
    quoted = ", ".join(f'for="{f"[{hop}]" if ":" in hop else hop}:1";proto=https' for hop in hops).encode()

    assert x_forwarded_for(made_up + b", " + plain) == client
    assert forwarded(made_up + b", " + quoted) == client


class TestRateLimitKeys:
    @pytest.mark.parametrize(
        ("client", "prefix", "key"),
        [
            (CLIENT, 64, CLIENT),
            (CLIENT, 32, CLIENT),
            ("::ffff:192.0.2.1", 64, CLIENT),
            ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64"),
            ("2001:DB8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64"),
            ("2001:db8:1:2:3:4:5:6", 56, "2001:db8:1::/56"),
            ("2001:db8:1:2:3:4:5:6", 32, "2001:db8::/32"),
            ("2001:db8:1:2::6", 128, "2001:db8:1:2::6/128"),
            ("::1", 64, "::/64"),
            (UNIX, 64, UNIX),
            (UNKNOWN, 64, UNKNOWN),
        ],
    )
    def test_an_ipv6_client_is_its_network(self, client: str, prefix: int, key: str) -> None:
        assert rate_limit_key(client, prefix) == key

    @PROPERTY
    @given(network=st.ip_addresses(v=6), hosts=st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=5))
    def test_all_addresses_of_a_network_share_a_key_and_others_do_not(
        self, network: IPv6Address, hosts: list[int]
    ) -> None:
        base = int(network) >> 64 << 64
        if base == 0:  # where the IPv4-mapped addresses are
            return
        keys = {rate_limit_key(str(ip_address(base + host)), 64) for host in hosts}

        assert keys == {str(ip_network((base, 64)))}
        assert rate_limit_key(str(ip_address((base + 2**64) % 2**128 or 2**64)), 64) not in keys
