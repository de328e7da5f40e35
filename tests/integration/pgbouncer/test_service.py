"""The whole service behind the real PgBouncer, and what it says when nobody told it."""

import asyncio
import subprocess
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import attrs
import httpx
import pytest
from falcon.testing import ASGIConductor
from sqlalchemy import make_url

from tbg.app import build_app
from tbg.config import Settings
from tbg.contract import Contract
from tbg.errors import DatabaseUnavailableError
from tbg.features import FEATURES
from tbg.infrastructure import Infrastructure
from tbg.logs import configure_logging
from tests.conftest import Logged, StartGunicorn
from tests.contract.test_workers import worker
from tests.integration.pgbouncer.server import PgBouncer
from tests.support.environments import ROOT, bare_environment, tbg_command

HINT = "PgBouncer refuses start-up parameters: set TBG_DATABASE_TRANSACTION_POOLER=true"
APP = "tests.contract.workers.app:create_app()"


@pytest.fixture
async def mistaken(settings: Settings) -> AsyncIterator[Infrastructure]:
    """Infrastructure that takes PgBouncer for PostgreSQL."""
    infrastructure = Infrastructure.from_settings(attrs.evolve(settings, database_transaction_pooler=False))
    yield infrastructure
    await infrastructure.close()


async def test_without_the_setting_a_session_says_what_to_set(mistaken: Infrastructure) -> None:
    with pytest.raises(DatabaseUnavailableError) as raised:
        async with mistaken.database.read():
            pass

    assert raised.value.reason == HINT


async def test_without_the_setting_readiness_logs_what_to_set(
    mistaken: Infrastructure, root_contract: Contract, logged: Logged
) -> None:
    configure_logging(mistaken.settings)
    async with ASGIConductor(build_app(mistaken, root_contract, FEATURES)) as client:
        ready = await client.simulate_get("/ready")
        changes = logged("readiness.changed")

    assert (ready.status_code, ready.json["checks"]["database"]) == (503, "error: unavailable")
    assert HINT in changes[0]["reasons"]["database"]


@pytest.fixture
async def empty_database(postgres_url: str, pgbouncer: PgBouncer) -> AsyncIterator[str]:
    """A database without a table, as PgBouncer's clients name it."""
    name = f"empty_{uuid.uuid4().hex[:8]}"
    server = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
    await server.execute(f"CREATE DATABASE {name}")
    yield make_url(pgbouncer.url).set(database=name).render_as_string(hide_password=False)
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


@pytest.mark.parametrize(("pooler", "status"), [("true", 0), ("false", 1)])
async def test_migrations_run_behind_it_and_say_what_to_set(empty_database: str, pooler: str, status: int) -> None:
    environment = bare_environment(TBG_DATABASE_URL=empty_database, TBG_DATABASE_TRANSACTION_POOLER=pooler)

    result = await asyncio.to_thread(run_tbg, "migrate", environment)

    assert result.returncode == status, result.stdout + result.stderr
    assert (HINT in result.stderr) is (pooler == "false")


def run_tbg(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        tbg_command(command), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_whole_service_works_behind_it(start_gunicorn: StartGunicorn, pgbouncer: PgBouncer) -> None:
    service = start_gunicorn(
        APP, database_url=pgbouncer.url, database_transaction_pooler=True, rate_limit_requests=1_000_000
    )
    prefix = uuid.uuid4().hex[:8]

    def live(number: int) -> list[int]:
        """Register a worker, ask for it, hand in a share, take its name again, delete it."""
        name = f"{prefix}-{number}"
        with service.client() as client:
            created = client.post("/workers", json=worker(name=name))
            path = f"/workers/{created.json()['id']}"
            found = client.get(path)
            assert found.json() == created.json()
            share = client.post(f"{path}/shares", content="1b2c3d4e", headers={"Content-Type": "text/plain"})
            search = client.post("/worker-searches", data={"name_prefix": name})
            taken = client.post("/workers", json=worker(name=name))
            return [each.status_code for each in (created, found, share, search, taken, client.delete(path))]

    with ThreadPoolExecutor(20) as pool:
        lives = list(pool.map(live, range(40)))
    ready = httpx.get(f"{service.url}/ready", trust_env=False)

    assert lives == [[201, 200, 201, 200, 409, 204]] * 40
    assert ready.status_code == 200
    assert service.log("http.unhandled") == []
