"""Refuse clients that ask too often, before anything is done for them."""

from collections.abc import Mapping
from hashlib import blake2b

import falcon

from tbg.client import rate_limit_key
from tbg.context import Request, Response
from tbg.contract import Contract, allowed_methods, is_malformed, write_error
from tbg.feature import Scope
from tbg.rate_limiting import ADDRESS, RateLimiter, RateLimits, Rule
from tbg.rate_limiting.headers import fields, retry_after
from tbg.refusal import refusal_of


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
        self._all_methods = ", ".join(allowed_methods(method for method, _ in contract.operations))

    async def process_resource(self, req: Request, resp: Response, _resource: object, _params: object) -> None:
        """Let the request pass, or answer it here."""
        rule = self._limits.of(self._contract.find(req.method, req.uri_template))
        if rule is not None:
            await self._charge(req, resp, rule)

    async def unmatched(self, req: Request, resp: Response | None, ws: object = None, **_: object) -> None:
        """Serve as the sink for whatever has no route: charge it, then say why.

        Falcon looks for the name ``ws``: with it, a WebSocket comes here, without a response to announce on.

        Raises:
            falcon.HTTPError: What the server refused, else 400 for a malformed path, else 404.
        """
        del ws
        if resp is None:
            raise falcon.HTTPNotFound
        await self._charge(req, resp, self._limits.unmatched)
        if resp.complete:
            return
        if (refusal := refusal_of(req.scope)) is not None:
            raise falcon.HTTPError(refusal.status, description=refusal.detail)
        if is_malformed(req.scope.get("raw_path", b"")):
            raise falcon.HTTPBadRequest(description="The path is not percent-encoded UTF-8")
        if req.path != "*":
            raise falcon.HTTPNotFound
        resp.set_header("Allow", self._all_methods)  # OPTIONS * (RFC 9110, section 9.3.7)

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
