"""The workers feature's service without a database, so that only this process's own work is measured."""

from collections import deque
from datetime import UTC, datetime
from itertools import count
from types import ModuleType
from typing import Any, Final
from uuid import UUID

PAGE_SIZE: Final = 100
_CREATED: Final = datetime(2026, 1, 4, 9, tzinfo=UTC)


class MemoryService:
    """Answer as the feature's own service does, from memory.

    Args:
        models: The feature's module of that name: the types belong to the side that is measured.
    """

    def __init__(self, models: ModuleType) -> None:
        self._models = models
        self._numbers = count(1)
        self._pages: deque[Any] = deque()
        self._constant = self._new_page()

    def prepare(self, pages: int) -> None:
        """Make the next pages, of which no two have a worker in common; afterwards each page is the same."""
        self._pages = deque(self._new_page() for _ in range(pages))

    async def page(self, _wanted: object) -> Any:  # noqa: ANN401 - a WorkerPage of the side that is measured
        """Return the next page."""
        return self._pages.popleft() if self._pages else self._constant

    async def create(self, worker: Any) -> Any:  # noqa: ANN401 - a WorkerInput, and a Worker
        """Return the worker with an id."""
        values = {name: getattr(worker, name) for name in worker.__slots__ if not name.startswith("_")}
        return self._models.Worker(id=UUID(int=next(self._numbers), version=4), created_at=_CREATED, **values)

    def _new_page(self) -> Any:  # noqa: ANN401 - the same
        return self._models.WorkerPage(tuple(self._new_worker() for _ in range(PAGE_SIZE)), None)

    def _new_worker(self) -> Any:  # noqa: ANN401 - the same
        number = next(self._numbers)
        return self._models.Worker(
            id=UUID(int=number, version=4),
            created_at=_CREATED,
            name=f"rig-{number}",
            region="eu-north",
            ipv4_address=f"192.0.2.{number % 256}",
            hashrate=float(number),
            difficulty=number,
            payout=self._models.LightningPayout(kind="lightning", node=f"02{number:064x}"),
            hardware_id=UUID(int=number, version=4),
            installed_at=_CREATED,
            firmware="2.1",
            tags=("asic", f"shed-{number % 100}"),
        )
