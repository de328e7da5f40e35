"""Fixtures of the tests behind the real PgBouncer."""

from collections.abc import AsyncIterator, Iterator

import attrs
import pytest
import typed_settings as ts

from tbg.config import Settings
from tbg.database import Database
from tests.integration.pgbouncer.server import PROGRAM, SERVER_CONNECTIONS, PgBouncer
from tests.support.servers import discarded


@pytest.fixture(scope="module")
def pgbouncer(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[PgBouncer]:
    if PROGRAM is None:
        pytest.skip("no PgBouncer here: apt-get install pgbouncer")
    directory = tmp_path_factory.mktemp("pgbouncer") / "data"
    with discarded(PgBouncer(directory, postgres_url, pool_size=SERVER_CONNECTIONS)) as server:
        yield server


@pytest.fixture
def settings(settings: Settings, pgbouncer: PgBouncer) -> Settings:
    return attrs.evolve(
        settings,
        database_url=ts.SecretStr(pgbouncer.url),
        database_transaction_pooler=True,
        database_pool_size=20,
        database_statement_timeout_seconds=20.0,
    )


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database.from_settings(settings)
    yield database
    await database.close()
