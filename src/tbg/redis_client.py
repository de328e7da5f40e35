"""Redis or Valkey: one client per worker, a pool that waits instead of failing, and a time-out on everything."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from tbg.config import MASK, Settings, SettingsError


def create_redis(settings: Settings) -> Redis:
    """Prepare a client for ``settings.redis_url``. Nothing connects before the first command.

    Raises:
        SettingsError: The URL's path or query says what redis-py does not know.
    """
    try:
        pool = _pool(settings)
        pool.make_connection()  # type: ignore[no-untyped-call]  # connects nothing, but reads the rest of the URL
    except (ValueError, TypeError):
        raise SettingsError([f"TBG_REDIS_URL: {MASK} has a query that redis-py does not know"]) from None
    return Redis.from_pool(pool)


def _pool(settings: Settings) -> BlockingConnectionPool:
    timeout = settings.redis_timeout_seconds
    return BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=settings.redis_max_connections,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        client_name="tbg-api",
        # Once more where the server has closed the connection in the meantime, as its restart does; not on a time-out.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
