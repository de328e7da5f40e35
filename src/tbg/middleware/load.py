"""Shed what is beyond the capacity of this worker, at once and for next to nothing, so that the rest is served.

A worker that takes more than it can do serves nobody in time. So a bounded number of requests is in flight, and the
rest gets 503 with ``Retry-After``, where the contract says that it can. In flight is what the service works for: from
the end of a request's body to the beginning of its response. Who sends a body slowly, or listens to a stream, costs no
work and takes no place.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from http import HTTPStatus
from typing import Any, Final

import falcon
import structlog
from prometheus_client import CollectorRegistry, Counter

from tbg.context import Request, Response
from tbg.contract import Contract, Operation, Router, write_error

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

    Attributes:
        is_full: Whether no request more may be in flight.
    """

    def __init__(self, max_in_flight: int, registry: CollectorRegistry) -> None:
        self._max_in_flight = max_in_flight
        self._in_flight = 0
        self.is_full = self._is_shedding = False
        self._shed = Counter("tbg_requests_shed", "Requests refused because of the load", registry=registry)

    def enter(self) -> Callable[[], None]:
        """Count a request in; the caller has seen that there is a place.

        Returns:
            What counts it out; to be called once.
        """
        self._in_flight += 1
        self.is_full = self._in_flight >= self._max_in_flight
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
        self.is_full = self._in_flight >= self._max_in_flight
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

    def body_read(self, operation: Operation, req: Request, resp: Response) -> None:
        """Do the same for a request whose body has been read."""
        if operation not in self._can_be_shed:
            return
        if self._load.is_full:
            _shed(self._load, req, resp)
        else:
            req.context.leave = self._load.enter()


class EarlyShedding:
    """Answers a request that is shed before Falcon begins with it, in the form of every other error.

    What is too much must cost next to nothing, or refusing it leaves no time for the rest: this takes half as long.

    Args:
        contract: Tells what can be shed.
        router: Tells the operation.
        load: Tells when.
        inwards: The middleware that the request passes, such as the one that gives it an id.
        outwards: The middleware that the response passes.
    """

    def __init__(
        self, contract: Contract, router: Router, load: Load, inwards: Sequence[Any], outwards: Sequence[Any]
    ) -> None:
        self._contract = contract
        self._router = router
        self.load = load
        self._inwards = [each.process_request for each in inwards]
        self._outwards = [each.process_response_async for each in outwards]
        self._can_be_shed = can_be_shed(contract)

    def victim(self, scope: Mapping[str, Any]) -> Operation | None:
        """Return the operation of a request that is to be shed when the load is full, else None."""
        if scope["type"] != "http" or (route := self._router.route(scope)) is None:
            return None
        operation = self._contract.find(scope["method"], route[3])
        return operation if operation in self._can_be_shed else None

    async def answer(
        self, operation: Operation, req: Request, resp: Response, send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Send the 503."""
        for inwards in self._inwards:
            await inwards(req, resp)
        _shed(self.load, req, resp)
        for outwards in self._outwards:
            await outwards(req, resp, None, False)  # noqa: FBT003 - Falcon's signature
        body = resp.data or b""
        resp.set_headers({"Content-Length": str(len(body)), "X-Content-Type-Options": "nosniff"})
        req.context.operation_id = operation.operation_id
        req.context.status = resp.status_code
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in resp.headers.items()]
        await send({"type": "http.response.start", "status": resp.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": body if req.method != "HEAD" else b""})


def can_be_shed(contract: Contract) -> frozenset[Operation | None]:
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
