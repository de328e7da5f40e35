"""Fixtures for every test: real servers once per test process, the service anew for each test."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog
import typed_settings as ts
from falcon.testing import ASGIConductor
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tbg.app import App, build_app
from tbg.config import PROJECT_ROOT, Settings
from tbg.contract import Contract
from tbg.dev.ports import free_port
from tbg.dev.postgres import EmbeddedPostgres
from tbg.dev.valkey import EmbeddedValkey
from tbg.features import FEATURES
from tbg.infrastructure import Infrastructure
from tests.support.environments import full_environment
from tests.support.gunicorn import Gunicorn
from tests.support.servers import discarded
from tests.support.texts import json_lines

StartGunicorn = Callable[..., Gunicorn]
Logged = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def worker_number(request: pytest.FixtureRequest) -> int:
    """The number of this test process: 0, 1, … under pytest-xdist, else 0."""
    name: str = getattr(request.config, "workerinput", {}).get("workerid", "gw0")
    return int(name.removeprefix("gw"))


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory, worker_number: int) -> Iterator[str]:
    """A database of this test process's own, on a server that is given or on one of its own."""
    if url := os.environ.get("TBG_TEST_DATABASE_URL"):
        yield asyncio.run(_own_database(url, f"test_{worker_number}"))
    else:
        with discarded(EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data")) as server:
            yield server.url


async def _own_database(url: str, name: str) -> str:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        await connection.execute(text(f"CREATE DATABASE {name}"))
    await engine.dispose()
    return f"{url.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory, worker_number: int) -> Iterator[str]:
    """A Redis database of this test process's own, on a server that is given or on one of its own."""
    if url := os.environ.get("TBG_TEST_REDIS_URL"):
        yield f"{url.rpartition('/')[0]}/{worker_number}"
    else:
        with discarded(EmbeddedValkey(tmp_path_factory.mktemp("valkey") / "data")) as server:
            yield server.url


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    """The same, empty: no client has made a request yet."""
    with redis.Redis.from_url(valkey_url) as client:
        client.flushdb()
    return valkey_url


@pytest.fixture(autouse=True)
def _logging_as_found() -> Iterator[None]:
    """Undo what a test does to logging, which belongs to the whole process."""
    yield
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    logging.basicConfig(handlers=[], force=True)


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Logged:
    """Return the log lines that this process has written since the last call, each of which must be JSON."""

    def read(event: str | None = None) -> list[dict[str, Any]]:
        return [line for line in json_lines(capsys.readouterr().out) if event is None or line["event"] == event]

    return read


@pytest.fixture(scope="session")
def root_contract() -> Contract:
    """The service's own contract, loaded once: that takes a while, and it is frozen."""
    return Contract.load(PROJECT_ROOT / "openapi.yaml")


@pytest.fixture
def settings(postgres_url: str, redis_url: str) -> Settings:
    """Settings for the real servers; patient, so that a busy machine changes no result."""
    return Settings(
        database_url=ts.SecretStr(postgres_url),
        database_pool_size=2,
        redis_url=ts.SecretStr(redis_url),
        redis_timeout_seconds=5.0,
    )


@pytest.fixture
async def infrastructure(settings: Settings) -> AsyncIterator[Infrastructure]:
    infrastructure = Infrastructure.from_settings(settings)
    yield infrastructure
    await infrastructure.close()


@pytest.fixture
def app(infrastructure: Infrastructure, root_contract: Contract) -> App:
    return build_app(infrastructure, root_contract, FEATURES)


@pytest.fixture
async def client(app: App) -> AsyncIterator[ASGIConductor]:
    """The service in this process, started and stopped as a server would."""
    async with ASGIConductor(app) as conductor:
        yield conductor


@pytest.fixture
def start_gunicorn(tmp_path: Path, postgres_url: str, redis_url: str) -> Iterator[StartGunicorn]:
    """Start gunicorns on the real servers with two workers; every one must end well."""
    started: list[Gunicorn] = []

    def start(app: str | None = None, *, workers: int = 2, **settings: object) -> Gunicorn:
        directory = tmp_path / f"gunicorn-{len(started)}"
        started.append(gunicorn(directory, postgres_url, redis_url, app, workers=workers, **settings))
        started[-1].start()
        return started[-1]

    try:
        yield start
        for each in started:
            each.stop()
    finally:
        for each in started:
            each.kill()


def gunicorn(
    directory: Path, postgres_url: str, redis_url: str, app: str | None = None, *, workers: int = 2, **settings: object
) -> Gunicorn:
    """Prepare a gunicorn on a free port; ``settings`` go before the tests' patient defaults."""
    chosen = {
        "port": free_port(),
        "database_url": postgres_url,
        "redis_url": redis_url,
        "redis_timeout_seconds": 5.0,
        "graceful_timeout_seconds": 5,
    }
    environment = full_environment(**{**chosen, **settings})
    return Gunicorn(directory, {**environment, "WEB_CONCURRENCY": str(workers)}, app)
