"""The resources of /health, /ready and /version."""

from collections.abc import Mapping

import falcon

from tbg.context import Request, Response
from tbg.draining import Drain
from tbg.health.readiness import DRAINING, Readiness


class HealthResource:
    """Liveness: touches nothing, so that a dead database never makes an orchestrator kill the workers."""

    async def on_get(self, _req: Request, resp: Response) -> None:
        """Say that the process answers."""
        resp.media = {"status": "healthy"}


class ReadinessResource:
    """Readiness: whether requests that need the dependencies can be answered now."""

    def __init__(self, readiness: Readiness, drain: Drain) -> None:
        self._readiness = readiness
        self._drain = drain

    async def on_get(self, _req: Request, resp: Response) -> None:
        """Report each dependency; 503 when one is missing, or when the process is about to end."""
        report = DRAINING if self._drain.is_draining else await self._readiness.report()
        resp.status = falcon.HTTP_200 if report.status == "ready" else falcon.HTTP_503
        resp.cache_control = ["no-store"]
        resp.media = {"status": report.status, "checks": report.checks}


class VersionResource:
    """Which build runs, and where."""

    def __init__(self, version: Mapping[str, str]) -> None:
        self._version = version

    async def on_get(self, _req: Request, resp: Response) -> None:
        """Name version and environment."""
        resp.media = self._version
