"""What the text of a setting may be, and what it becomes."""

import json
import os
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any, Final, NoReturn

import cattrs
from typed_settings.converters import get_default_cattrs_converter

from tbg.origins import browser_origin

Check = Callable[[Any], bool]
Overrides = Mapping[str, Mapping[str, object]]
"""Attributes to change, by name and attribute."""


def between(low: float, high: float) -> Check:
    """Return a check for numbers from ``low`` to ``high``."""
    return lambda value: low <= value <= high


def absent_or(low: float, high: float) -> Check:
    """Return the same for a number that may be left out."""
    return lambda value: value is None or low <= value <= high


def is_proxy(value: str) -> bool:
    """Tell whether proxies may be named so; a network wider than any private one is the Internet, not proxies."""
    try:
        network = ip_network(value)
    except ValueError:
        return value == "unix"
    if isinstance(network, IPv4Network):
        return network.prefixlen >= 8  # noqa: PLR2004 - 10.0.0.0/8
    is_ipv4 = network.network_address.ipv4_mapped is not None  # clients are never compared in that form
    return network.prefixlen >= 7 and not is_ipv4 and "%" not in value  # noqa: PLR2004 - fc00::/7


def are_origins(values: tuple[str, ...]) -> bool:
    """Tell whether each is an origin as browsers send it; or all there is stands for every origin."""
    return values == ("*",) or all(browser_origin(value) == value for value in values)


def origins_hint(text: str) -> str | None:
    """Say what browsers send instead, for the origins of which that is known."""
    try:
        values = _strings(json.loads(text))
    except ValueError:
        return None
    sent = {value: browser_origin(value) for value in values}
    pairs = [f"{origin} instead of {value!r:.200}" for value, origin in sent.items() if origin and origin != value]
    return f"browsers send {', '.join(pairs)}" if pairs else None


def _converter_for_text() -> cattrs.Converter:
    converter = get_default_cattrs_converter(resolve_paths=False)
    converter.register_structure_hook(
        int, lambda text, _: int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else _bad()
    )
    # As the file system's calls take it, also in a locale that does not have the path's letters.
    converter.register_structure_hook(Path, lambda text, _: Path(os.fsdecode(text.encode())))
    converter.register_structure_hook_func(
        lambda cls: cls == tuple[str, ...], lambda text, _: _strings(json.loads(text))
    )
    converter.register_structure_hook_func(lambda cls: cls == Overrides, lambda text, _: _objects(json.loads(text)))
    return converter


def _objects(value: object) -> Overrides:
    are_objects = isinstance(value, dict) and all(isinstance(item, dict) for item in value.values())
    return value if are_objects else _bad()  # type: ignore[return-value]  # just checked


def _strings(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else _bad()


def _bad() -> NoReturn:
    raise ValueError


converter: Final = _converter_for_text()
