"""What can be done with workers and their shares; each public method is one transaction."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from tbg.contract import UNSET
from tbg.database import Database

from .errors import NameTakenError, NotFoundError
from .models import (
    LightningPayout,
    OnchainPayout,
    Payout,
    Share,
    Statistics,
    StatisticsQuery,
    Worker,
    WorkerFilter,
    WorkerInput,
    WorkerPage,
    WorkerPatch,
    WorkerSearch,
)
from .tables import shares, workers

_LOCK_WORKER = sa.select(workers.c.id).with_for_update()


class WorkerService:
    """Workers and shares in PostgreSQL."""

    def __init__(self, database: Database, clock: Callable[[], datetime], new_id: Callable[[], UUID]) -> None:
        self._database = database
        self._clock = clock
        self._new_id = new_id

    async def page(self, wanted: WorkerFilter) -> WorkerPage:
        """Return one page in the order of ids."""
        query = sa.select(workers).where(*_conditions(wanted)).order_by(workers.c.id).limit(wanted.page_size + 1)
        async with self._database.read() as session:
            found = tuple(_worker(row) for row in await session.execute(query))
        items = found[: wanted.page_size]
        return WorkerPage(items, items[-1].id if len(found) > len(items) else None)

    async def create(self, worker: WorkerInput) -> Worker:
        """Register a worker.

        Raises:
            NameTakenError: Another worker has its name.
        """
        values = {"id": self._new_id(), "created_at": self._clock(), **_columns(worker)}
        return await self._write(sa.insert(workers).values(values).returning(workers))

    async def get(self, worker_id: UUID) -> Worker:
        """Return one worker.

        Raises:
            NotFoundError: There is none.
        """
        async with self._database.read() as session:
            return await _one(session, sa.select(workers).where(workers.c.id == worker_id))

    async def replace(self, worker_id: UUID, worker: WorkerInput) -> Worker:
        """Put ``worker`` in the place of what is there.

        Raises:
            NotFoundError: There is none.
            NameTakenError: Another worker has its name.
        """
        query = sa.update(workers).where(workers.c.id == worker_id).values(_columns(worker)).returning(workers)
        return await self._write(query)

    async def change(self, worker_id: UUID, patch: WorkerPatch) -> Worker:
        """Change what ``patch`` names.

        Raises:
            NotFoundError: There is none.
            NameTakenError: Another worker has its name.
        """
        columns = _columns(patch)
        if not columns:
            return await self.get(worker_id)
        return await self._write(sa.update(workers).where(workers.c.id == worker_id).values(columns).returning(workers))

    async def delete(self, worker_id: UUID) -> None:
        """Forget a worker and its shares.

        Raises:
            NotFoundError: There is none.
        """
        async with self._database.transaction() as session:
            await _one(session, sa.delete(workers).where(workers.c.id == worker_id).returning(workers))

    async def search(self, wanted: WorkerSearch) -> tuple[Worker, ...]:
        """Return the workers whose names begin like this, in the order of names."""
        conditions = [
            workers.c.name.startswith(wanted.name_prefix, autoescape=True),
            workers.c.hashrate >= wanted.min_hashrate,
        ]
        if wanted.regions:
            conditions.append(workers.c.region.in_(wanted.regions))
        query = sa.select(workers).where(*conditions).order_by(workers.c.name).limit(wanted.limit)
        async with self._database.read() as session:
            return tuple(_worker(row) for row in await session.execute(query))

    async def statistics(self, wanted: StatisticsQuery) -> tuple[Statistics, ...]:
        """Count workers by region."""
        region = workers.c.region
        query = sa.select(region, sa.func.count(), sa.func.sum(workers.c.hashrate)).group_by(region).order_by(region)
        if wanted.tag is not None:
            query = query.where(workers.c.tags.contains([wanted.tag]))
        if wanted.region:
            query = query.where(region.in_(wanted.region))
        async with self._database.read() as session:
            return tuple(Statistics(*row) for row in await session.execute(query))

    async def stream(self) -> AsyncIterator[Worker]:
        """Yield every worker in the order of names, holding one row at a time."""
        async with self._database.read() as session:
            async for row in await session.stream(sa.select(workers).order_by(workers.c.name)):
                yield _worker(row)

    async def submit(self, worker_id: UUID, nonce: str) -> Share:
        """Count a share; its number is one more than the worker's last.

        Raises:
            NotFoundError: There is no such worker.
        """
        last = sa.select(sa.func.coalesce(sa.func.max(shares.c.number), 0)).where(shares.c.worker_id == worker_id)
        async with self._database.transaction() as session:
            if await session.scalar(_LOCK_WORKER.where(workers.c.id == worker_id)) is None:
                raise NotFoundError("There is no such worker")
            share = Share(worker_id, (await session.scalar(last) or 0) + 1, nonce, self._clock())
            await session.execute(sa.insert(shares).values(attrs.asdict(share)))
        return share

    async def share(self, worker_id: UUID, number: int) -> Share:
        """Return one share.

        Raises:
            NotFoundError: There is none.
        """
        found = await self._shares(worker_id, shares.c.number == number)
        if not found:
            raise NotFoundError("There is no such share")
        return found[0]

    async def latest_share(self, worker_id: UUID) -> Share | None:
        """Return the share handed in last, if there is any.

        Raises:
            NotFoundError: There is no such worker.
        """
        found = await self.shares(worker_id)
        return found[-1] if found else None

    async def shares(self, worker_id: UUID) -> tuple[Share, ...]:
        """Return all shares, oldest first.

        Raises:
            NotFoundError: There is no such worker.
        """
        await self.get(worker_id)
        return await self._shares(worker_id)

    async def _shares(self, worker_id: UUID, *conditions: sa.ColumnElement[bool]) -> tuple[Share, ...]:
        query = sa.select(shares).where(shares.c.worker_id == worker_id, *conditions).order_by(shares.c.number)
        async with self._database.read() as session:
            return tuple(Share(**row._mapping) for row in await session.execute(query))

    async def _write(self, query: ReturningInsert[Any] | ReturningUpdate[Any]) -> Worker:
        try:
            async with self._database.transaction() as session:
                return await _one(session, query)
        except IntegrityError as error:
            raise NameTakenError("Another worker has this name") from error


def _columns(worker: WorkerInput | WorkerPatch) -> dict[str, object]:
    """Return what is set, as the table takes it."""
    values = {name: value for name, value in attrs.asdict(worker).items() if value is not UNSET}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _conditions(wanted: WorkerFilter) -> Iterator[sa.ColumnElement[bool]]:
    column = workers.c
    if wanted.cursor is not None:
        yield column.id > wanted.cursor
    if wanted.region:
        yield column.region.in_(wanted.region)
    if wanted.tags:
        yield column.tags.contains(list(wanted.tags))
    if wanted.payouts:
        yield column.payout["kind"].astext.in_(wanted.payouts)
    if wanted.max_difficulty is not None:
        yield column.difficulty <= wanted.max_difficulty
    if wanted.idle == "hide":
        yield column.hashrate > 0
    if wanted.hashrate.min is not None:
        yield column.hashrate >= wanted.hashrate.min
    if wanted.hashrate.max is not None:
        yield column.hashrate <= wanted.hashrate.max


async def _one(session: AsyncSession, query: sa.Executable) -> Worker:
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFoundError("There is no such worker")
    return _worker(row)


def _worker(row: sa.Row[Any]) -> Worker:
    values = dict(row._mapping)
    return Worker(**values | {"payout": _payout(values["payout"]), "tags": tuple(values["tags"])})


def _payout(value: dict[str, Any]) -> Payout:
    return LightningPayout(**value) if value["kind"] == "lightning" else OnchainPayout(**value)
