"""The service without one of its stages, to see what that stage costs. For `make bench` only.

``BENCH_WITHOUT`` names the classes of the middleware to leave out. The application is the real one, built as in
production; then what is named is taken out again.
"""

import os
from typing import Any, ClassVar, Final

from tbg.app import App
from tbg.context import Request, Response
from tbg.main import create_app as create_whole_app
from tbg.server.worker import Worker

_ID: Final = "0f2a7a47-5e8c-4d5c-8d0e-3f5ed2b3e6a5"


class ConstantRequestId:
    """What takes the place of the request id: the contract demands the header on every response."""

    async def process_request(self, req: Request, resp: Response) -> None:
        """Set the same id for every request, and bind it to no log."""
        req.context.request_id = _ID
        resp.set_header("X-Request-Id", _ID)


class StockWorker(Worker):
    """The worker with uvicorn's own HTTP protocol instead of the bounded one."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {**Worker.CONFIG_KWARGS, "http": "httptools"}  # type: ignore[misc]  # uvicorn-worker declares an instance's


def create_app() -> App:
    """Build the service, less what ``BENCH_WITHOUT`` names.

    Raises:
        LookupError: The service has no such middleware.
    """
    app = create_whole_app()
    for name in filter(None, os.environ.get("BENCH_WITHOUT", "").split(",")):
        _leave_out(app, name)
    return app


def _leave_out(app: App, name: str) -> None:
    whole: list[Any] = app._unprepared_middleware  # noqa: SLF001 - Falcon has no way to remove one
    found = [number for number, middleware in enumerate(whole) if type(middleware).__name__ == name]
    if len(found) != 1:
        raise LookupError(f"the service has {len(found)} middleware called {name}, not 1")
    whole[found[0] : found[0] + 1] = [ConstantRequestId()] if name == "RequestIdMiddleware" else []
    app._middleware = app._prepare_middleware(whole, independent_middleware=True)  # noqa: SLF001 - the same
