"""The syntax of ``Forwarded`` (RFC 7239) and ``X-Forwarded-For``: whom each hop says it acts for, nearest hop first.

Proxies append, so what the nearest one wrote is at the end, and what the client may have made up at the beginning.
Reading starts at the end, so nothing in front can change how the end is read: not even a quote that is never closed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

MAX_HOPS: Final = 32  # more are not looked at
_MAX_ELEMENT: Final = 512  # characters; a proxy's own element is far shorter
_MAX_NODE: Final = 64  # characters; the longest address has 45

# Deterministic, and possessive so that nothing is tried twice. Colons and brackets should be quoted; not all do it.
_SPACE: Final = r"[ \t]*+"
_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_VALUE: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z:\[\]-]++" + r'|"(?:[^"\\]|\\.)*+"'
_PAIR: Final = re.compile(rf"({_NAME})=({_VALUE})")
_ELEMENT: Final = re.compile(
    rf"(?:\A|,){_SPACE}((?:{_NAME}=(?:{_VALUE}))?+(?:{_SPACE};{_SPACE}(?:{_NAME}=(?:{_VALUE}))?+)*+){_SPACE}\Z"
)
_NODE: Final = re.compile(r"(?:\[([^\[\]]*:[^\[\]]*)\]|([0-9.]+))(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?")


def forwarded(value: str) -> Iterator[str]:
    """Yield the ``for`` of each element of a ``Forwarded`` field, without port; ``""`` is an element without one."""
    end = len(value)
    for _ in range(MAX_HOPS):
        start = max(0, end - _MAX_ELEMENT)
        end = start + len(value[start:end].rstrip(" \t,"))  # empty elements are no hops (RFC 9110, section 5.6.1.2)
        element = _ELEMENT.search(value, start, end)
        yield _host(_for(element[1]) if element else "")
        end = element.start() if element else 0
        if end == 0:
            return


def x_forwarded_for(value: str) -> Iterator[str]:
    """Yield each element of an ``X-Forwarded-For`` field, without port."""
    for element in reversed(value.rsplit(",", MAX_HOPS)[-MAX_HOPS:]):
        if node := element.strip(" \t"):
            yield _host(node)


def _for(element: str) -> str:
    """Return an element's ``for``; names are case-insensitive, and each may stand there once (section 4)."""
    nodes = [value for name, value in _PAIR.findall(element) if name.lower() == "for"]
    if len(nodes) != 1:
        return ""
    return re.sub(r"\\(.)", r"\1", nodes[0][1:-1]) if nodes[0].startswith('"') else nodes[0]


def _host(node: str) -> str:
    """Return a node's name without its port (section 6); also of an IPv6 address without the brackets it should have.

    A name that is too long for an address is none.
    """
    if len(node) > _MAX_NODE:
        return ""
    match = _NODE.fullmatch(node)
    return match[1] or match[2] if match else node


HOPS: Final[Mapping[str, Callable[[str], Iterator[str]]]] = {
    "forwarded": forwarded,
    "x-forwarded-for": x_forwarded_for,
}
