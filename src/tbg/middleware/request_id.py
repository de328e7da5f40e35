"""Give every request an id that its log lines, its response and its error documents share."""

import re
from collections.abc import Callable
from contextvars import ContextVar
from random import randbytes

from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from tbg.context import Request, Response

HEADER = "X-Request-Id"
# What bind_contextvars(request_id=...) would make and look up for each request, which takes seven times as long.
_BOUND: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id")
# Ids end up in logs, shells and HTML: nothing that means something there is kept.
_SAFE = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)


def _new_id() -> str:
    """Return what ``str(uuid.uuid4())`` would, in a third of the time: nothing depends on ids being hard to guess."""
    digits = randbytes(16).hex()  # noqa: S311 - see above
    variant = "89ab"[ord(digits[16]) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


class RequestIdMiddleware:
    """Keep a client's safe ``X-Request-Id``, else make one of 36 characters; bind it to the log context."""

    def __init__(self, new_id: Callable[[], str] = _new_id) -> None:
        self._new_id = new_id

    async def process_request(self, req: Request, resp: Response) -> None:
        """Set the id before anything can fail, so that every answer carries it."""
        sent = req.get_header(HEADER)
        request_id = sent if sent is not None and _SAFE.fullmatch(sent) else self._new_id()
        req.context.request_id = request_id
        _BOUND.set(request_id)
        resp.set_header(HEADER, request_id)
