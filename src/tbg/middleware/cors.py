"""Cross-origin requests: Falcon's middleware, with what it leaves open closed."""

from collections.abc import Iterable, Sequence

import falcon

from tbg.context import Request, Response
from tbg.contract import vary_by
from tbg.refusal import refusal_of

# A page may read these without being told so (https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name), and
# cookies never.
_NOT_TO_EXPOSE = frozenset(
    {
        *("cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"),
        *("set-cookie", "set-cookie2"),
    }
)
METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"


def exposed_headers(own: Iterable[str], documented: Iterable[str]) -> tuple[str, ...]:
    """Join the names of the headers that pages may read: those of every response, then those of the contract."""
    names = {name.lower(): name for name in (*own, *sorted(documented))}
    return tuple(name for lower, name in names.items() if lower not in _NOT_TO_EXPOSE)


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
        if b"origin" in req._asgi_headers:  # noqa: SLF001 - get_header takes five times as long
            self.process_response(req, resp, resource, req_succeeded)
        if self._varies:
            vary_by(resp, "Origin")


def _is_preflight(req: Request) -> bool:
    has_headers = req.get_header("Origin") and req.get_header("Access-Control-Request-Method")
    return bool(has_headers) and refusal_of(req.scope) is None
