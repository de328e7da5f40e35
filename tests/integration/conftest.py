"""The service with the probe feature: in this process, and on gunicorn once per test process."""

from collections.abc import AsyncIterator, Iterator

import pytest
import redis
from falcon.testing import ASGIConductor

from tbg.contract import Contract
from tbg.infrastructure import Infrastructure
from tests.conftest import gunicorn
from tests.integration.probe.app import APP, CONTRACT, build
from tests.support.gunicorn import Gunicorn


@pytest.fixture(scope="session")
def probe_contract() -> Contract:
    return Contract.load(CONTRACT)


@pytest.fixture
async def probe(infrastructure: Infrastructure, probe_contract: Contract) -> AsyncIterator[ASGIConductor]:
    async with ASGIConductor(build(infrastructure, probe_contract)) as conductor:
        yield conductor


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
