"""The limit: an ASGI application that answers every request with the same bytes, under uvicorn.

It has no routes, reads nothing of the request, logs nothing and makes no header but the two that it needs. Whatever an
ASGI service does, it cannot cost less than this.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY: Final = b'{"version":"0.1.0","environment":"development"}'
START: Final = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())],
}


async def answer(send: Send) -> None:
    """Send the one answer."""
    await send(START)
    await send({"type": "http.response.body", "body": BODY})


async def app(scope: Message, _receive: Receive, send: Send) -> None:
    """Answer; uvicorn takes the exception for "this application has no lifespan"."""
    if scope["type"] != "http":
        raise NotImplementedError
    await answer(send)
