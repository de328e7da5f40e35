"""Databases of the tests' own on a given server, and what is in them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import attrs
import typed_settings as ts
from alembic import command

from tbg.config import Settings
from tbg.migrations import configuration

Rows = list[dict[str, Any]]


@attrs.frozen
class Server:
    """A PostgreSQL server.

    Attributes:
        url: Where somebody connects who may create databases.
        owner_url: Where the role connects that the databases are to belong to, as the service's role does.
    """

    url: str
    owner_url: str

    def create(self, name: str, template: str = "template0") -> str:
        """Create a database, instead of one that has the name, and return its URL.

        Nobody can be in template0; in template1 a worker of TimescaleDB may be, which keeps it from being cloned.
        """
        self.drop(name)
        owner = urlsplit(self.owner_url).username
        ask(self.url, f"CREATE DATABASE {name} TEMPLATE {template} OWNER {owner}")
        return self.database(name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        ask(self.url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def database(self, name: str) -> str:
        """Return the URL of a database, for the role that it belongs to."""
        return f"{self.owner_url.rpartition('/')[0]}/{name}"

    def seal(self, name: str) -> None:
        """Let nobody into a database that serves as template: TimescaleDB has workers in each of its own."""
        ask(self.url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        ask(self.url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    @property
    def has_timescaledb(self) -> bool:
        """Tell whether its databases can have hypertables."""
        return bool(ask(self.url, "SELECT FROM pg_available_extensions WHERE name = 'timescaledb'"))


@contextmanager
def session(url: str) -> Iterator[Callable[[str], Rows]]:
    """Yield a function that executes a statement on one connection and returns its rows."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url.replace("+asyncpg", "")))
        try:
            yield lambda statement: [dict(row) for row in runner.run(connection.fetch(statement))]
        finally:
            runner.run(connection.close(timeout=5))


def ask(url: str, *statements: str) -> Rows:
    """Execute statements, each in a transaction of its own, and return the rows of the last one."""
    rows: Rows = []
    with session(url) as execute:
        for statement in statements:
            rows = execute(statement)
    return rows


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade the database in this process."""
    command.upgrade(configuration(settings_for(url)), revision)


def settings_for(url: str, **others: Any) -> Settings:  # noqa: ANN401 - of any setting
    """Return settings that name the database, and the defaults."""
    return Settings(database_url=ts.SecretStr(url), **others)
