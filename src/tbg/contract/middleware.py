"""The two places where the contract is enforced on a running Falcon application."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import falcon
import falcon.asgi

from tbg.contract.bodies import Limits
from tbg.contract.caching import forbid_storing, keep_private, vary_by
from tbg.contract.calls import Call
from tbg.contract.contract import Contract
from tbg.contract.errors import discard, phrase, write_error
from tbg.contract.operations import Operation
from tbg.contract.requests import read_call
from tbg.contract.response_headers import CONTENT_LENGTH, SET_COOKIE
from tbg.contract.responses import BODILESS, Breach, ResponseRule, judge_nothing
from tbg.contract.schemas import Finding
from tbg.contract.sending import SendingRules, cookies_of, require_bytes, status_of
from tbg.contract.streams import CheckedEvents, CheckedStream

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
            self._check(req, resp, operation, status, body)
        keep_private(resp, self._client_headers)

    def _check(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        operation: Operation,
        status: int,
        body: bytes | None,
    ) -> None:
        if operation in self._negotiated:
            vary_by(resp, "Accept")
        if self._mode == "off":
            return
        rule = operation.response(status)
        verdict = _UNDOCUMENTED if rule is None else _judge(rule, req, resp, status, body)
        if verdict is not None:
            part, finding = verdict
            self._report(Breach(operation.operation_id, status, part, finding.pointer, finding.code))
            if self._mode == "enforce":
                self._fail(req, resp)
        elif body is None and rule is not None:
            self._watch(resp, rule, operation.operation_id, status)

    def _watch(self, resp: falcon.asgi.Response, rule: ResponseRule, operation_id: str, status: int) -> None:
        """Judge what is streamed as it leaves."""
        media, _ = rule.media(_content_type(resp))
        if media is None or media.items is None:
            return

        def breached(finding: Finding) -> None:
            self._report(Breach(operation_id, status, "body", finding.pointer, finding.code))

        enforce = self._mode == "enforce"
        if resp.sse is not None:
            resp.sse = CheckedEvents(resp.sse, media.items, breached, enforce=enforce)  # type: ignore[assignment]  # it writes what is like an SSEvent
        else:
            resp.stream = CheckedStream(resp.stream, media.items, breached, enforce=enforce)

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


_UNDOCUMENTED: Final = "status", Finding("", "not documented", "is not documented")


def _judge(
    rule: ResponseRule, req: falcon.asgi.Request, resp: falcon.asgi.Response, status: int, body: bytes | None
) -> tuple[str, Finding] | None:
    if status in BODILESS:
        verdict = judge_nothing(body)
    elif not body and body is not None and req.method == "HEAD":
        verdict = None  # a response to HEAD has no content (RFC 9110, section 9.3.2), so it need not be made
    else:
        verdict = rule.judge_body(body, _content_type(resp))
    headers = _leaving(req, resp, status, body) if rule.late_headers else resp._headers  # noqa: SLF001 - the public one is a copy
    return verdict or rule.judge_headers(headers)


def _content_type(resp: falcon.asgi.Response) -> str:
    """Return the Content-Type that will leave; Falcon adds a missing one only after the last middleware."""
    if content_type := resp._headers.get("content-type"):  # noqa: SLF001 - the same
        return content_type
    return "text/event-stream" if resp.sse is not None else resp.options.default_media_type


def _leaving(
    req: falcon.asgi.Request, resp: falcon.asgi.Response, status: int, body: bytes | None
) -> Mapping[str, str | list[str]]:
    """Return the headers with those that Falcon adds after the last middleware."""
    headers: dict[str, str | list[str]] = {**resp._headers}  # noqa: SLF001 - the same
    if cookies := [*cookies_of(resp)]:
        headers[SET_COOKIE] = cookies
    if body is not None and status not in BODILESS and not (req.method == "HEAD" and CONTENT_LENGTH in headers):
        headers[CONTENT_LENGTH] = str(len(body))
    return headers
