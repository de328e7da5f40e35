"""The first feature: is the service alive, can it work, and which one is it."""

from tbg.health.feature import health_feature

__all__ = ["health_feature"]
