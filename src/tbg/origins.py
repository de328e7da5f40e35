"""Web origins exactly as browsers write them: the text of a setting is compared with the header byte by byte.

How a URL's host becomes an origin's is the URL standard's (https://url.spec.whatwg.org, "host parsing" and "host
serializing"); an origin is its scheme, host and port, without the scheme's usual port.
"""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import urlsplit

_USUAL_PORTS: Final = {"http": 80, "https": 443}
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(?:\.{_LABEL})*\.?")
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")
_ZEROS: Final = re.compile(r"(?<![0-9a-f])0(?::0)+(?![0-9a-f])")


def browser_origin(url: str) -> str | None:
    """Return the origin that a browser sends for pages at a URL; None if it is no http or https URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _host(parts.hostname or "", in_brackets="[" in parts.netloc)
    except ValueError:  # of which UnicodeError is one
        return None
    if host is None or parts.scheme not in _USUAL_PORTS or port == 0:
        return None
    is_usual = port is None or port == _USUAL_PORTS[parts.scheme]
    return f"{parts.scheme}://{host}" if is_usual else f"{parts.scheme}://{host}:{port}"


def is_loopback(origin: str) -> bool:
    """Tell whether an origin's pages come from the browser's own machine, as in development."""
    host = urlsplit(origin).hostname or ""
    if ":" in host:
        address = IPv6Address(host)
        return address.is_loopback or address.is_unspecified or (address.ipv4_mapped or IPv4Address(1)).is_loopback
    if re.fullmatch(r"[0-9.]+", host):
        return IPv4Address(host).is_loopback or IPv4Address(host).is_unspecified
    return re.fullmatch(r"(?:.+\.)?localhost\.?", host) is not None


def _host(text: str, *, in_brackets: bool) -> str | None:
    if in_brackets:
        return f"[{_compressed(IPv6Address(text))}]" if "%" not in text else None
    name = text if text.isascii() else _punycode(text)
    if _NUMBER.fullmatch(name.removesuffix(".").rpartition(".")[2]):
        return str(_ipv4(name.removesuffix(".").split(".")))
    return name if _NAME.fullmatch(name) and all(map(_is_readable, name.split("."))) else None


def _compressed(address: IPv6Address) -> str:
    """Write an address with the first of its longest runs of zeros left out; Python writes some with dots."""
    text = ":".join(f"{int.from_bytes(address.packed[i : i + 2]):x}" for i in range(0, 16, 2))
    longest = max(_ZEROS.finditer(text), key=lambda run: len(run[0]), default=None)
    if longest is None:
        return text
    return f"{text[: longest.start()].removesuffix(':')}::{text[longest.end() :].removeprefix(':')}"


def _ipv4(parts: list[str]) -> IPv4Address:
    """Read an address as browsers do: of one to four numbers, in octal or hexadecimal too; the last one fills up."""
    if len(parts) > 4:  # noqa: PLR2004 - bytes of an address
        raise ValueError("too many numbers")
    *first, last = [_number(part) for part in parts]
    if any(number > 255 for number in first) or last >= 256 ** (4 - len(first)):  # noqa: PLR2004 - a byte's largest
        raise ValueError("a number is too large")
    return IPv4Address(sum(number * 256 ** (3 - place) for place, number in enumerate(first)) + last)


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8) if text.startswith("0") and text != "0" else int(text)


def _punycode(name: str) -> str:
    # The codec follows an older standard, which differs from the browsers' in these letters.
    if re.search("[\u00df\u03c2\u200c\u200d]", name):
        raise ValueError("not sure what a browser makes of it")
    return name.encode("idna").decode("ascii")


def _is_readable(label: str) -> bool:
    """Tell whether a label is not punycode, or such as means something: browsers refuse any other."""
    try:
        return not label.startswith("xn--") or not label[4:].encode("ascii").decode("punycode").isascii()
    except UnicodeError:
        return False
