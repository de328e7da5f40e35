"""One line per request: ``http.request``."""

from datetime import UTC, datetime
from time import perf_counter

from tbg.client import ClientAddresses
from tbg.context import Request, Response
from tbg.contract import Contract
from tbg.logs import RequestLine, RequestLog

_MAX_PATH = 512


class AccessLogMiddleware:
    """Log each request as it leaves; the outermost middleware, so that it sees the final status.

    The query string is left out: it can hold personal data, and clients do put secrets there.
    """

    def __init__(self, contract: Contract, clients: ClientAddresses, write: RequestLog) -> None:
        self._contract = contract
        self._clients = clients
        self._write = write

    async def process_request(self, req: Request, _resp: Response) -> None:
        """Start the clock and note who asks."""
        req.context.started = perf_counter()
        req.context.client = self._clients.of(req)

    async def process_response(self, req: Request, resp: Response, _resource: object, _req_succeeded: bool) -> None:  # noqa: FBT001 - Falcon's signature
        """Write the line; for a stream the duration ends where the stream begins."""
        operation = self._contract.find(req.method, req.uri_template)
        context = req.context
        line = RequestLine(
            req.method,
            req.path[:_MAX_PATH],
            operation.operation_id if operation else None,
            resp.status_code,
            round((perf_counter() - context.started) * 1000, 2),
            context.client,
            context.request_id,
            datetime.now(UTC),
        )
        self._write(line)
