"""How the rate limiter connects: redis-py's own connections, made with a time-out of their own and ready for use."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import attrs
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    RedisSSLContext,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.sentinel import Sentinel

from tbg.config import Settings
from tbg.redis.background import within
from tbg.redis.options import Options, connection_options, parsed, readable, sentinel_options
from tbg.redis.url import RedisUrl, parse_redis_url

type Address = tuple[str, int]
type Words = tuple[str | int, ...]

# What the URL's query may say to redis-py's pools and Cluster clients; the features' client heeds it.
_OF_CLIENTS: Final = frozenset({"read_from_replicas", "require_full_coverage", "reinitialize_steps", "max_connections"})


@attrs.frozen
class Connector:
    """Where the servers are, and how to connect to one. It has no connections itself.

    Attributes:
        addresses: Who is named; what they are depends on the topology.
        sentinels: Each Sentinel by itself, to be asked for the master of `service`.
        max_connections: The most connections to one server.
        connect_timeout_seconds: How long a connection may take until it can be used, TLS and password included.
    """

    topology: Literal["one", "sentinel", "cluster"]
    addresses: Sequence[Address]
    service: str
    sentinels: Sequence[Sentinel]
    max_connections: int
    connect_timeout_seconds: float
    _kind: type[AbstractConnection]
    _options: Mapping[str, Any]
    _tls: RedisSSLContext | None

    @classmethod
    def from_settings(cls, settings: Settings) -> "Connector":
        """Prepare for ``settings.redis_url``. Nothing connects.

        Raises:
            SettingsError: The URL's query says what redis-py does not know, or names a file that cannot be used.
        """
        return readable(lambda: cls._create(settings))

    @classmethod
    def _create(cls, settings: Settings) -> "Connector":
        url = parse_redis_url(settings.redis_url)
        servers = [parsed(server) for server in url.servers]
        said = {name: value for name, value in servers[0].items() if not name.startswith("sentinel_")}
        kind = _kind(said)
        known = {name: value for name, value in said.items() if name not in _OF_CLIENTS}
        common = connection_options("tbg-api-limiter", settings.redis_connect_timeout_seconds)
        # Each use has an end of its own; redis-py's does not know when this process is too busy to read.
        options = {**common, **known, "socket_timeout": None, "socket_connect_timeout": None}
        example = kind(**options)
        tls = example.ssl_context if isinstance(example, SSLConnection) else None
        if tls is not None:
            tls.get()  # reads the certificates
        return cls(
            url.topology,
            [(server.get("host", "localhost"), server.get("port", 6379)) for server in servers],
            url.service,
            _sentinels(url, common, servers),
            said.get("max_connections", settings.redis_max_connections),
            settings.redis_connect_timeout_seconds,
            kind,
            options,
            tls,
        )

    async def connect(self, address: Address, *first: Words) -> tuple[AbstractConnection, list[object]]:
        """Return a connection that is ready for use, and the answers to the first commands on it.

        Raises:
            RedisError: The server is not there, or does not want us.
            TimeoutError: It took too long.
        """
        connection = self._make(address)
        try:
            return connection, await within(self.connect_timeout_seconds, _opened(connection, first))
        except BaseException:
            await connection.disconnect(nowait=True)
            raise

    async def ask(self, address: Address, command: Words) -> object:
        """Return the answer to one command, on a connection for it alone; raise as `connect` does."""
        connection, [answer] = await self.connect(address, command)
        await connection.disconnect(nowait=True)
        return answer

    def _make(self, address: Address) -> AbstractConnection:
        where = {"host": address[0], "port": address[1]} if "path" not in self._options else {}
        connection = self._kind(**{**self._options, **where})
        if isinstance(connection, SSLConnection) and self._tls is not None:
            connection.ssl_context = self._tls  # to read all certificates again would take milliseconds
        return connection


async def _opened(connection: AbstractConnection, commands: Sequence[Words]) -> list[object]:
    await connection.connect()  # type: ignore[no-untyped-call]  # redis-py has no type here
    if not commands:
        return []
    await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
    return [await connection.read_response() for _ in commands]


def _kind(said: Options) -> type[AbstractConnection]:
    """Return the class of connections to whom a URL names, and take out what only says so."""
    if said.pop("ssl", False):
        return SSLConnection
    return UnixDomainSocketConnection if "path" in said else Connection


def _sentinels(url: RedisUrl, options: Options, servers: Sequence[Options]) -> list[Sentinel]:
    if url.topology != "sentinel":
        return []
    own = sentinel_options(options, servers[0])
    addresses = [(server["host"], server["port"]) for server in servers]
    return [Sentinel([each], sentinel_kwargs=own) for each in addresses]  # type: ignore[no-untyped-call]  # redis-py has no type here
