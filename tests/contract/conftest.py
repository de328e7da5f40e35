"""Fixtures of the contract tests: the service with the workers feature, on real servers."""

from collections.abc import AsyncIterator

import attrs
import pytest
from falcon.testing import ASGIConductor

from tbg.app import App
from tbg.config import Settings
from tbg.contract import Contract
from tbg.infrastructure import Infrastructure
from tests.contract.workers.app import CONTRACT, build
from tests.contract.workers.tables import empty_tables


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract.load(CONTRACT)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The shared settings without a limit that a test could meet."""
    return attrs.evolve(settings, rate_limit_requests=1_000_000)


@pytest.fixture
def app(infrastructure: Infrastructure, contract: Contract) -> App:
    return build(infrastructure, contract)


@pytest.fixture
async def client(app: App, infrastructure: Infrastructure) -> AsyncIterator[ASGIConductor]:
    """The service in this process, with no worker known yet."""
    async with ASGIConductor(app) as conductor:
        await empty_tables(infrastructure.database)
        yield conductor
