"""The two places where the contract is enforced on a running Falcon application."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import falcon
import falcon.asgi

from tbg.contract.caching import forbid_storing, keep_private, vary_by
from tbg.contract.calls import Call
from tbg.contract.contract import Contract
from tbg.contract.errors import discard, phrase, write_error
from tbg.contract.operations import Operation
from tbg.contract.requests import Limits, read_call
from tbg.contract.responses import Breach, ResponseRule
from tbg.contract.sending import SendingRules, require_bytes, status_of

Mode = Literal["enforce", "report", "off"]
"""What becomes of a response that breaks the contract: a 500, a report only, or it is not even looked at."""

_NO_SNIFFING: Final = "x-content-type-options"


class RequestContract:
    """Validate each request after routing and put its Call on ``req.context.call``; the innermost middleware.

    Args:
        contract: The contract.
        limits: What a request may cost.
        body_read: Called for a valid request with a body; it may complete the response instead of the responder.
    """

    def __init__(
        self,
        contract: Contract,
        limits: Limits,
        body_read: Callable[[Operation, Any, Any], None] = lambda _operation, _req, _resp: None,
    ) -> None:
        self._contract = contract
        self._limits = limits
        self._body_read = body_read
        bare = (each for each in contract.operations.values() if not (each.parameters or each.needs_query or each.body))
        self._bare_calls = {operation: Call(operation, MappingProxyType({})) for operation in bare}

    async def process_resource(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, _resource: object, params: dict[str, Any]
    ) -> None:
        """Read the request; path parameters reach the responder with the contract's types.

        Raises:
            falcon.HTTPError: The request does not satisfy the contract.
        """
        operation = self._contract.find(req.method, req.uri_template)
        if operation is None:
            return
        call = self._bare_calls.get(operation) or await read_call(req, params, operation, self._limits)
        req.context.call = call
        for argument, field in operation.path_fields:
            params[argument] = call.values[field]
        if operation.body is not None:
            self._body_read(operation, req, resp)


class ResponseContract:
    """Judge each response as it leaves; the outermost middleware, so that it sees what the client would see.

    It also makes each response safe for browsers and caches, and replaces what cannot be sent at all in every mode.

    Args:
        contract: The contract.
        mode: What becomes of a breach.
        report: Called with every breach.
        lasting_headers: Lower-case names of headers that stay on the 500 which replaces a breach.
        client_headers: Names of headers that are one client's own: no shared cache may store them.
    """

    def __init__(
        self,
        contract: Contract,
        *,
        mode: Mode,
        report: Callable[[Breach], None],
        lasting_headers: frozenset[str],
        client_headers: Iterable[str] = ("x-request-id",),
    ) -> None:
        self._contract = contract
        self._mode = mode
        self._report = report
        self._lasting_headers = lasting_headers | {_NO_SNIFFING}
        self._client_headers = ", ".join(sorted({*(name.lower() for name in client_headers), "set-cookie"}))
        self._negotiated = frozenset(filter(_is_negotiated, contract.operations.values()))
        self._sending = SendingRules()

    async def process_response(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001 - Falcon's signature
    ) -> None:
        """Let a good response pass; replace a bad one by a 500 that holds nothing of it.

        Raises:
            TypeError: Its body cannot be written, which is a 500, too, that every later layer sees.
        """
        operation = self._contract.find(req.method, req.uri_template)
        resp._headers[_NO_SNIFFING] = "nosniff"  # noqa: SLF001 - the public way takes eight times as long
        status = status_of(resp)
        if (fault := self._sending.fault(resp, status)) is not None:
            part, reason = fault
            self._report(Breach(operation.operation_id if operation else "", status, part, "", reason))
            self._fail(req, resp)
            return
        forbid_storing(resp, status)
        body = None
        if resp.stream is None and resp.sse is None:
            try:
                body = await resp.render_body() or b""
            except falcon.HTTPError as error:  # such as 415, which is meant for requests
                raise TypeError("The response's media cannot be written as its media type") from error
            require_bytes(body)
        if operation is not None:
            self._check(req, resp, operation, body)
        keep_private(resp, self._client_headers)

    def _check(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, operation: Operation, body: bytes | None
    ) -> None:
        if operation in self._negotiated:
            vary_by(resp, "Accept")
        if self._mode == "off":
            return
        breach = _judge(operation, operation.response(resp.status_code), resp, body)
        if breach is None:
            return
        self._report(breach)
        if self._mode == "enforce":
            self._fail(req, resp)

    def _fail(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.status = falcon.HTTP_500
        discard(resp, self._lasting_headers)
        for name in self._sending.faulty_headers(resp):
            resp.delete_header(name)
        if not resp.get_header("X-Request-Id") and (request_id := getattr(req.context, "request_id", "")):
            resp.set_header("X-Request-Id", request_id)
        write_error(req, resp, phrase(resp.status_code))


def _is_negotiated(operation: Operation) -> bool:
    """Tell whether a success can have several media types."""
    successes = (rule.content for status, rule in operation.responses.items() if status[0] in "2d")
    return any(len(content) > 1 or any("*" in name for name in content) for content in successes)


def _judge(
    operation: Operation, rule: ResponseRule | None, resp: falcon.asgi.Response, body: bytes | None
) -> Breach | None:
    if rule is None:
        return Breach(operation.operation_id, resp.status_code, "status", "", "not documented")
    headers = _headers(resp)
    verdict = rule.judge_body(body, _content_type(resp, headers)) or rule.judge_headers(headers)
    if verdict is None:
        return None
    part, finding = verdict
    return Breach(operation.operation_id, resp.status_code, part, finding.pointer, finding.code)


def _content_type(resp: falcon.asgi.Response, headers: Mapping[str, str]) -> str:
    """Return the Content-Type that will leave; Falcon adds a missing one only after the last middleware."""
    if content_type := headers.get("content-type"):
        return content_type
    return "text/event-stream" if resp.sse is not None else resp.options.default_media_type


def _headers(resp: falcon.asgi.Response) -> Mapping[str, str]:
    """Return the headers by lower-case name; Falcon keeps cookies apart, so the name alone stands for them."""
    headers: Mapping[str, str] = resp._headers  # noqa: SLF001 - the public one is a copy
    if resp._cookies or resp._extra_headers:  # noqa: SLF001 - what Falcon adds to the headers as they leave
        return {**headers, "set-cookie": ""}
    return headers
