"""The FastAPI peer with workers in memory; apart, so that their pages do not count as memory of the plain one."""

from benchmarks.peers.fastapi_service import app
from benchmarks.peers.fastapi_workers import router

app.include_router(router)

__all__ = ["app"]
