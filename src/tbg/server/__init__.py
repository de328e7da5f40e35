"""gunicorn and uvicorn, adjusted to this service; used from ``gunicorn.conf.py``."""

from tbg.server.worker import GunicornLogger, Worker

__all__ = ["GunicornLogger", "Worker"]
