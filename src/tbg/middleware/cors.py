"""Cross-origin requests: Falcon's middleware, with what it leaves open closed."""

from collections.abc import Sequence

import falcon

from tbg.context import Request, Response
from tbg.refusal import refusal_of

METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"


class CorsMiddleware(falcon.CORSMiddleware[Request, Response]):
    """Let pages of ``origins`` call the API; credentials are allowed to named origins, not to ``*``."""

    def __init__(self, origins: Sequence[str], expose_headers: Sequence[str]) -> None:
        everyone = "*" in origins
        super().__init__(
            allow_origins="*" if everyone else origins,
            allow_credentials=None if everyone else origins,
            expose_headers=expose_headers,
        )
        self._varies = not everyone

    async def process_request_async(self, req: Request, resp: Response) -> None:
        """Answer a preflight here: for any path, at no cost to the rate limit, and before anything validates it."""
        if req.method == "OPTIONS" and _is_preflight(req):
            resp.set_header("Allow", METHODS)  # which Falcon moves to Access-Control-Allow-Methods
            resp.complete = True

    async def process_response_async(  # type: ignore[override]  # Falcon declares the base classes, not its type variables
        self,
        req: Request,
        resp: Response,
        resource: object,
        req_succeeded: bool,  # noqa: FBT001 - Falcon's signature
    ) -> None:
        """Add the headers to every answer, errors too; a shared cache must not give one origin's answer to another."""
        await super().process_response_async(req, resp, resource, req_succeeded)
        if self._varies:
            resp.append_header("Vary", "Origin")


def _is_preflight(req: Request) -> bool:
    has_headers = req.get_header("Origin") and req.get_header("Access-Control-Request-Method")
    return bool(has_headers) and refusal_of(req.scope) is None
