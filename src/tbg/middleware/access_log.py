"""One line per request: ``http.request``."""

import time

import structlog

from tbg.client import ClientAddresses
from tbg.context import Request, Response
from tbg.contract import Contract

_MAX_PATH = 512


class AccessLogMiddleware:
    """Log each request as it leaves; the outermost middleware, so that it sees the final status.

    The query string is left out: it can hold personal data, and clients do put secrets there.
    """

    def __init__(self, contract: Contract, clients: ClientAddresses) -> None:
        self._contract = contract
        self._clients = clients
        self._log = structlog.stdlib.get_logger("tbg.access")

    async def process_request(self, req: Request, _resp: Response) -> None:
        """Start the clock and note who asks."""
        req.context.started = time.perf_counter()
        req.context.client = self._clients.of(req)

    async def process_response(self, req: Request, resp: Response, _resource: object, _req_succeeded: bool) -> None:  # noqa: FBT001 - Falcon's signature
        """Write the line; for a stream the duration ends where the stream begins."""
        operation = self._contract.find(req.method, req.uri_template)
        self._log.info(
            "http.request",
            method=req.method,
            path=req.path[:_MAX_PATH],
            operation=operation.operation_id if operation else None,
            status=resp.status_code,
            duration_ms=round((time.perf_counter() - req.context.started) * 1000, 2),
            client=req.context.client,
        )
