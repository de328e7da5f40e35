"""``req.context``, declared once: facts about one request, each set by one step and read by later ones."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
import falcon.asgi

from tbg.contract import Call

_SCOPE_KEY: Final = "tbg.context"


@attrs.define
class RequestContext:
    """Facts about one request.

    Attributes:
        request_id: Set by the request-id middleware.
        client: The client's address, set by the access log: see `tbg.client`.
        started: ``time.perf_counter()`` when the request arrived.
        operation_id: Set with the response; None for what the contract does not promise.
        status: Set with the response: its status; 0 until then.
        stream: Set with the response: what its body is taken from piece by piece.
        leave: Set when the request is let in: counts it out of those in flight.
        call: The typed request, set by the contract: a responder of a documented operation can rely on it.
    """

    request_id: str = ""
    client: str = ""
    started: float = 0.0
    operation_id: str | None = None
    status: int = 0
    stream: object = None
    leave: Callable[[], None] | None = None
    call: Call = attrs.field(init=False)

    def count_out(self) -> None:
        """Count the request out of those in flight, if it still is; a second time does nothing."""
        leave, self.leave = self.leave, None
        if leave is not None:
            leave()

    def close(self) -> None:
        """Delete the files that came with the request."""
        if (call := getattr(self, "call", None)) is not None:
            call.close()

    def attach(self, scope: dict[str, Any]) -> None:
        """Leave this where whoever runs the application finds it."""
        scope[_SCOPE_KEY] = self

    @staticmethod
    def of(scope: Mapping[str, Any]) -> "RequestContext | None":
        """Return the context of a request; None if it has not come as far."""
        context: RequestContext | None = scope.get(_SCOPE_KEY)
        return context


class Request(falcon.asgi.Request):
    """Falcon's request with a typed context."""

    context_type = RequestContext
    context: RequestContext  # type: ignore[assignment]  # context_type makes it so


Response = falcon.asgi.Response
