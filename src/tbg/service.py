"""The application class: Falcon's, with an end for each request, however it ends."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final

import falcon
import falcon.asgi
import structlog
from prometheus_client import CollectorRegistry

from tbg.context import Request, RequestContext, Response
from tbg.contract import BrokenStreamError
from tbg.draining import Drain
from tbg.logs import CutRequestLine, RequestLine, RequestLog
from tbg.middleware.error_handler import handle_unexpected
from tbg.middleware.load import EarlyShedding

CLIENT_CLOSED_REQUEST: Final = 499  # no status of HTTP's: the client was gone before there was a response
_MAX_PATH: Final = 512  # characters in the log
_CLOSE_SECONDS: Final = 5.0

_log = structlog.stdlib.get_logger("tbg.service")


class Service(falcon.asgi.App[Request, Response]):
    """Falcon's application; it closes what a request streamed, and writes one line per request.

    The line is written when all of the response is sent, or will never be. It leaves out the query string, which can
    hold personal data and secrets. The path stands there as the client sent it, percent-encoded.

    Attributes:
        write_line: Writes the line of a request.
        metrics: Where this process counts; the server around the application counts there, too.
        drain: Where the server says that the process is about to end.
        shedding: Answers what is beyond the capacity of this process.
    """

    write_line: RequestLog | None = None
    metrics: CollectorRegistry
    drain: Drain
    shedding: EarlyShedding | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # type: ignore[override]  # noqa: ANN401 - ASGI's
        """Serve one request, or the life of the process."""
        is_cut = True
        try:
            shedding = self.shedding
            if shedding and shedding.load.is_full and (operation := shedding.victim(scope)) is not None:
                req, resp = Request(scope, receive, options=self.req_options), Response(options=self.resp_options)
                await shedding.answer(operation, req, resp, send)
            else:
                await super().__call__(scope, receive, send)
            is_cut = False
        except BrokenStreamError:
            pass  # it is reported; the server closes the connection, as the body has no end
        finally:
            context = RequestContext.of(scope)
            if context is not None:
                context.count_out()
                if self.write_line is not None:
                    self.write_line(_line(scope, context, is_cut=is_cut))
                try:
                    if context.stream is not None:
                        await _close(context.stream)
                finally:
                    context.close()

    async def _handle_exception(  # type: ignore[override]  # Falcon's own does so, too
        self,
        req: Request,
        resp: Response | None,
        ex: Exception,
        params: dict[str, Any],
        ws: falcon.asgi.WebSocket | None = None,
    ) -> bool:
        """Answer 500 in our own form when a handler of errors fails itself."""
        try:
            return await super()._handle_exception(req, resp, ex, params, ws=ws)
        except Exception as error:
            if resp is None:
                raise
            with suppress(falcon.HTTPInternalServerError):
                await handle_unexpected(req, resp, error, params)
            self._compose_error_response(req, resp, falcon.HTTPInternalServerError())
            return True


async def _close(stream: object) -> None:
    """Close an asynchronous generator now, and what it holds with it; Python would do so at some time."""
    aclose = getattr(stream, "aclose", None)
    if aclose is None:
        return
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await aclose()
    except Exception as error:  # noqa: BLE001 - a feature's own code, and nobody is left to tell
        _log.error("stream.not_closed", exc_info=error)


def _line(scope: dict[str, Any], context: RequestContext, *, is_cut: bool) -> RequestLine:
    raw: bytes | None = scope.get("raw_path")
    path = scope["path"][:_MAX_PATH] if raw is None else raw[:_MAX_PATH].decode("ascii", "backslashreplace")
    return (CutRequestLine if is_cut else RequestLine)(
        scope["method"],
        path,
        context.operation_id,
        context.status or CLIENT_CLOSED_REQUEST,
        round((perf_counter() - context.started) * 1000, 2),
        context.client,
        context.request_id,
        datetime.now(UTC),
    )
