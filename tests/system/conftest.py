"""Servers of these tests' own, which they may kill, freeze and start again."""

from collections.abc import Iterator

import attrs
import pytest

from tbg.dev.postgres import EmbeddedPostgres
from tbg.dev.valkey import EmbeddedValkey
from tests.conftest import gunicorn
from tests.support.gunicorn import Gunicorn
from tests.support.servers import discarded


@attrs.frozen
class Stack:
    """The service and the servers that it needs."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    service: Gunicorn


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The service on gunicorn with two workers; a test that breaks a server mends it."""
    directory = tmp_path_factory.mktemp("stack")
    with (
        discarded(EmbeddedPostgres(directory / "postgres")) as postgres,
        discarded(EmbeddedValkey(directory / "valkey")) as valkey,
    ):
        service = gunicorn(
            directory / "gunicorn",
            postgres.url,
            valkey.url,
            redis_timeout_seconds=0.3,
            ready_timeout_seconds=0.6,
            ready_cache_seconds=0,
            rate_limit_requests=1_000_000,
            log_level="DEBUG",
        )
        with service:
            yield Stack(postgres, valkey, service)
