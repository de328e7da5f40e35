"""Fixtures of the contract tests: real servers once per test process, the service anew for each test."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest
import typed_settings as ts
from falcon.testing import ASGIConductor

from tbg.app import App
from tbg.config import Settings
from tbg.dev.postgres import EmbeddedPostgres
from tbg.dev.valkey import EmbeddedValkey
from tbg.infrastructure import Infrastructure
from tests.contract.workers.app import build
from tests.contract.workers.tables import empty_tables


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if url := os.environ.get("TBG_TEST_DATABASE_URL"):
        yield url
    else:
        with EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data") as server:
            yield server.url


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if url := os.environ.get("TBG_TEST_REDIS_URL"):
        yield url
    else:
        with EmbeddedValkey(tmp_path_factory.mktemp("valkey") / "data") as server:
            yield server.url


@pytest.fixture
def settings(postgres_url: str, valkey_url: str) -> Settings:
    return Settings(
        database_url=ts.SecretStr(postgres_url),
        database_pool_size=2,
        redis_url=ts.SecretStr(valkey_url),
        redis_timeout_seconds=1.0,
        rate_limit_requests=1_000_000,
    )


@pytest.fixture
async def infrastructure(settings: Settings) -> AsyncIterator[Infrastructure]:
    infrastructure = Infrastructure.from_settings(settings)
    yield infrastructure
    await infrastructure.close()


@pytest.fixture
def app(infrastructure: Infrastructure) -> App:
    return build(infrastructure)


@pytest.fixture
async def client(app: App, infrastructure: Infrastructure) -> AsyncIterator[ASGIConductor]:
    async with ASGIConductor(app) as conductor:
        await empty_tables(infrastructure.database)
        yield conductor
