"""The gunicorn worker that runs uvicorn, and gunicorn's logger."""

import logging
import os
import signal
from types import FrameType
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger
from uvicorn_worker import UvicornWorker

from tbg.logs import line_handlers
from tbg.server.protocol import BoundedProtocol


class Worker(UvicornWorker):
    """uvicorn-worker with this service's choices.

    Forwarded headers are left alone: only the service itself decides which proxy it believes. There is no access log
    of uvicorn's, because the service writes its own line.
    """

    CONFIG_KWARGS: dict[str, Any] = {  # noqa: RUF012 - uvicorn-worker reads it from the class
        "http": BoundedProtocol,
        "loop": "auto",
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_notify": 2,  # seconds between two signs of life
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - gunicorn's own signature
        super().__init__(*args, **kwargs)
        # gunicorn's clock for a worker starts with its first sign of life: one that hangs before would be left alone.
        self.tmp.notify()
        # Give up on slow requests before gunicorn kills the worker, so that connections are closed in order.
        self.config.timeout_graceful_shutdown = max(1, self.cfg.graceful_timeout - 1)

    def init_signals(self) -> None:
        """Let a signal that ends the worker leave no line of the log behind: uvicorn, when it is done, repeats it."""
        super().init_signals()
        signal.signal(signal.SIGTERM, _write_log_and_end)
        signal.signal(signal.SIGINT, _write_log_and_end)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End on SIGQUIT, with which a master that is interrupted ends its workers; uvicorn knows SIGTERM only."""
        super().handle_exit(sig, frame)
        os.kill(os.getpid(), signal.SIGTERM)

    async def callback_notify(self) -> None:
        """Show the master that this worker lives, and end when there is no master any more."""
        await super().callback_notify()
        if os.getppid() != self.ppid:
            self.log.warning("The master is gone, this worker ends")
            os.kill(os.getpid(), signal.SIGTERM)


def _write_log_and_end(number: int, _frame: FrameType | None) -> None:
    for handler in line_handlers():
        handler.flush()
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


class GunicornLogger(Logger):
    """Hand gunicorn's messages, and through it uvicorn's, to the handlers that `tbg.logs` has installed."""

    def setup(self, cfg: Config) -> None:
        """Use the root logger's handlers and level instead of gunicorn's own."""
        self.cfg = cfg
        self._access_log_enabled = False
        root = logging.getLogger()
        for logger in (self.error_log, self.access_log):
            logger.handlers = root.handlers
            logger.setLevel(root.level)
            logger.propagate = False
        self.access_log.handlers = []
