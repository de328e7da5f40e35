"""Connexion 3, the other contract-first framework: ``connexion.yaml`` judges requests strictly, and responses.

The document is the service's contract, as far as it is measured, in OpenAPI 3.0, because Connexion knows no 3.1. There
is no limit, no log and no request id, so it does less than the service for every request.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from connexion import AsyncApp

from benchmarks.peers.environment import HEALTH, VERSION
from benchmarks.peers.workers_data import Row, pages, rotating


def _as_json(row: Row) -> Row:
    return {**row, "tags": list(row["tags"])}  # Connexion's validator knows no tuple


_pages = rotating([{"items": list(map(_as_json, rows)), "next_cursor": None} for rows in pages()])


async def get_version() -> dict[str, str]:
    """Name what runs here."""
    return VERSION


async def get_health() -> dict[str, str]:
    """Say that the process answers."""
    return HEALTH


async def list_workers(**_parameters: object) -> tuple[dict[str, Any], int, dict[str, str]]:
    """List workers."""
    return next(_pages), 200, {"X-Trace-Level": "0"}


async def create_worker(body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Register a worker."""
    worker_id = str(uuid4())
    worker = {**body, "id": worker_id, "created_at": datetime.now(UTC)}
    return worker, 201, {"Location": f"/workers/{worker_id}"}


app = AsyncApp(__name__, specification_dir=Path(__file__).parent)
app.add_api("connexion.yaml", validate_responses=True, strict_validation=True)
