"""What every connection to Redis is told, and what a URL that cannot work is answered.

Nothing is sent twice: redis-py would repeat a command whose answer was lost, and a request would count twice.
"""

from collections.abc import Callable, Mapping
from typing import Any

from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from tbg.config import MASK, SettingsError

type Options = dict[str, Any]


def connection_options(name: str, timeout_seconds: float) -> Options:
    """Return redis-py's options for connections that ``CLIENT LIST`` shows under a name."""
    return {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "client_name": name,
        "retry": Retry(NoBackoff(), 0),
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),  # Valkey has none
    }


def parsed(server: str) -> Options:
    """Return what a server's URL says, with TLS as the option ``ssl``."""
    said: Options = {**parse_url(server)}
    return {**said, "ssl": True} if said.pop("connection_class", None) is SSLConnection else said


def sentinel_options(options: Options, said: Mapping[str, Any]) -> Options:
    """Return the options of connections to Sentinels: credentials of their own, and the servers' TLS."""
    own = {name: said[f"sentinel_{name}"] for name in ("username", "password") if f"sentinel_{name}" in said}
    tls: Options = {name: value for name, value in said.items() if name.startswith("ssl")}
    return {**options, **tls, **own}


def readable[Made](make: Callable[[], Made]) -> Made:
    """Return what is made of a URL.

    Raises:
        SettingsError: The URL's query says what redis-py does not know, or names a file that cannot be used.
    """
    try:
        return make()
    except OSError:  # ssl.SSLError is one
        finding = "names a certificate or key that cannot be read"
    except (ValueError, TypeError):
        finding = "has a query that redis-py does not know"
    raise SettingsError([f"TBG_REDIS_URL: {MASK} {finding}"])
