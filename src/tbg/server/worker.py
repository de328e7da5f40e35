"""The gunicorn worker that runs uvicorn, and gunicorn's logger."""

import logging
import os
import signal
import sys
from functools import partial
from types import FrameType
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from prometheus_client import CollectorRegistry, Counter
from uvicorn_worker import UvicornWorker

from tbg.logs import line_handlers
from tbg.server.arbiter import DRAIN_SIGNAL, LEAVING
from tbg.server.http1 import Connection, Limits, Registry
from tbg.server.uvicorn_server import DrainingServer


class Worker(UvicornWorker):
    """uvicorn-worker with this service's choices.

    Forwarded headers are left alone: only the service itself decides which proxy it believes. There is no access log
    of uvicorn's, because the service writes its own line.
    """

    CONFIG_KWARGS: dict[str, Any] = {  # noqa: RUF012 - uvicorn-worker reads it from the class
        "loop": "auto",
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_notify": 2,  # seconds between two signs of life
    }

    limits: ClassVar[Limits] = Limits()
    max_connections: ClassVar[int] = 10_000
    starts_draining: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - gunicorn's own signature
        super().__init__(*args, **kwargs)
        # gunicorn's clock for a worker starts with its first sign of life: one that hangs before would be left alone.
        self.tmp.notify()
        self.made_at = self.tmp.last_update()
        # Give up on slow requests before gunicorn kills the worker, so that connections are closed in order.
        self.config.timeout_graceful_shutdown = max(1, self.cfg.graceful_timeout - 1)
        self._is_leaving = False

    def run(self) -> None:
        """Serve the application until the end of the worker."""
        self._registry = Registry(self.max_connections, evicted=_evictions(self.wsgi).inc)
        self.config.http = partial(Connection, registry=self._registry, limits=self.limits)  # type: ignore[assignment]  # uvicorn only calls it
        if self.starts_draining:
            self._drain()
        super().run()

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = DrainingServer(self.config, self._leave)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def notify(self) -> None:
        """Show the master that this worker lives, or that it is about to end."""
        if self._is_leaving:
            os.utime(self.tmp.fileno(), (LEAVING, LEAVING))
        else:
            super().notify()

    def _drain(self, *_: object) -> None:
        """Let the application say that it is not ready any more."""
        drain = getattr(self.wsgi, "drain", None)
        if drain is not None:
            drain.is_draining = True

    def _leave(self) -> None:
        """Tell the master now, so that a successor is there before this worker is gone."""
        self._drain()
        self._registry.is_draining = self._is_leaving = True
        self.notify()
        if os.getppid() == self.ppid:
            os.kill(self.ppid, signal.SIGCHLD)

    def init_signals(self) -> None:
        """Let a signal that ends the worker leave no line of the log behind: uvicorn, when it is done, repeats it."""
        super().init_signals()
        signal.signal(DRAIN_SIGNAL, self._drain)
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


def _evictions(app: object) -> Counter:
    metrics = getattr(app, "metrics", None) or CollectorRegistry()  # gunicorn runs any application
    return Counter("tbg_connections_evicted", "Connections closed to make room for others", registry=metrics)


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
