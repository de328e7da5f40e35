"""``req.context``, declared once: facts about one request, each set by one step and read by later ones."""

import attrs
import falcon.asgi

from tbg.contract import Call


@attrs.define
class RequestContext:
    """Facts about one request.

    Attributes:
        request_id: Set by the request-id middleware.
        client: The client's address, set by the access log: see `tbg.client`.
        started: ``time.perf_counter()`` when the request arrived.
        call: The typed request, set by the contract: a responder of a documented operation can rely on it.
    """

    request_id: str = ""
    client: str = ""
    started: float = 0.0
    call: Call = attrs.field(init=False)


class Request(falcon.asgi.Request):
    """Falcon's request with a typed context."""

    context_type = RequestContext
    context: RequestContext  # type: ignore[assignment]  # context_type makes it so


Response = falcon.asgi.Response
