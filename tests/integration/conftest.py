"""The service with the probe feature: in this process, and on gunicorn once per test process."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

import attrs
import httpx
import pytest
import redis
from falcon.testing import ASGIConductor

from tbg.config import Settings
from tbg.contract import Contract
from tbg.infrastructure import Infrastructure
from tbg.logs import configure_logging
from tests.conftest import gunicorn
from tests.integration.probe.app import APP, CONTRACT, build
from tests.support.gunicorn import Gunicorn

Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(scope="session")
def probe_contract() -> Contract:
    return Contract.load(CONTRACT)


@pytest.fixture
def serve(settings: Settings, probe_contract: Contract) -> Serve:
    """Run the service with the probe feature in this process, with some settings changed."""

    @asynccontextmanager
    async def run(**changes: object) -> AsyncIterator[httpx.AsyncClient]:
        changed = attrs.evolve(settings, **changes)  # type: ignore[arg-type]  # whatever a test wants
        configure_logging(changed)
        app = build(Infrastructure.from_settings(changed), probe_contract)
        transport = httpx.ASGITransport(cast("Any", app), client=("127.0.0.1", 50_000))
        async with ASGIConductor(app), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client

    return run


@pytest.fixture(scope="session")
def _service(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, valkey_url: str) -> Iterator[Gunicorn]:
    directory = tmp_path_factory.mktemp("gunicorn")
    with gunicorn(directory, postgres_url, valkey_url, APP) as server:
        yield server


@pytest.fixture
def service(_service: Gunicorn, valkey_url: str) -> Iterator[Gunicorn]:
    """The service and the probe feature on gunicorn with two workers; they must survive the test."""
    with redis.Redis.from_url(valkey_url) as client:
        client.flushdb()
    workers = _service.worker_pids()

    yield _service

    assert _service.worker_pids() == workers
    assert len(workers) == 2
    assert not [line for line in _service.log() if line["logger"] == "py.warnings"]


@pytest.fixture(params=["in process", "gunicorn"])
async def api(request: pytest.FixtureRequest, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service with the probe feature, once in this process and once over HTTP."""
    if request.param == "in process":
        async with serve() as client:
            yield client
    else:
        url = request.getfixturevalue("service").url
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            yield client
