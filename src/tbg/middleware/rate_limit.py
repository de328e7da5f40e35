"""Refuse clients that ask too often, before anything is done for them."""

from collections.abc import Mapping
from hashlib import blake2b

import falcon

from tbg.client import rate_limit_key
from tbg.context import Request, Response
from tbg.contract import Contract, write_error
from tbg.feature import Scope
from tbg.rate_limiting import ADDRESS, RateLimiter, RateLimits, Rule
from tbg.rate_limiting.headers import fields, retry_after


class RateLimitMiddleware:
    """Charge each request after routing; an unknown path is charged to the default policy.

    Args:
        contract: Tells the operation.
        limits: What it costs.
        limiter: Counts.
        scopes: How the features tell clients apart, by the scope's name.
        ipv6_prefix: How many bits of an IPv6 address are one client.
    """

    def __init__(
        self,
        contract: Contract,
        limits: RateLimits,
        limiter: RateLimiter,
        scopes: Mapping[str, Scope],
        *,
        ipv6_prefix: int,
    ) -> None:
        self._contract = contract
        self._limits = limits
        self._limiter = limiter
        self._scopes = scopes
        self._ipv6_prefix = ipv6_prefix

    async def process_resource(self, req: Request, resp: Response, _resource: object, _params: object) -> None:
        """Let the request pass, or answer it here."""
        rule = self._limits.of(self._contract.find(req.method, req.uri_template))
        if rule is not None:
            await self._charge(req, resp, rule)

    async def not_found(self, req: Request, resp: Response | None, ws: object = None, **_: object) -> None:
        """Serve as the sink for paths without a route: charge, then 404.

        Falcon looks for the name ``ws``: with it, a WebSocket comes there, and without a response to announce on.
        """
        del ws
        if resp is not None:
            await self._charge(req, resp, self._limits.unmatched)
        if resp is None or not resp.complete:
            raise falcon.HTTPNotFound

    async def _charge(self, req: Request, resp: Response, rule: Rule) -> None:
        verdict = await self._limiter.check(rule, self._clients(req, rule))
        if verdict.states:
            resp.set_headers(fields(rule, verdict.states))
        if verdict.outcome == "refused":
            _answer(req, resp, falcon.HTTP_429, retry_after(verdict.states), "Rate limit exceeded. Try again later.")
        elif verdict.outcome == "unavailable":
            _answer(req, resp, falcon.HTTP_503, "1", "Temporarily unavailable. Try again later.")

    def _clients(self, req: Request, rule: Rule) -> dict[str, str]:
        clients = {ADDRESS: rate_limit_key(req.context.client, self._ipv6_prefix)}
        for charge in rule.charges:
            if charge.policy.scope not in clients:
                clients[charge.policy.scope] = self._named(req, charge.policy.scope) or clients[ADDRESS]
        return clients

    def _named(self, req: Request, scope: str) -> str | None:
        """Return who asks, as the feature knows it: hashed, as it may be a secret and goes into Redis."""
        name = self._scopes[scope](req)
        return None if name is None else blake2b(name.encode(), digest_size=16).hexdigest()


def _answer(req: Request, resp: Response, status: str, retry_after_seconds: str, detail: str) -> None:
    """Answer instead of the responder; an exception would do, and take longer, for those who ask too often."""
    resp.status = status
    resp.set_header("Retry-After", retry_after_seconds)
    write_error(req, resp, detail)
    resp.complete = True
