"""Refuse clients that ask too often, before anything is done for them."""

from typing import NoReturn

import falcon

from tbg.context import Request, Response
from tbg.contract import Contract, Operation
from tbg.rate_limiting import Decision, RateLimiter

EXTENSION = "x-rate-limit"
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After")


def is_limited(operation: Operation | None) -> bool:
    """Tell whether requests count: all do, unless their operation says ``x-rate-limit: false``."""
    return operation is None or operation.extensions.get(EXTENSION) is not False


class RateLimitMiddleware:
    """Charge each request to its client's window after routing; an unknown path is charged too."""

    def __init__(self, contract: Contract, limiter: RateLimiter) -> None:
        self._contract = contract
        self._limiter = limiter

    async def process_resource(self, req: Request, resp: Response, _resource: object, _params: object) -> None:
        """Let the request pass, or raise 429."""
        if is_limited(self._contract.find(req.method, req.uri_template)):
            await self._charge(req, resp)

    async def not_found(self, req: Request, resp: Response | None, ws: object = None, **_: object) -> NoReturn:
        """Serve as the sink for paths without a route: charge, then 404.

        Falcon looks for the name ``ws``: with it, a WebSocket comes there, and without a response to announce on.
        """
        del ws
        if resp is not None:
            await self._charge(req, resp)
        raise falcon.HTTPNotFound

    async def _charge(self, req: Request, resp: Response) -> None:
        decision = await self._limiter.check(req.context.client)
        if decision is None:
            return
        _announce(resp, decision)
        if not decision.admitted:
            raise falcon.HTTPTooManyRequests(
                description="Rate limit exceeded. Try again later.",
                headers={"Retry-After": str(decision.reset_seconds)},
            )


def _announce(resp: Response, decision: Decision) -> None:
    resp.set_header("X-RateLimit-Limit", str(decision.limit))
    resp.set_header("X-RateLimit-Remaining", str(decision.remaining))
    resp.set_header("X-RateLimit-Reset", str(decision.reset_seconds))
