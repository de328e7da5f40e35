"""What caches may do with a response (RFC 9111).

No cache stores what does not say that it may: every response carries what is its client's own, such as a request id.
"""

import re
from functools import lru_cache
from typing import Final

import falcon

NO_STORE: Final = "no-store"

_FIRST_ERROR: Final = 400
# Some caches go by these before Cache-Control: those of RFC 9213, of Fastly and Varnish, and of nginx.
_FOR_SOME_CACHES: Final = frozenset({"cdn-cache-control", "surrogate-control", "x-accel-expires"})
_DIRECTIVE: Final = re.compile(r'([!#$%&\'*+.^_`|~0-9A-Za-z-]++)(?:=("(?:[^"\\]|\\.)*+"|[^\s,"]*+))?+')


def forbid_storing(resp: falcon.Response, status: int) -> None:
    """Add ``no-store`` to a response that does not say what caches may do, and to every error."""
    headers = resp._headers  # noqa: SLF001 - the public one is a copy
    if status >= _FIRST_ERROR:
        for name in _FOR_SOME_CACHES & headers.keys():
            del headers[name]
        headers["cache-control"] = NO_STORE
    elif not headers.get("cache-control"):
        headers["cache-control"] = NO_STORE


def keep_private(resp: falcon.Response, names: str) -> None:
    """Let no shared cache store the headers ``names`` of a response that it may store.

    It adds the qualified form of ``private`` (RFC 9111, section 5.2.2.7). nginx and Varnish do not know that form: they
    take it for the other one, and do not store the response.

    Args:
        resp: The response, which has a ``Cache-Control``.
        names: Names of headers, separated by commas and blanks.
    """
    headers = resp._headers  # noqa: SLF001 - the same
    chosen = headers["cache-control"]
    if chosen != NO_STORE:
        headers["cache-control"] = without(chosen, names)


@lru_cache(maxsize=64)
def without(cache_control: str, names: str) -> str:
    """Return ``cache_control`` so that no shared cache stores the headers ``names``."""
    directives = [(name.lower(), argument) for name, argument in _DIRECTIVE.findall(cache_control)]
    if (NO_STORE, "") in directives or ("private", "") in directives:
        return cache_control
    others = [f"{name}={argument}" if argument else name for name, argument in directives if name != "private"]
    listed = [argument.strip('"') for name, argument in directives if name == "private"]
    return ", ".join([*others, f'private="{", ".join([*listed, names])}"'])


def vary_by(resp: falcon.Response, name: str) -> None:
    """Add ``name`` to ``Vary``, once."""
    headers = resp._headers  # noqa: SLF001 - the same
    present = headers.get("vary")
    headers["vary"] = _joined(present, name) if present else name


@lru_cache(maxsize=64)
def _joined(present: str, name: str) -> str:
    names = {each.strip().lower() for each in present.split(",")}
    return present if names & {name.lower(), "*"} else f"{present}, {name}"
