"""What `tbg dev --reload` runs: a mistake is shown, and repaired by the next save."""

import os
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, override

import structlog
from gunicorn.reloader import Reloader

from tbg.main import create_app as create_service

AsgiApp = Callable[[dict[str, Any], Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[None]]


class PromptReloader(Reloader):
    """A reloader that misses no save: gunicorn's own notes a file's time only after the worker has loaded it.

    So a file counts as changed when it is newer than this object, which is made before the worker loads anything.
    """

    def __init__(
        self,
        extra_files: Iterable[str] | None = None,
        interval: int = 1,
        callback: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(extra_files, interval, callback)
        self._pause_seconds = interval
        self._tell = callback
        self._saved: dict[str, float] = {}
        self._made = time.time()

    @override
    def run(self) -> None:
        """Look every second."""
        while self._tell is not None:
            for path in self.changed():
                self._tell(path)
            time.sleep(self._pause_seconds)

    def changed(self) -> Iterator[str]:
        """Yield what has been saved since the last look. A time in the future is a wrong clock's, and no change."""
        for path in self.get_files():
            try:
                saved = os.stat(path).st_mtime  # noqa: PTH116 - a thousand paths a second
            except OSError:
                continue
            known = path in self._saved
            if saved > self._saved.get(path, self._made) and (known or saved <= time.time()):
                yield path
            self._saved[path] = saved


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
