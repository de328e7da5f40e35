"""The body of one request: received within bounds, decoded, judged."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from typing import Any, Final

import attrs
import falcon
import falcon.asgi

from tbg.contract.decoding import MalformedBodyError, check_depth, check_depths, decode_json
from tbg.contract.media import Media, Reading
from tbg.contract.media_types import UTF8
from tbg.contract.operations import RequestBody
from tbg.contract.schemas import Finding
from tbg.contract.text import nul_in_json, nul_in_value
from tbg.contract.uploads import Disk, TooLargeError

_PIECE: Final = 64 * 1024


@attrs.frozen
class Limits:
    """What a request may cost.

    Attributes:
        body_bytes: The largest body, in bytes; more is 413.
        body_seconds: How long a body may take to arrive; longer is 408.
        memory_bytes: The most of a multipart body that is kept in memory: all fields that are no files; more is 413.
        disk: Where larger files are kept.
    """

    body_bytes: int = 1024 * 1024
    body_seconds: float = 30.0
    memory_bytes: int = 1024 * 1024
    disk: Disk = attrs.field(factory=Disk)


def _nothing() -> None:
    """Close what holds nothing."""


type Received = tuple[object, tuple[Finding, ...], Callable[[], None]]
"""A body, what is wrong with it, and what deletes its files."""


async def read_body(req: falcon.asgi.Request, body: RequestBody, limits: Limits) -> Received:
    """Receive and judge the body of ``req``.

    Raises:
        falcon.HTTPError: 400 malformed, 408 too slow, 413 too large, 415 wrong media type.
        UploadStorageError: A file in it cannot be kept.
    """
    # What is not served is refused before a byte is read, and before the client is told to send any.
    announced = _negotiate(req, body) if _announces_body(req) else None
    if (req.content_length or 0) > limits.body_bytes:
        raise _too_large(limits)
    if announced is not None and announced[0].receive is not None:
        return await _keep(req, body, announced, limits)
    raw = await _receive(req, limits)
    if not raw:
        return _empty(body)
    media, parameters = announced or _negotiate(req, body)
    if media.receive is not None:
        return await _keep(req, body, (media, parameters), limits, raw)
    return _judge(raw, media, parameters)


def _empty(body: RequestBody) -> Received:
    return None, (Finding("", "required", "is required"),) if body.required else (), _nothing


def _judge(raw: bytes, media: Media, parameters: Mapping[str, str]) -> Received:
    try:
        value = media.decode(raw, parameters)
        if media.items is not None:
            check_depths(value)
        if media.decode is not decode_json:
            return value, nul_in_value(value) or (media.validate(value) if media.validate else ()), _nothing
        if not media.is_bounded:
            check_depth(raw, value)
    except MalformedBodyError as error:
        raise falcon.HTTPBadRequest(description=str(error)) from None
    return value, nul_in_json(raw, value) or (media.validate(value) if media.validate else ()), _nothing


async def _keep(
    req: falcon.asgi.Request,
    body: RequestBody,
    negotiated: tuple[Media, Mapping[str, str]],
    limits: Limits,
    raw: bytes | None = None,
) -> Received:
    """Read a body piece by piece, so that its files need no memory; they are deleted if anything goes wrong."""
    media, parameters = negotiated
    assert media.receive is not None  # noqa: S101 - the caller has looked
    with ExitStack() as stack:
        try:
            reading = media.receive(req.content_type or "", parameters, limits.disk, limits.memory_bytes)
            stack.callback(reading.close)
            if raw is not None:
                await reading.feed(raw)
            elif not await _feed(req, reading, limits):
                return _empty(body)
            value, findings = reading.finish()
        except MalformedBodyError as error:
            raise falcon.HTTPBadRequest(description=str(error)) from None
        except TooLargeError:
            detail = f"The body has more than {limits.memory_bytes} bytes that are no file"
            raise falcon.HTTPContentTooLarge(description=detail) from None
        return value, findings, stack.pop_all().close


async def _feed(req: falcon.asgi.Request, reading: Reading, limits: Limits) -> int:
    """Let ``reading`` take the body as it arrives, and return its size."""
    size = 0
    async with _arriving(req, limits):
        while piece := await req.stream.read(_PIECE):
            size += len(piece)
            if size > limits.body_bytes:
                raise _too_large(limits)
            await reading.feed(piece)
    return size


def _announces_body(req: falcon.asgi.Request) -> bool:
    """Tell whether a body will come; a chunked one can be empty, and then needs no media type."""
    return bool(req.content_length) or (req.content_type is not None and bool(req.get_header("Transfer-Encoding")))


def _is_whole(req: falcon.asgi.Request) -> bool:
    """Tell whether all of the body is there, so that there is nothing to wait for."""
    first = req._first_event  # noqa: SLF001 - Falcon does not tell
    return first is not None and not first.get("more_body")


async def _receive(req: falcon.asgi.Request, limits: Limits) -> bytes:
    most = limits.body_bytes + 1
    if _is_whole(req):
        raw = await req.stream.read(most)
    else:
        async with _arriving(req, limits):
            raw = await req.stream.read(most)
            if len(raw) == most:
                raise _too_large(limits)
    if len(raw) == most:
        raise _too_large(limits)
    return raw


@asynccontextmanager
async def _arriving(req: falcon.asgi.Request, limits: Limits) -> AsyncIterator[None]:
    """Read a body in here: one that takes too long or breaks off is refused."""
    watch = _Watch(req)
    try:
        async with asyncio.timeout(limits.body_seconds):
            yield
    except TimeoutError:
        raise falcon.HTTPError(408, description="The body took too long to arrive") from None
    if watch.disconnected:
        raise falcon.HTTPBadRequest(description="The body broke off")


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
    if media is None or media.unread or parameters.get("charset", "utf-8").lower() not in UTF8:
        served = [media_type for media_type, each in body.content.items() if not each.unread]
        allowed = f"must be one of: {', '.join(served)} (UTF-8)" if served else "has no media type that can be read"
        raise falcon.HTTPUnsupportedMediaType(description=f"The body {allowed}")
    return media, parameters
