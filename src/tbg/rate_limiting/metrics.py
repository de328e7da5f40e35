"""What the limiter has done, in counters for Prometheus."""

from functools import cache
from typing import Literal

from prometheus_client import CollectorRegistry, Counter

from tbg.rate_limiting.policies import Policy

Outcome = Literal["admitted", "refused", "uncounted", "unavailable"]
Cause = Literal["timeout", "lost", "refused", "known"]
"""Why a request was not counted: no answer in time, a lost connection or none, the server's word; or it was not asked,
as it was known to be away."""


class RateLimitMetrics:
    """Counters of one process, in ``registry``; nothing in them names a client."""

    def __init__(self, registry: CollectorRegistry) -> None:
        requests = Counter(
            "tbg_rate_limit_requests",
            "Requests by policy and outcome: admitted, refused, uncounted, unavailable",
            ["policy", "outcome"],
            registry=registry,
        )
        self._requests = cache(requests.labels)  # looking labels up takes longer than counting
        self._would_refuse = Counter(
            "tbg_rate_limit_would_refuse",
            "Requests that a shadow policy would have refused",
            ["policy"],
            registry=registry,
        )
        self._changes = Counter(
            "tbg_rate_limit_redis_changes",
            "How often Redis was lost and found again",
            ["state"],
            registry=registry,
        )

        self._uncounted = Counter(
            "tbg_rate_limit_uncounted",
            "Requests that Redis did not count, by cause: timeout, lost, refused, known (not asked: it is away)",
            ["cause"],
            registry=registry,
        )
        self._connections = Counter(
            "tbg_rate_limit_redis_connections",
            "Connections to Redis by what became of them: made, ended, failed (could not be made)",
            ["event"],
            registry=registry,
        )

    def count(self, policy: Policy, outcome: Outcome) -> None:
        """Count one request."""
        self._requests(policy.name, outcome).inc()

    def would_refuse(self, policy: Policy) -> None:
        """Count one request that passed only because ``policy`` is a shadow."""
        self._would_refuse.labels(policy.name).inc()

    def lane_changed(self, is_open: bool) -> None:  # noqa: FBT001 - a state
        """Count one loss or recovery of Redis."""
        self._changes.labels("available" if is_open else "unavailable").inc()

    def uncounted(self, cause: Cause) -> None:
        """Count one request that Redis did not count."""
        self._uncounted.labels(cause).inc()

    def connection(self, event: Literal["made", "ended", "failed"]) -> None:
        """Count what became of a connection."""
        self._connections.labels(event).inc()
