"""The features' Redis or Valkey: redis-py's own clients, with pools that wait and a time-out on everything.

The rate limiter has connections of its own (`tbg.redis.connector`), so that no feature can take them.
"""

from typing import Any, override

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import AbstractConnection, SSLConnection
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

from tbg.config import Settings
from tbg.redis.options import Options, connection_options, parsed, readable, sentinel_options
from tbg.redis.url import RedisUrl, parse_redis_url


class SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the master of now; who finds all in use waits. It closes its Sentinels, too."""

    @override
    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


class Cluster(RedisCluster):
    """A Cluster's client that closes all that it has opened."""

    @override
    async def aclose(self) -> None:
        await super().aclose()
        # The base class closes nothing if an error has made it forget that it was initialized.
        await self.nodes_manager.aclose("startup_nodes")
        await self.nodes_manager.aclose()


type RedisClient = Redis | Cluster


def create_redis(settings: Settings) -> RedisClient:
    """Prepare the client for ``settings.redis_url``. Nothing connects before the first command.

    Raises:
        SettingsError: The URL's query says what redis-py does not know, or names a file that cannot be used.
    """
    return readable(lambda: _create(settings))


def _create(settings: Settings) -> RedisClient:
    url = parse_redis_url(settings.redis_url)
    seconds, most = settings.redis_features_timeout_seconds, settings.redis_features_max_connections
    options = connection_options("tbg-api", seconds)
    if url.topology == "cluster":
        return _cluster(url, options, most)
    waiting = {"max_connections": most, "timeout": seconds}
    if url.topology == "sentinel":
        return _sentinel(url, options, waiting)
    pool = BlockingConnectionPool.from_url(url.servers[0], **{**options, **waiting})
    _check(pool.make_connection())  # type: ignore[no-untyped-call]  # redis-py has no type here
    return Redis.from_pool(pool)


def _cluster(url: RedisUrl, options: Options, max_connections: int) -> Cluster:
    servers = [parsed(server) for server in url.servers]
    nodes = [ClusterNode(server["host"], server["port"]) for server in servers]
    said = {name: value for name, value in servers[0].items() if name not in {"host", "port"}}
    chosen: dict[str, Any] = {
        "max_connections": max_connections,
        "require_full_coverage": False,
        **options,
        **said,
    }
    cluster = Cluster(startup_nodes=nodes, **chosen)
    node = next(iter(cluster.nodes_manager.startup_nodes.values()))
    connection = node.acquire_connection()
    _check(connection)
    node.release(connection)
    return cluster


def _sentinel(url: RedisUrl, options: Options, waiting: Options) -> Redis:
    servers = [parsed(server) for server in url.servers]
    said = {name: value for name, value in servers[0].items() if name not in {"host", "port"}}
    own = sentinel_options(options, said)
    for name in ("sentinel_username", "sentinel_password"):
        said.pop(name, None)
    addresses = [(server["host"], server["port"]) for server in servers]
    sentinels = Sentinel(addresses, sentinel_kwargs=own)  # type: ignore[no-untyped-call]  # redis-py has no type here
    pool = SentinelPool(url.service, sentinels, **{**waiting, **options, **said})  # type: ignore[no-untyped-call]  # redis-py has no type here
    _check(pool.make_connection())  # type: ignore[no-untyped-call]  # redis-py has no type here
    return Redis.from_pool(pool)


def _check(connection: AbstractConnection) -> None:
    """Read the certificates that a connection is to use; making it has read the rest of the URL."""
    if isinstance(connection, SSLConnection):
        connection.ssl_context.get()
