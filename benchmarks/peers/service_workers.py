"""This service with the tests' workers contract and resources, on workers in memory instead of in PostgreSQL.

Everything but the database is as in production. Names may repeat: nothing that is created is kept.
"""

import itertools
from datetime import UTC, datetime
from typing import override
from uuid import uuid4

import attrs

from benchmarks.peers.workers_data import PAGES, Row, pages, rotating
from tbg.app import App, build_app
from tbg.config import Settings
from tbg.contract import Contract
from tbg.feature import Feature
from tbg.features import FEATURES
from tbg.infrastructure import Infrastructure
from tbg.logs import configure_logging
from tests.contract.workers.app import CONTRACT
from tests.contract.workers.feature import feature
from tests.contract.workers.models import (
    LightningPayout,
    OnchainPayout,
    Worker,
    WorkerFilter,
    WorkerInput,
    WorkerPage,
)
from tests.contract.workers.resources import Workers
from tests.contract.workers.service import WorkerService


class WorkersInMemory(WorkerService):
    """What the two measured operations need."""

    def __init__(self) -> None:
        self._pages = rotating([_page(rows) for rows in pages()])
        self._answers = itertools.count(1)

    @override
    async def page(self, wanted: WorkerFilter) -> WorkerPage:
        return next(self._pages) if PAGES == 1 else self._never_sent(next(self._pages))

    def _never_sent(self, page: WorkerPage) -> WorkerPage:
        """Change one worker: the service knows again what it has judged, however long ago."""
        first, *others = page.items
        return WorkerPage((attrs.evolve(first, difficulty=next(self._answers)), *others), None)

    @override
    async def create(self, worker: WorkerInput) -> Worker:
        return Worker(**attrs.asdict(worker, recurse=False), id=uuid4(), created_at=datetime.now(UTC))


def create_app() -> App:
    """Build the service that the environment describes, with the workers contract."""
    settings = Settings.load()
    configure_logging(settings)
    return build_app(Infrastructure.from_settings(settings), Contract.load(CONTRACT), [*FEATURES, _feature])


def _feature(infrastructure: Infrastructure) -> Feature:
    usual = feature(infrastructure)
    return attrs.evolve(usual, resources={**usual.resources, "/workers": Workers(WorkersInMemory())})


def _page(rows: list[Row]) -> WorkerPage:
    return WorkerPage(tuple(map(_worker, rows)), None)


def _worker(row: Row) -> Worker:
    kind = LightningPayout if row["payout"]["kind"] == "lightning" else OnchainPayout
    return Worker(**row | {"payout": kind(**row["payout"])})
