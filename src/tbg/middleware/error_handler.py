"""Exceptions to answers: domain errors by a feature's table, anything else a 500 that tells the client nothing."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

import falcon
import structlog

from tbg.context import Request, Response

_log = structlog.stdlib.get_logger("tbg.errors")

Handler = Callable[[Request, Response, Exception, object], Awaitable[None]]


async def handle_unexpected(req: Request, _resp: Response, error: Exception, _params: object) -> NoReturn:
    """Log a bug with its traceback, once, and answer 500."""
    _log.error("http.unhandled", method=req.method, path=req.path, exc_info=error)
    raise falcon.HTTPInternalServerError


def answer_with(status: int) -> Handler:
    """Return a handler that answers a `DomainError` with ``status`` and the error's own message."""

    async def handle(_req: Request, _resp: Response, error: Exception, _params: object) -> NoReturn:
        raise falcon.HTTPError(status, description=str(error))

    return handle
