"""The types of this feature; each names the schema or the operation that it implements."""

from datetime import UTC, datetime
from typing import Literal, overload
from uuid import UUID

import attrs

from tbg.contract import UNSET, Unset

Region = Literal["eu-north", "eu-west", "us-east", "ap-south"]
PayoutKind = Literal["lightning", "onchain"]


@overload
def in_utc(value: datetime) -> datetime: ...
@overload
def in_utc[T: (None, Unset)](value: datetime | T) -> datetime | T: ...
def in_utc(value: datetime | Unset | None) -> datetime | Unset | None:
    """Return the same instant in UTC; in the first and last hours of Python's calendar, the nearest that exists."""
    if not isinstance(value, datetime):
        return value
    try:
        return value.astimezone(UTC)
    except (OverflowError, ValueError):  # Python raises either
        first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        return first if value.year == first.year else last


@attrs.frozen
class LightningPayout:
    """Schemas ``LightningPayout`` and ``LightningPayoutInput``."""

    kind: Literal["lightning"]
    node: str
    max_fee_sats: int = 10


@attrs.frozen
class OnchainPayout:
    """Schemas ``OnchainPayout`` and ``OnchainPayoutInput``."""

    kind: Literal["onchain"]
    address: str
    threshold_sats: int


Payout = LightningPayout | OnchainPayout


@attrs.frozen(kw_only=True)
class WorkerInput:
    """Schema ``WorkerInput``."""

    name: str
    region: Region
    ipv4_address: str
    hashrate: float
    difficulty: int
    payout: Payout
    hardware_id: UUID | None = None
    installed_at: datetime | None = attrs.field(default=None, converter=in_utc)
    firmware: str | None = None
    tags: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class WorkerPatch:
    """Schema ``WorkerPatch``: UNSET leaves a property as it is, None empties it."""

    name: str | Unset = UNSET
    region: Region | Unset = UNSET
    ipv4_address: str | Unset = UNSET
    hashrate: float | Unset = UNSET
    difficulty: int | Unset = UNSET
    payout: Payout | Unset = UNSET
    hardware_id: UUID | Unset | None = UNSET
    installed_at: datetime | Unset | None = attrs.field(default=UNSET, converter=in_utc)
    firmware: str | Unset | None = UNSET
    tags: tuple[str, ...] | Unset = UNSET


@attrs.frozen(kw_only=True)
class Worker(WorkerInput):
    """Schema ``Worker``."""

    id: UUID
    created_at: datetime


@attrs.frozen
class WorkerPage:
    """Schema ``WorkerPage``."""

    items: tuple[Worker, ...]
    next_cursor: UUID | None


@attrs.frozen
class HashrateRange:
    """Schema ``HashrateRange``."""

    min: float | None = None
    max: float | None = None


@attrs.frozen(kw_only=True)
class WorkerFilter:
    """The parameters of ``listWorkers``."""

    page_size: int
    x_trace_level: int
    idle: Literal["show", "hide"]
    cursor: UUID | None = None
    region: tuple[Region, ...] = ()
    tags: tuple[str, ...] = ()
    payouts: tuple[PayoutKind, ...] = ()
    hashrate: HashrateRange = HashrateRange()
    max_difficulty: int | None = None


@attrs.frozen
class WorkerKey:
    """The parameters of the operations on one worker."""

    worker_id: UUID


@attrs.frozen
class ShareKey:
    """The parameters of ``getShare``."""

    worker_id: UUID
    number: int


@attrs.frozen
class Share:
    """Schema ``Share``."""

    worker_id: UUID
    number: int
    nonce: str
    submitted_at: datetime


@attrs.frozen
class WorkerSearch:
    """Schema ``WorkerSearch``."""

    name_prefix: str
    regions: tuple[Region, ...] = ()
    min_hashrate: float = 0.0
    limit: int = 20


@attrs.frozen
class Upload:
    """Schema ``Upload``."""

    file: bytes
    label: str
    dry_run: bool = True


@attrs.frozen
class Receipt:
    """Schema ``Receipt``."""

    label: str
    size_bytes: int
    sha256: str
    dry_run: bool


@attrs.frozen
class StatisticsQuery:
    """The parameters of ``getStatistics``."""

    tag: str | None = None
    region: tuple[Region, ...] = ()


@attrs.frozen
class Statistics:
    """Schema ``Statistics``."""

    region: str
    workers: int
    hashrate: float
