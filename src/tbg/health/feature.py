"""Put the health resources together."""

from collections.abc import Mapping

from tbg.config import Settings
from tbg.draining import Drain
from tbg.feature import Feature
from tbg.health.readiness import Readiness
from tbg.health.resources import HealthResource, ReadinessResource, VersionResource
from tbg.infrastructure import Ping


def health_feature(settings: Settings, pings: Mapping[str, Ping], drain: Drain) -> Feature:
    """Return the feature that reports on the service; ``pings`` are those of all the others."""
    readiness = Readiness(
        pings, timeout_seconds=settings.ready_timeout_seconds, cache_seconds=settings.ready_cache_seconds
    )
    version = {"version": settings.app_version, "environment": settings.environment}
    return Feature(
        resources={
            "/health": HealthResource(),
            "/ready": ReadinessResource(readiness, drain),
            "/version": VersionResource(version),
        },
        uses_database=False,  # readiness asks for it, and has a 503 of its own
    )
