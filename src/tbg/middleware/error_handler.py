"""Exceptions to answers: domain errors by a feature's table, a database that is away a 503, anything else a 500.

Only a domain error tells the client what it is about.
"""

from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import falcon
import structlog

from tbg.context import Request, Response

_log = structlog.stdlib.get_logger("tbg.errors")

RETRY_AFTER_SECONDS: Final = 2  # a restart or a peak is over by then, or the client asks again

Handler = Callable[[Request, Response, Exception, object], Awaitable[None]]


async def handle_unexpected(req: Request, _resp: Response, error: Exception, _params: object) -> NoReturn:
    """Log a bug with its traceback, once, and answer 500."""
    _log.error("http.unhandled", method=req.method, path=req.path, exc_info=error)
    raise falcon.HTTPInternalServerError


async def handle_unavailable(_req: Request, _resp: Response, _error: Exception, _params: object) -> NoReturn:
    """Answer 503; `tbg.database` has counted it, and logs why."""
    raise falcon.HTTPServiceUnavailable(
        description="Temporarily unavailable. Try again later.", retry_after=RETRY_AFTER_SECONDS
    )


async def handle_no_storage(_req: Request, _resp: Response, error: Exception, _params: object) -> NoReturn:
    """Log that a file which a client sent could not be kept, and answer 503."""
    _log.error("upload.not_kept", reason=str(error))
    raise falcon.HTTPServiceUnavailable(
        description="The files in the body cannot be kept at the moment. Try again later.",
        retry_after=RETRY_AFTER_SECONDS,
    )


def answer_with(status: int) -> Handler:
    """Return a handler that answers a `DomainError` with ``status`` and the error's own message."""

    async def handle(_req: Request, _resp: Response, error: Exception, _params: object) -> NoReturn:
        raise falcon.HTTPError(status, description=str(error))

    return handle
