"""The feature, as an application mounts it."""

from tbg.feature import Feature
from tbg.infrastructure import Infrastructure

from .errors import NameTakenError, NotFoundError
from .resources import (
    Export,
    Imports,
    LatestShare,
    OneShare,
    OneWorker,
    Searches,
    ShareEvents,
    Shares,
    StatisticsByRegion,
    Workers,
)
from .service import WorkerService


def feature(infrastructure: Infrastructure) -> Feature:
    """Return the workers feature."""
    service = WorkerService(infrastructure.database, infrastructure.clock, infrastructure.new_id)
    return Feature(
        resources={
            "/workers": Workers(service),
            "/workers/{worker_id}": OneWorker(service),
            "/workers/{worker_id}/shares": Shares(service),
            "/workers/{worker_id}/shares/{number}": OneShare(service),
            "/workers/{worker_id}/latest-share": LatestShare(service),
            "/workers/{worker_id}/events": ShareEvents(service),
            "/workers.csv": Export(service),
            "/worker-searches": Searches(service),
            "/worker-imports": Imports(),
            "/worker-statistics": StatisticsByRegion(service),
        },
        errors={NotFoundError: 404, NameTakenError: 409},
    )
