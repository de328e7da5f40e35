"""Redis or Valkey: two clients per worker, pools that wait instead of failing, and a time-out on everything.

The rate limiter has a client of its own, so that no feature can take its connections.

Nothing is sent twice: redis-py would repeat a command whose answer was lost, and a request would count twice.
"""

from typing import Any

import attrs
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from tbg.config import MASK, Settings, SettingsError
from tbg.redis.topologies import Cluster, RedisClient, SentinelPool, Sentinels
from tbg.redis.url import RedisUrl, parse_redis_url

type _Options = dict[str, Any]


@attrs.frozen
class _Use:
    """What a client is for: how its connections are named (``CLIENT LIST``), and its bounds."""

    name: str
    max_connections: int
    timeout_seconds: float


def create_redis(settings: Settings) -> RedisClient:
    """Prepare the features' client for ``settings.redis_url``. Nothing connects before the first command.

    Raises:
        SettingsError: The URL's query says what redis-py does not know, or names a file that cannot be used.
    """
    use = _Use("tbg-api", settings.redis_features_max_connections, settings.redis_features_timeout_seconds)
    return _prepare(settings, use)


def create_limiter_redis(settings: Settings) -> RedisClient:
    """Prepare the rate limiter's client in the same way."""
    use = _Use("tbg-api-limiter", settings.redis_max_connections, settings.redis_timeout_seconds)
    return _prepare(settings, use)


def _prepare(settings: Settings, use: _Use) -> RedisClient:
    try:
        return _create(settings, use)
    except OSError:  # ssl.SSLError is one
        finding = "names a certificate or key that cannot be read"
    except (ValueError, TypeError):
        finding = "has a query that redis-py does not know"
    raise SettingsError([f"TBG_REDIS_URL: {MASK} {finding}"])


def _create(settings: Settings, use: _Use) -> RedisClient:
    url = parse_redis_url(settings.redis_url)
    options: _Options = {
        "socket_timeout": use.timeout_seconds,
        "socket_connect_timeout": use.timeout_seconds,
        "client_name": use.name,
        "retry": Retry(NoBackoff(), 0),
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),  # Valkey has none
    }
    if url.topology == "cluster":
        return _cluster(url, options, use.max_connections)
    waiting = {"max_connections": use.max_connections, "timeout": use.timeout_seconds}
    if url.topology == "sentinel":
        return _sentinel(url, options, waiting)
    pool = BlockingConnectionPool.from_url(url.servers[0], **{**options, **waiting})
    _check(pool.make_connection())  # type: ignore[no-untyped-call]  # redis-py has no type here
    return Redis.from_pool(pool)


def _cluster(url: RedisUrl, options: _Options, max_connections: int) -> RedisClient:
    servers = [_parsed(server) for server in url.servers]
    nodes = [ClusterNode(server["host"], server["port"]) for server in servers]
    said = {name: value for name, value in servers[0].items() if name not in {"host", "port"}}
    chosen = {"max_connections": max_connections, "require_full_coverage": False, **options, **said}
    cluster = Cluster(nodes, **chosen)
    node = cluster.startup_nodes[0]
    connection = node.acquire_connection()
    _check(connection)
    node.release(connection)
    return cluster


def _sentinel(url: RedisUrl, options: _Options, waiting: _Options) -> RedisClient:
    servers = [_parsed(server) for server in url.servers]
    said = {name: value for name, value in servers[0].items() if name not in {"host", "port"}}
    own = {name: said.pop(f"sentinel_{name}") for name in ("username", "password") if f"sentinel_{name}" in said}
    tls = {name: value for name, value in said.items() if name.startswith("ssl")}
    addresses = [(server["host"], server["port"]) for server in servers]
    sentinels = Sentinels(addresses, url.service, {**options, **tls, **own})
    pool = SentinelPool(url.service, sentinels, **{**waiting, **options, **said})  # type: ignore[no-untyped-call]  # redis-py has no type here
    _check(pool.make_connection())  # type: ignore[no-untyped-call]  # redis-py has no type here
    return Redis.from_pool(pool)


def _parsed(server: str) -> _Options:
    """Return what a server's URL says, with TLS as the option ``ssl``."""
    said: _Options = {**parse_url(server)}
    return {**said, "ssl": True} if said.pop("connection_class", None) is SSLConnection else said


def _check(connection: AbstractConnection) -> None:
    """Read the certificates that a connection is to use; making it has read the rest of the URL."""
    if isinstance(connection, SSLConnection):
        connection.ssl_context.get()
