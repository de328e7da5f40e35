"""Shed what is beyond the capacity of this worker, at once and for next to nothing, so that the rest is served.

A worker that takes more than it can do serves nobody in time. So a bounded number of requests is in flight, and the
rest gets 503 with ``Retry-After``, where the contract says that it can. In flight is what the service works for: from
the end of a request's body to the beginning of its response. Who sends a body slowly, or listens to a stream, costs no
work and takes no place.
"""

from collections.abc import Callable
from contextvars import Context
from http import HTTPStatus
from typing import Final

import falcon
import structlog
from prometheus_client import CollectorRegistry, Counter

from tbg.context import Request, Response
from tbg.contract import Contract, Operation, write_error

PROBE: Final = "x-probe"
"""Marks operations of the contract that are served whatever the load: what orchestrators and balancers ask."""

RETRY_AFTER_SECONDS: Final = 1
_DETAIL: Final = "The service is overloaded. Try again later."

_log = structlog.stdlib.get_logger("tbg.load")


class Load:
    """Counts the requests in flight, and those that were shed; says when that begins and ends.

    Args:
        max_in_flight: How many requests may be in flight.
        registry: Where this process counts.
    """

    def __init__(self, max_in_flight: int, registry: CollectorRegistry) -> None:
        self._max_in_flight = max_in_flight
        self._in_flight = 0
        self._is_shedding = False
        self._shed = Counter("tbg_requests_shed", "Requests refused because of the load", registry=registry)

    @property
    def is_full(self) -> bool:
        """Whether no request more may be in flight."""
        return self._in_flight >= self._max_in_flight

    def enter(self) -> Callable[[], None]:
        """Count a request in; the caller has seen that there is a place.

        Returns:
            What counts it out; to be called once.
        """
        self._in_flight += 1
        return self._leave

    def refuse(self) -> None:
        """Count a request that is shed."""
        self._shed.inc()
        if not self._is_shedding:
            self._is_shedding = True
            # In a context of its own: the line is about the worker, not about this request.
            Context().run(_log.warning, "load.shedding", max_in_flight=self._max_in_flight)

    def _leave(self) -> None:
        self._in_flight -= 1
        if self._is_shedding and self._in_flight <= self._max_in_flight // 2:
            self._is_shedding = False
            Context().run(_log.info, "load.normal")


class LoadMiddleware:
    """Let a request in, or answer 503; as soon as it is routed, before anything else is done for it."""

    def __init__(self, contract: Contract, load: Load) -> None:
        self._contract = contract
        self._load = load
        self._can_be_shed = can_be_shed(contract)

    async def process_resource(self, req: Request, resp: Response, _resource: object, _params: object) -> None:
        """Shed the request, or count it in; one with a body is counted in when its body is there."""
        operation = self._contract.find(req.method, req.uri_template)
        if operation is None or operation not in self._can_be_shed:
            return
        if self._load.is_full:
            _shed(self._load, req, resp)
        elif operation.body is None:
            req.context.leave = self._load.enter()


class BodyLoadMiddleware:
    """Do the same for a request with a body, when that has been read."""

    def __init__(self, contract: Contract, load: Load) -> None:
        self._contract = contract
        self._load = load
        self._can_be_shed = can_be_shed(contract)

    async def process_resource(self, req: Request, resp: Response, _resource: object, _params: object) -> None:
        """Shed the request, or count it in."""
        operation = self._contract.find(req.method, req.uri_template)
        if operation is None or operation.body is None or operation not in self._can_be_shed:
            return
        if self._load.is_full:
            _shed(self._load, req, resp)
        else:
            req.context.leave = self._load.enter()


def can_be_shed(contract: Contract) -> frozenset[Operation]:
    """Return the operations that say in the contract that they can be: they document a 503, and are no probes."""
    return frozenset(
        operation
        for operation in contract.operations.values()
        if PROBE not in operation.extensions and operation.response(HTTPStatus.SERVICE_UNAVAILABLE) is not None
    )


def _shed(load: Load, req: Request, resp: Response) -> None:
    """Answer 503 instead of the responder."""
    load.refuse()
    resp.status = falcon.HTTP_503
    resp.set_header("Retry-After", str(RETRY_AFTER_SECONDS))
    write_error(req, resp, _DETAIL)
    resp.complete = True
