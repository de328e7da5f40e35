"""Note what the line of a request says; `tbg.service` writes it."""

from time import perf_counter

from tbg.client import ClientAddresses
from tbg.context import Request, Response
from tbg.contract import Contract


class AccessLogMiddleware:
    """Note who asks, and what the answer is; the outermost middleware, so that it sees the final status."""

    def __init__(self, contract: Contract, clients: ClientAddresses) -> None:
        self._contract = contract
        self._clients = clients

    async def process_request(self, req: Request, _resp: Response) -> None:
        """Start the clock and note who asks."""
        context = req.context
        context.started = perf_counter()
        context.client = self._clients.of(req)
        context.attach(req.scope)

    async def process_response(self, req: Request, resp: Response, _resource: object, _req_succeeded: bool) -> None:  # noqa: FBT001 - Falcon's signature
        """Note the operation, the status, and what will be streamed."""
        operation = self._contract.find(req.method, req.uri_template)
        context = req.context
        context.operation_id = operation.operation_id if operation else None
        context.status = resp.status_code
        context.stream = resp.sse or resp.stream
