"""The Redis client: a URL that cannot work stops the boot."""

from pathlib import Path

import pytest
import typed_settings as ts
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.sentinel import Sentinel

from tbg.config import Settings, SettingsError
from tbg.redis.client import SentinelPool, create_redis
from tbg.redis.connector import Connector

MARKER = "Xk9-marker"


@pytest.mark.parametrize("query", ["socket_timeout=soon", "nonsense=1", "max_connections=many", "ssl_nonsense=1"])
@pytest.mark.parametrize("url", ["rediss://:{}@h/0", "rediss+sentinel://:{}@h,i/main", "rediss+cluster://:{}@h,i"])
def test_a_query_that_redis_py_does_not_know_stops_the_boot(url: str, query: str) -> None:
    refused = refusal(f"{url.format(MARKER)}?{query}")

    assert refused == "TBG_REDIS_URL: *** has a query that redis-py does not know"


@pytest.mark.parametrize("url", ["rediss://:{}@h/0", "rediss+sentinel://:{}@h,i/main", "rediss+cluster://:{}@h,i"])
def test_a_certificate_that_cannot_be_read_stops_the_boot(url: str, tmp_path: Path) -> None:
    empty = tmp_path / f"{MARKER}.crt"
    empty.touch()

    for path in (empty, tmp_path / "absent.crt"):
        refused = refusal(f"{url.format(MARKER)}?ssl_ca_certs={path}")
        assert refused == "TBG_REDIS_URL: *** names a certificate or key that cannot be read"


def refusal(url: str) -> str:
    """Return why neither the features' client nor the limiter takes a URL, which must be the same."""
    findings = set()
    for prepare in (create_redis, Connector.from_settings):
        with pytest.raises(SettingsError) as refused:
            prepare(Settings(redis_url=ts.SecretStr(url)))
        assert MARKER not in str(refused.value)
        findings |= {*refused.value.findings}
    (finding,) = findings
    return finding


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_sentinels_have_credentials_of_their_own_and_the_same_tls(scheme: str) -> None:
    url = f"{scheme}+sentinel://u:p@h:1,i:2/main/3?sentinel_username=su&sentinel_password=sp"
    client = create_redis(Settings(redis_url=ts.SecretStr(url)))

    assert isinstance(client, Redis)
    pool = client.connection_pool
    assert isinstance(pool, SentinelPool)
    assert isinstance(pool, BlockingConnectionPool)
    assert pool.service_name == "main"
    assert as_told(pool) == {"username": "u", "password": "p", "db": 3}
    assert issubclass(pool.connection_class, SSLConnection) is (scheme == "rediss")
    sentinels = pool.sentinel_manager
    assert isinstance(sentinels, Sentinel)
    for each, host, port in zip(sentinels.sentinels, "hi", (1, 2), strict=True):
        own = each.connection_pool
        assert as_told(own) == {"username": "su", "password": "sp", "db": 0}
        assert (own.connection_kwargs["host"], own.connection_kwargs["port"]) == (host, port)
        assert issubclass(own.connection_class, SSLConnection) is (scheme == "rediss")


def as_told(pool: ConnectionPool) -> dict[str, object]:
    return {name: pool.connection_kwargs[name] for name in ("username", "password", "db")}
