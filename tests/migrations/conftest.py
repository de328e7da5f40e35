"""Databases in every state that the field has."""

from collections.abc import Callable, Iterator

import pytest

from tests.support import collector
from tests.support.databases import Server, ask

NewDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def timescaledb(server: Server) -> bool:
    """Whether the server makes hypertables; if not, it is plain PostgreSQL."""
    return server.has_timescaledb


@pytest.fixture
def new_database(server: Server, worker_number: int) -> Iterator[NewDatabase]:
    """Create empty databases."""
    names: list[str] = []

    def create() -> str:
        names.append(f"test_{worker_number}_new_{len(names)}")
        return server.create(names[-1])

    yield create
    for name in names:
        server.drop(name)


@pytest.fixture
def empty(new_database: NewDatabase) -> str:
    return new_database()


@pytest.fixture
def half_way(empty: str, timescaledb: bool) -> str:
    """What the collector's script leaves behind on current TimescaleDB."""
    ask(empty, *collector.half_way(timescaledb=timescaledb))
    return empty


@pytest.fixture
def complete(empty: str, timescaledb: bool) -> str:
    ask(empty, *collector.complete(timescaledb=timescaledb))
    return empty


@pytest.fixture
def ran_on(empty: str, timescaledb: bool) -> str:
    """The script was run without stopping at its error."""
    ask(empty, *collector.without_daily_refresh(timescaledb=timescaledb))
    return empty


@pytest.fixture
def at_head(server: Server, template: str, worker_number: int) -> Iterator[str]:
    name = f"test_{worker_number}_head"
    yield server.create(name, template)
    server.drop(name)


@pytest.fixture(params=["empty", "half_way", "complete", "ran_on", "at_head"])
def found(request: pytest.FixtureRequest) -> str:
    """A database in each of the states that it may be found in."""
    url: str = request.getfixturevalue(request.param)
    return url
