"""The two places where the contract is enforced on a running Falcon application."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

import falcon
import falcon.asgi

from tbg.contract.calls import Call
from tbg.contract.contract import Contract
from tbg.contract.errors import discard, phrase, write_error
from tbg.contract.operations import Operation
from tbg.contract.requests import Limits, read_call
from tbg.contract.responses import Breach, ResponseRule

Mode = Literal["enforce", "report", "off"]
"""What becomes of a response that breaks the contract: a 500, a report only, or it is not even looked at."""


class RequestContract:
    """Validate each request after routing and put its Call on ``req.context.call``; the innermost middleware."""

    def __init__(self, contract: Contract, limits: Limits) -> None:
        self._contract = contract
        self._limits = limits
        bare = (each for each in contract.operations.values() if not each.parameters and each.body is None)
        self._bare_calls = {operation: Call(operation, MappingProxyType({})) for operation in bare}

    async def process_resource(
        self, req: falcon.asgi.Request, _resp: falcon.asgi.Response, _resource: object, params: dict[str, Any]
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
        for name, field in operation.path_fields:
            params[name] = call.values[field]


class ResponseContract:
    """Judge each response as it leaves; the outermost middleware, so that it sees what the client would see.

    Args:
        contract: The contract.
        mode: What becomes of a breach.
        report: Called with every breach.
        lasting_headers: Lower-case names of headers that stay on the 500 which replaces a breach.
    """

    def __init__(
        self, contract: Contract, *, mode: Mode, report: Callable[[Breach], None], lasting_headers: frozenset[str]
    ) -> None:
        self._contract = contract
        self._mode = mode
        self._report = report
        self._lasting_headers = lasting_headers

    async def process_response(
        self,
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001 - Falcon's signature
    ) -> None:
        """Let a good response pass; replace a bad one by a 500 that holds nothing of it."""
        operation = self._contract.find(req.method, req.uri_template)
        if operation is None:
            return
        if self._mode == "off":
            await resp.render_body()  # what cannot be written is a 500 that every later layer must see
            return
        rule = operation.response(resp.status_code)
        is_stream = resp.stream is not None or resp.sse is not None
        body = None if is_stream or rule is None else await resp.render_body() or b""
        breach = _judge(operation, rule, resp, body)
        if breach is None:
            return
        self._report(breach)
        if self._mode == "enforce":
            resp.status = falcon.HTTP_500
            discard(resp, self._lasting_headers)
            write_error(req, resp, phrase(resp.status_code))


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
