"""What a resource must be so that its responders can be called: said at the boot, not by the first request."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from falcon.constants import COMBINED_METHODS, HTTP_METHODS

from tbg.contract.contract import Contract
from tbg.contract.source import source_of

_NAMES: Final = {f"on_{method.lower()}": method for method in COMBINED_METHODS}
_USUAL: Final = [f"on_{method.lower()}" for method in HTTP_METHODS]


def responders_of(resource: object) -> dict[str, Callable[..., object]]:
    """Return the responders of a resource by method."""
    found = {method: getattr(resource, name, None) for name, method in _NAMES.items()}
    return {method: responder for method, responder in found.items() if callable(responder)}


def wrong_resources(contract: Contract, resources: Mapping[str, object]) -> list[str]:
    """List what is no resource, and responders that no request could ever be answered by."""
    return [finding for path, resource in resources.items() for finding in _wrong_resource(contract, path, resource)]


def _wrong_resource(contract: Contract, path: str, resource: object) -> Iterator[str]:
    if not isinstance(path, str):
        yield f"{str(path)[:60]!r}: a feature's resources stand by path, such as '/workers': this is none"
        return
    if isinstance(resource, type):
        name = resource.__name__
        yield f"{path}: {name} ({source_of(resource)}) is a class: write {name}(…), an instance of it"
        return
    kind, place = type(resource).__name__, source_of(type(resource))
    slips = misspelt_responders(resource)
    for name, meant in slips.items():
        yield f"{path}: {kind}.{name} ({place}) answers no method: did you mean {meant}?"
    responders = responders_of(resource)
    if not responders and not slips:
        yield f"{path}: {kind} ({place}) is no resource: it has neither on_get nor another responder"
    for method, responder in responders.items():
        if problem := _problem(contract, method, path, responder):
            name = f"{kind}.on_{method.lower()}"
            yield f"{method} {path}: {name} ({source_of(responder)}) {problem}"


def misspelt_responders(resource: object) -> dict[str, str]:
    """Return what is called almost like a responder, each with the name that was meant."""
    names = (name for name in dir(type(resource)) if name.startswith("on_") and name not in _NAMES)
    return {name: meant for name in names if (meant := _meant(name))}


def _meant(name: str) -> str:
    """Return the responder that ``name`` is a slip of, or has one's name with a suffix, which are not used here."""
    close = get_close_matches(name.lower(), _USUAL, 1, 0.8)
    return next((each for each in _USUAL if name.lower().startswith(f"{each}_")), close[0] if close else "")


def _problem(contract: Contract, method: str, path: str, responder: Callable[..., object]) -> str:
    if not inspect.iscoroutinefunction(responder):
        return f"must be an async function: write `async def on_{method.lower()}`"
    operation = contract.operations.get((method, path))
    names = list(operation.arguments.values()) if operation else []
    try:
        signature = inspect.signature(responder)
    except ValueError:  # something without one, such as a class's slot: then only a call can tell
        return ""
    try:
        signature.bind(None, None, **dict.fromkeys(names))
    except TypeError as error:
        wanted = ", ".join(("self", "req", "resp", *names))
        return f"cannot be called, {error}: write `async def on_{method.lower()}({wanted})`"
    return ""
