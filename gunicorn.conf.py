"""How gunicorn runs the service: `tbg serve`, or `gunicorn -c gunicorn.conf.py`."""

import gc
import os
import signal
from pathlib import Path

from tbg.server.boot import absent
from tbg.server.signals import FORK_GUARD, end_early, started_with

end_early(0)
FORK_GUARD.install()
gc.disable()  # until everything is made: nothing of it is garbage
with absent("requests", "rich"):  # 10 MB and 80 ms, for nothing that is done here
    import openapi_core  # noqa: F401 - for its import only
    import structlog  # noqa: F401 - the same

from gunicorn.arbiter import Arbiter

from tbg.config import PROJECT_ROOT, Settings, SettingsError
from tbg.contract.bundling import Bundle
from tbg.logs import configure_logging, line_handlers
from tbg.server.arbiter import DrainingArbiter
from tbg.server.concurrency import worker_count
from tbg.server.descriptors import connection_limit, raise_soft_limit
from tbg.server.http1 import Limits
from tbg.server.worker import GunicornLogger, Worker

try:
    _settings = Settings.load()
except SettingsError as error:
    raise SystemExit(str(error)) from None
configure_logging(_settings)

_reload = os.environ.get("TBG_DEV_RELOAD") == "1"


def _watched_files() -> list[str]:
    """Return what is not Python and yet changes the service: the contract's files and the settings' file."""
    return [str(path) for path in (*Bundle(_settings.contract_path).files, PROJECT_ROOT / ".env") if path.is_file()]


def _listener(host: str, port: int) -> str:
    if host.startswith("unix:"):
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


chdir = str(PROJECT_ROOT)
# Loaded in the master: a bad setting or a broken contract stops it at once, and workers share its memory.
wsgi_app = "tbg.dev.reloading:create_app()" if _reload else "tbg.main:create_app()"
preload_app = not _reload
reload = _reload
if _reload:
    from gunicorn.reloader import reloader_engines

    from tbg.dev.reloading import PromptReloader

    reloader_engines["auto"] = PromptReloader  # gunicorn knows no other way to name one
reload_extra_files = _watched_files() if _reload else []

bind = [_listener(_settings.host, _settings.port)]  # a list: in a text, commas would separate several
workers = worker_count()
worker_class = Worker
Worker.limits = Limits(
    header_seconds=_settings.header_timeout_seconds,
    write_seconds=_settings.write_timeout_seconds,
    drain_seconds=min(2.0, _settings.drain_seconds),
)
Worker.max_connections = connection_limit(_settings, raise_soft_limit())
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - memory, so that a slow disk kills no worker
control_socket_disable = True

timeout = 30
keepalive = 75  # longer than common load balancers keep theirs, so that it is never this end that closes first
graceful_timeout = _settings.graceful_timeout_seconds

forwarded_allow_ips = ""  # the service itself decides which proxy it believes
logger_class = GunicornLogger
accesslog = None


def pre_exec(server: Arbiter) -> None:
    """Let SIGUSR2 start the same command again, in the same folder."""
    server.START_CTX.update(started_with())


def on_starting(server: Arbiter) -> None:
    """Let workers have successors before they go, and a stop lose nothing."""
    DrainingArbiter.take_over(server, _settings.drain_seconds)


def when_ready(_server: object) -> None:
    """Move everything made so far out of the collector's sight: forked workers share it, and collections get short."""
    gc.freeze()


def post_worker_init(_worker: object) -> None:
    """Do the same for what the worker has made, and let no request wait for the log."""
    gc.freeze()
    gc.enable()
    for handler in line_handlers():
        handler.stream.start()


def worker_int(_worker: Worker) -> None:
    """End the worker when the reloader has seen a change; uvicorn does not look at gunicorn's own flag."""
    if _reload:
        os.kill(os.getpid(), signal.SIGTERM)
