"""Falcon with openapi-core's own, ready-made middleware on the service's contract: requests and responses are judged.

Beside that it does nothing: no limit, no log, no CORS, a constant request id (which the contract demands). Workers are
not there: openapi-core's middleware fails on that contract's parameters of several types.
"""

import falcon.asgi
from openapi_core import OpenAPI
from openapi_core.contrib.falcon.middlewares import FalconASGIOpenAPIMiddleware

from benchmarks.peers.bare_falcon import Constant
from benchmarks.peers.environment import HEALTH, VERSION
from tbg.config import PROJECT_ROOT


class RequestId:
    """Falcon middleware that sets the header that every response must have."""

    async def process_request(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Set it."""
        resp.set_header("X-Request-Id", "0f2a7a47-5e8c-4d5c-8d0e-3f5ed2b3e6a5")


_contract = OpenAPI.from_file_path(str(PROJECT_ROOT / "openapi.yaml"))
app = falcon.asgi.App()
app.add_middleware(FalconASGIOpenAPIMiddleware(_contract))
app.add_middleware(RequestId())
app.add_route("/version", Constant(VERSION))
app.add_route("/health", Constant(HEALTH))
