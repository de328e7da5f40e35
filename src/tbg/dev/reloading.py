"""The application that `tbg dev --reload` runs: a mistake is shown, and repaired by the next save."""

import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from tbg.main import create_app as create_service

AsgiApp = Callable[[dict[str, Any], Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[None]]


def create_app() -> AsgiApp:
    """Return the service, or an application that shows why there is none; the reloader waits for the next change."""
    try:
        return create_service()
    except Exception as error:  # noqa: BLE001 - whatever the edited code does, the reloader must live to see the next edit
        # A setting or the contract explains itself; anything else needs its traceback.
        text = str(error) if isinstance(error, RuntimeError) else "".join(traceback.format_exception(error))
        structlog.stdlib.get_logger("tbg.dev").error("dev.cannot_start", reason=text)
        return _explain(text)


def _explain(text: str) -> AsgiApp:
    async def app(
        scope: dict[str, Any], receive: Callable[..., Awaitable[Any]], send: Callable[..., Awaitable[Any]]
    ) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})

    return app
