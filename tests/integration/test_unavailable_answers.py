"""What a client gets while the database cannot serve."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from tbg.config import Settings
from tbg.contract import Contract, MismatchError
from tbg.database import Database
from tbg.infrastructure import Infrastructure
from tests.conftest import Logged
from tests.integration.conftest import Serve
from tests.integration.probe.app import build

DETAIL = {"detail": "Temporarily unavailable. Try again later."}
SLOW = 0.3
MARGIN = 1.0  # for a machine that is busy with other tests


async def test_a_client_is_told_to_come_back(serve: Serve, logged: Logged, settings: Settings) -> None:
    """Over a pool of one, while its only connection waits for a lock."""
    outsider = Database.from_settings(settings)
    single = {"database_pool_size": 1, "database_max_overflow": 0, "database_pool_timeout_seconds": SLOW}
    async with serve(**single) as api:
        async with outsider.transaction() as session:
            await session.execute(text("LOCK TABLE notes"))
            waiting = asyncio.create_task(api.post("/probe/notes", json={"text": "x"}))
            await asyncio.sleep(0.1)
            started = time.monotonic()
            refused = await api.get("/probe/notes")
            seconds = time.monotonic() - started
            healthy = await api.get("/health")
        passed, after = await waiting, await api.get("/probe/notes")
        lines = [line for line in logged() if "exception" in line or line["event"].startswith("database.")]
    await outsider.close()

    assert (refused.status_code, refused.json()) == (503, DETAIL)
    assert refused.headers["retry-after"] == "2"
    assert SLOW <= seconds < SLOW + MARGIN
    assert [each.status_code for each in (healthy, passed, after)] == [200, 200, 200]
    assert [(line["event"], line["reason"], line["level"]) for line in lines] == [
        ("database.busy", "no connection of the pool became free in time", "error")
    ]
    assert "request_id" not in lines[0], "it tells of more than this request"


@pytest.mark.parametrize(("limit", "status"), [("lock", 503), ("statement", 500)])
async def test_a_lock_may_be_free_later_but_a_slow_statement_stays_slow(
    serve: Serve, logged: Logged, settings: Settings, limit: str, status: int
) -> None:
    outsider = Database.from_settings(settings)
    async with serve(**{f"database_{limit}_timeout_seconds": SLOW}) as api, outsider.transaction() as session:
        await session.execute(text("LOCK TABLE notes"))
        logged()
        response = await api.get("/probe/notes", headers={"Accept": "application/problem+json"})
        lines = [line for line in logged() if line["level"] == "error"]
    await outsider.close()

    assert (response.status_code, response.json()["status"]) == (status, status)
    assert ("retry-after" in response.headers) is (status == 503)
    assert [line["event"] for line in lines] == ["database.request_failed" if status == 503 else "http.unhandled"]
    assert ("exception" in lines[0]) is (status == 500)
    assert lines[0]["request_id"] == response.headers["x-request-id"]


async def test_an_operation_that_does_not_document_it_stops_the_boot(
    infrastructure: Infrastructure, probe_contract: Contract, tmp_path: Path
) -> None:
    document = json.loads(probe_contract.document.json)
    document["paths"]["/probe/notes"]["get"]["responses"].pop("503")
    (tmp_path / "openapi.yaml").write_text(json.dumps(document))
    contract = Contract.load(tmp_path / "openapi.yaml")

    with pytest.raises(MismatchError) as raised:
        build(infrastructure, contract)
    assert "GET /probe/notes: can answer 503, which is not documented" in str(raised.value)
    assert str(raised.value).count("can answer") == 1
