"""Which tables belong to whom: the one place that lists what this service did not make and must not take away."""

from typing import Final

COLLECTOR_TABLES: Final = frozenset(
    {
        "users",
        "workers",
        "shares",
        "blocks",
        "weekly_best_diff",
        "mining_events",
        "rate_limit_events",
        "schema_migrations",
    }
)
"""Tables of the event collector, which makes, fills and changes them. This service may add to them."""
