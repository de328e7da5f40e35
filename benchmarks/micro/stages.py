"""One middleware of the application at a time, with requests that have come as far as there by themselves."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import attrs

from benchmarks.micro.exchanges import Exchange
from benchmarks.micro.measuring import Call, at_once, get_ready, in_turn, numbers
from benchmarks.micro.service import MemoryService
from tbg.app import App

_REQUEST: Final = "process_request"
_RESOURCE: Final = "process_resource"
_RESPONSE: Final = "process_response"
_ORDER: Final = (_REQUEST, _RESOURCE, _RESPONSE)


class NoSuchStageError(Exception):
    """The application has no such middleware, or it does nothing."""


def hook(middleware: object, phase: str) -> Callable[..., Awaitable[object]] | None:
    """Return what Falcon would call in this phase."""
    function = getattr(middleware, f"{phase}_async", None) or getattr(middleware, phase, None)
    return function if inspect.iscoroutinefunction(function) else None


def find(app: App, name: str) -> object:
    """Return the middleware whose class has this name, so that it matters to nobody how it is made."""
    for each in app._unprepared_middleware:  # noqa: SLF001 - Falcon has no public way
        if type(each).__name__ == name:
            return each
    raise NoSuchStageError(f"there is no {name}")


@attrs.frozen
class Stage:
    """All that one middleware does for a request.

    Attributes:
        name: Of its class.
        together: Whether the calls are under way together, else one follows the other.
        refused: The status that it refuses with, if it does.
        logs: Whether it writes to the log.
    """

    app: App
    name: str
    exchange: Exchange
    service: MemoryService
    many: int = 64
    together: bool = False
    refused: int | None = None
    logs: bool = False

    async def batch(self) -> float:
        """Bring requests to the middleware, then call it."""
        get_ready()
        self.service.prepare(self.many * self.exchange.pages)
        middleware = find(self.app, self.name)
        calls: list[Call] = []
        for number in numbers(self.many):
            calls += await _passage(self.app, self.exchange, number, middleware)
        if self.together:
            return await at_once(calls, self.many, logs=self.logs)
        return await in_turn(calls, self.many, refused=self.refused, logs=self.logs)


async def _passage(app: App, exchange: Exchange, number: int, middleware: object) -> list[Call]:
    """Take a request through everything before the last call of ``middleware``, and return all of its calls.

    What it does on the way in is called twice for one request: once here, and once where it is measured.
    """
    phases = [phase for phase in _ORDER if hook(middleware, phase)]
    if not phases:
        raise NoSuchStageError(f"{type(middleware).__name__} does nothing")
    arguments = await _walk(app, exchange, number, (middleware, phases[-1]))
    req: Any = arguments[phases[-1]][0]
    if count_out := getattr(req.context, "count_out", None):  # else the requests of a batch would be one too many
        count_out()
    return [(function, arguments[phase]) for phase in phases if (function := hook(middleware, phase))]


async def _walk(app: App, exchange: Exchange, number: int, end: tuple[object, str]) -> dict[str, tuple[Any, ...]]:
    """Do for a request what Falcon does, up to a middleware's phase; return the arguments of each phase."""
    started = exchange.start(number)
    event = await started.receive()
    req = app._request_type(started.scope, started.receive, first_event=event, options=app.req_options)  # noqa: SLF001 - as Falcon does
    resp = app._response_type(options=app.resp_options)  # noqa: SLF001 - the same
    chain: Sequence[Any] = app._unprepared_middleware  # noqa: SLF001 - the same
    arguments: dict[str, tuple[Any, ...]] = {_REQUEST: (req, resp)}
    if await _pass(chain, _REQUEST, arguments, end):
        return arguments
    routed: Any = app._get_responder(req)  # noqa: SLF001 - the same
    responder, params, resource, req.uri_template = routed
    arguments[_RESOURCE] = (req, resp, resource, params)
    if await _pass(chain, _RESOURCE, arguments, end):
        return arguments
    await responder(req, resp, **params)
    arguments[_RESPONSE] = (req, resp, resource, True)
    await _pass(chain[::-1], _RESPONSE, arguments, end)
    return arguments


async def _pass(
    chain: Sequence[object], phase: str, arguments: dict[str, tuple[Any, ...]], end: tuple[object, str]
) -> bool:
    """Call each middleware in one phase; return whether the end was reached before all of them."""
    for each in chain:
        if each is end[0] and phase == end[1]:
            return True
        if function := hook(each, phase):
            await function(*arguments[phase])
    return False
