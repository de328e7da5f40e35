"""Who is asking: the one place that decides which address a request comes from, for the log and the rate limit alike.

Whatever it returns is an address in its one canonical spelling, `UNIX` or `UNKNOWN`: nothing that a client wrote gets
any further unparsed.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final, Literal

import attrs
import falcon.asgi

from tbg.forwarding import HOPS

UNIX: Final = "unix"  # a peer on a Unix socket has no address
UNKNOWN: Final = "unknown"  # RFC 7239, section 6.2; a TCP peer that was gone before anyone could ask for its address
_REMEMBERED: Final = 4096  # parsing an address takes longer than all the rest; a bound, because clients choose them


@attrs.frozen
class ClientAddresses:
    """Tell where requests come from: the connection's other end, or whom trusted proxies say they act for.

    A header that a proxy passes on unchanged holds what the client likes. So when both headers are there and lead to
    different addresses, neither is believed, and the proxy itself counts as the client; an operator who knows which
    one the proxies write names it.

    Attributes:
        trusted_proxies: Addresses and networks of proxies, and `UNIX` for whoever connects through a Unix socket.
        forwarded_header: The one that the proxies write, in small letters; ``"either"`` if it is not known.
    """

    trusted_proxies: tuple[str, ...] = ()
    forwarded_header: Literal["either", "forwarded", "x-forwarded-for"] = "either"
    _is_trusted: Callable[[str], bool] = attrs.field(init=False, eq=False, repr=False)

    @_is_trusted.default
    def _remembering(self) -> Callable[[str], bool]:
        networks = [ip_network(text) for text in self.trusted_proxies if text != UNIX]

        @lru_cache(_REMEMBERED)
        def is_trusted(client: str) -> bool:
            if client in {UNIX, UNKNOWN}:
                return client in self.trusted_proxies
            address = ip_address(client)
            return any(address in network for network in networks)

        return is_trusted

    def of(self, req: falcon.asgi.Request) -> str:
        """Return the client's address. Never raises, whatever was sent."""
        peer = _peer(req.scope)
        return self._behind(peer, req) if self.trusted_proxies and self._is_trusted(peer) else peer

    def _behind(self, proxy: str, req: falcon.asgi.Request) -> str:
        names = HOPS if self.forwarded_header == "either" else (self.forwarded_header,)
        told = {self._walk(proxy, name, value) for name in names if (value := req.get_header(name))}
        return told.pop() if len(told) == 1 else proxy

    def _walk(self, proxy: str, header: str, value: str) -> str:
        """Go from the nearest hop outwards to the first that is not trusted; a hop without an address ends the way."""
        seen = proxy
        for hop in HOPS[header](value):
            address = canonical_address(hop)
            if address is None:
                return seen
            seen = address
            if not self._is_trusted(seen):
                return seen
        return seen


@lru_cache(_REMEMBERED)
def rate_limit_key(client: str, ipv6_prefix: int) -> str:
    """Return what is charged for the requests of ``client``: an IPv4 address, or the network of an IPv6 address.

    Whoever has an IPv6 address has a whole network of them, as a rule a /64 (RFC 6177), and can use each once.
    """
    address = canonical_address(client) or client
    return str(ip_network((address, ipv6_prefix), strict=False)) if ":" in address else address


@lru_cache(_REMEMBERED)
def canonical_address(text: str) -> str | None:
    """Return the one spelling of an IP address (RFC 5952), IPv4 for an IPv4-mapped one; None for anything else.

    An address with a zone (``fe80::1%eth0``) is something else: the zone could be any text.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if not isinstance(address, IPv6Address):
        return text
    return None if address.scope_id is not None else str(address.ipv4_mapped or address)


def _peer(scope: dict[str, Any]) -> str:
    """Return the connection's other end, as the server has it from the system."""
    client = scope.get("client")
    if client:
        return canonical_address(client[0]) or canonical_address(client[0].partition("%")[0]) or UNKNOWN
    server = scope.get("server")
    # To ASGI it is any iterable; Falcon's test client has one that can be read once, and is to read it itself.
    return UNIX if isinstance(server, Sequence) and server[1] is None else UNKNOWN
