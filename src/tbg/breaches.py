"""Responses that break the contract: our own bugs, logged and counted."""

import structlog
from prometheus_client import CollectorRegistry, Counter

from tbg.contract import Breach


class BreachReport:
    """Log and count each breach: where it is, and never the value."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._log = structlog.stdlib.get_logger("tbg.contract")
        self._breaches = Counter(
            "tbg_contract_breaches",
            "Responses that broke the contract",
            ["operation", "status"],
            registry=registry,
        )

    def __call__(self, breach: Breach) -> None:
        """Report one breach."""
        self._breaches.labels(breach.operation_id, breach.status).inc()
        self._log.error(
            "contract.response_breach",
            operation=breach.operation_id,
            status=breach.status,
            part=breach.part,
            pointer=breach.pointer,
            keyword=breach.keyword,
        )
