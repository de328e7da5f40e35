"""Read one request by its operation: parameters and body in, a Call or an HTTP error out."""

import asyncio
from collections.abc import Mapping
from typing import Any

import attrs
import falcon
import falcon.asgi

from tbg.contract.calls import Call
from tbg.contract.decoding import MalformedBodyError, decode_json
from tbg.contract.errors import InvalidRequestError
from tbg.contract.media import Media
from tbg.contract.operations import Operation, RequestBody
from tbg.contract.schemas import Finding
from tbg.contract.sources import read_parameters
from tbg.contract.text import nul_in_json, nul_in_value


@attrs.frozen
class Limits:
    """What a request may cost.

    Attributes:
        body_bytes: The largest body, in bytes; more is 413.
        body_seconds: How long a body may take to arrive; longer is 408.
    """

    body_bytes: int = 1024 * 1024
    body_seconds: float = 30.0


async def read_call(
    req: falcon.asgi.Request, path_values: Mapping[str, str], operation: Operation, limits: Limits
) -> Call:
    """Return what ``req`` says, typed as ``operation`` describes it.

    Raises:
        falcon.HTTPError: 400 malformed, 408 too slow, 413 too large, 415 wrong media type, 422 breaks the contract.
    """
    values, findings = read_parameters(req, path_values, operation)
    media = None
    if operation.body is not None:
        media, body_findings = await _read_body(req, operation.body, limits)
        findings = [*findings, *(("body", finding) for finding in body_findings)]
    if findings:
        raise InvalidRequestError(findings)
    return Call(operation, values, media)


async def _read_body(req: falcon.asgi.Request, body: RequestBody, limits: Limits) -> tuple[object, tuple[Finding, ...]]:
    # What is not served is refused before a byte is read, and before the client is told to send any.
    announced = _negotiate(req, body) if _announces_body(req) else None
    raw = await _receive(req, limits)
    if not raw:
        return None, (Finding("", "required", "is required"),) if body.required else ()
    media, parameters = announced or _negotiate(req, body)
    try:
        value = media.decode(raw, parameters)
    except MalformedBodyError as error:
        raise falcon.HTTPBadRequest(description=str(error)) from None
    nul = nul_in_json(raw, value) if media.decode is decode_json else nul_in_value(value)
    return value, nul or (media.validate(value) if media.validate else ())


def _announces_body(req: falcon.asgi.Request) -> bool:
    """Tell whether a body will come; a chunked one can be empty, and then needs no media type."""
    return bool(req.content_length) or (req.content_type is not None and bool(req.get_header("Transfer-Encoding")))


async def _receive(req: falcon.asgi.Request, limits: Limits) -> bytes:
    if (req.content_length or 0) > limits.body_bytes:
        raise _too_large(limits)
    first = req._first_event  # noqa: SLF001 - tells whether there is anything to wait for
    is_whole = first is not None and not first.get("more_body")
    raw = await (req.stream.read(limits.body_bytes + 1) if is_whole else _await_body(req, limits))
    if len(raw) > limits.body_bytes:
        raise _too_large(limits)
    return raw


async def _await_body(req: falcon.asgi.Request, limits: Limits) -> bytes:
    watch = _Watch(req)
    try:
        async with asyncio.timeout(limits.body_seconds):
            raw = await req.stream.read(limits.body_bytes + 1)
    except TimeoutError:
        raise falcon.HTTPError(408, description="The body took too long to arrive") from None
    if watch.disconnected and len(raw) <= limits.body_bytes:
        raise falcon.HTTPBadRequest(description="The body broke off")
    return raw


class _Watch:
    """Notice that the client went away: Falcon's stream takes what came until then for the whole body."""

    def __init__(self, req: falcon.asgi.Request) -> None:
        self.disconnected = False
        self._receive = req._receive  # noqa: SLF001 - the stream, made on first use, offers no other place
        req._receive = self._next  # noqa: SLF001 - the same

    async def _next(self) -> Any:  # noqa: ANN401 - an ASGI event
        event = await self._receive()
        self.disconnected = event["type"] == "http.disconnect"
        return event


def _too_large(limits: Limits) -> falcon.HTTPError:
    return falcon.HTTPContentTooLarge(description=f"The body is larger than {limits.body_bytes} bytes")


def _negotiate(req: falcon.asgi.Request, body: RequestBody) -> tuple[Media, Mapping[str, str]]:
    """Find the documented media type that the request names; text in it must be UTF-8, and nothing compressed."""
    coding = req.get_header("Content-Encoding")
    if coding and coding.lower() != "identity":
        raise falcon.HTTPUnsupportedMediaType(  # RFC 9110, section 15.5.16
            description="The body must not be compressed", headers={"Accept-Encoding": "identity"}
        )
    media, parameters = body.media(req.content_type or "")
    if media is None or parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8", "us-ascii"}:
        allowed = ", ".join(body.content)
        raise falcon.HTTPUnsupportedMediaType(description=f"The body must be one of: {allowed} (UTF-8)")
    return media, parameters
