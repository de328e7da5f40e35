"""Workers for the FastAPI peer: pydantic models with the constraints of ``tests/contract/workers/schemas.yaml``.

The list hands over rows, as a database would, and the response model validates and writes them.
"""

from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Cookie, Header, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from benchmarks.peers.workers_data import pages, rotating

Region = Literal["eu-north", "eu-west", "us-east", "ap-south"]
Tag = Annotated[str, Field(pattern="^[a-z0-9-]{1,24}$")]


def _each_once(tags: list[str]) -> list[str]:
    if len(set(tags)) != len(tags):
        raise ValueError("each tag once")
    return tags


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LightningPayout(_Strict):
    """Pay over Lightning."""

    kind: Literal["lightning"]
    node: str = Field(pattern="^0[23][0-9a-f]{64}$")
    max_fee_sats: int = Field(10, ge=0, le=100_000)


class OnchainPayout(_Strict):
    """Pay on chain once a threshold is reached."""

    kind: Literal["onchain"]
    address: str = Field(pattern="^bc1[02-9ac-hj-np-z]{39,59}$")
    threshold_sats: int = Field(ge=546, le=2_100_000_000_000_000)


class WorkerInput(_Strict):
    """Everything that a client says about a worker."""

    name: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    region: Region
    ipv4_address: IPv4Address
    hashrate: float = Field(ge=0, le=1e18)
    difficulty: int = Field(ge=1, le=9_007_199_254_740_991)
    payout: LightningPayout | OnchainPayout = Field(discriminator="kind")
    hardware_id: UUID | None = None
    installed_at: datetime | None = None
    firmware: str | None = Field(None, max_length=80, pattern=r"^[^\x00]*$")
    tags: Annotated[list[Tag], Field(max_length=8), AfterValidator(_each_once)] = []


class Worker(WorkerInput):
    """A mining worker."""

    id: UUID
    created_at: datetime


class WorkerPage(_Strict):
    """Some workers, and where the next ones begin."""

    items: list[Worker] = Field(max_length=100)
    next_cursor: UUID | None


router = APIRouter()
_pages = rotating([{"items": rows, "next_cursor": None} for rows in pages()])


@router.get("/workers", response_model=WorkerPage)
async def list_workers(  # noqa: PLR0913, PLR0917 - the contract's parameters
    response: Response,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: UUID | None = None,
    region: Annotated[list[Region] | None, Query(max_length=4)] = None,
    tags: Annotated[list[Tag] | None, Query(max_length=4)] = None,
    max_difficulty: Annotated[int | None, Query(ge=1, le=9_007_199_254_740_991)] = None,
    x_trace_level: Annotated[int, Header(ge=0, le=3)] = 0,
    hide_idle: Annotated[bool, Cookie()] = False,  # noqa: FBT002 - FastAPI's way to declare it
) -> dict[str, Any]:
    """List workers."""
    del page_size, cursor, region, tags, max_difficulty, hide_idle
    response.headers["X-Trace-Level"] = str(x_trace_level)
    return next(_pages)


@router.post("/workers", status_code=201)
async def create_worker(worker: WorkerInput, response: Response) -> Worker:
    """Register a worker."""
    created = Worker(**worker.model_dump(), id=uuid4(), created_at=datetime.now(UTC))
    response.headers["Location"] = f"/workers/{created.id}"
    return created
