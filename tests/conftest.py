"""Fixtures for every test: real servers once per test process, the service anew for each test."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import redis
import structlog
import typed_settings as ts
from falcon.testing import ASGIConductor

from tbg.app import App, build_app
from tbg.config import PROJECT_ROOT, Settings
from tbg.contract import Contract
from tbg.dev.ports import free_port
from tbg.dev.postgres import EmbeddedPostgres
from tbg.dev.valkey import EmbeddedValkey
from tbg.features import FEATURES
from tbg.infrastructure import Infrastructure
from tests.support.databases import Server, migrate
from tests.support.environments import full_environment
from tests.support.gunicorn import Gunicorn
from tests.support.rollback import rolled_back
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
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PostgreSQL server: the one that is given, or one of this test process's own."""
    if url := os.environ.get("TBG_TEST_DATABASE_URL"):
        yield Server(url, url)
    else:
        with discarded(EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data")) as embedded:
            yield Server(embedded.admin_url, embedded.url)


@pytest.fixture(scope="session")
def template(server: Server, worker_number: int) -> Iterator[str]:
    """The name of a database that has been migrated, to be cloned."""
    name = f"test_template_{worker_number}"
    migrate(server.create(name))
    server.seal(name)
    yield name
    server.drop(name)


@pytest.fixture(scope="session")
def postgres_url(server: Server, template: str, worker_number: int) -> Iterator[str]:
    """A migrated database of this test process's own."""
    name = f"test_{worker_number}"
    yield server.create(name, template)
    server.drop(name)


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
    """What the service stands on. What a test does to the database is undone at its end (one session at a time)."""
    infrastructure = Infrastructure.from_settings(settings)
    async with rolled_back(infrastructure.database) as database:
        yield attrs.evolve(infrastructure, database=database)
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
        "drain_seconds": 0,
        "graceful_timeout_seconds": 5,
    }
    environment = full_environment(**{**chosen, **settings})
    return Gunicorn(directory, {**environment, "WEB_CONCURRENCY": str(workers)}, app)
