"""Redis over TLS: the server's certificate and name are checked, and a client may have a certificate, too."""

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import redis.exceptions
import typed_settings as ts

from tbg.config import Settings
from tbg.redis.client import create_redis
from tests.conftest import gunicorn
from tests.support.gunicorn import wait_until
from tests.support.scripts import increment, script_on
from tests.support.servers import discarded
from tests.support.tls import Authority, authority, relay, server_context
from tests.support.topologies import Valkey, ask, clustered


@attrs.frozen
class Tls:
    """A server, somebody whom clients may believe, and somebody whom they had better not."""

    port: int
    trusted: Authority
    stranger: Authority


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    directory = tmp_path_factory.mktemp("tls")
    trusted, stranger = authority(directory / "trusted"), authority(directory / "stranger")
    with discarded(Valkey(directory / "valkey")) as valkey:
        yield Tls(valkey.port, trusted, stranger)


async def ping(port: int, query: str) -> object:
    url = f"rediss://127.0.0.1:{port}/0?{query}"
    client = create_redis(Settings(redis_url=ts.SecretStr(url), redis_features_timeout_seconds=5))
    try:
        return await client.ping()
    finally:
        await client.aclose()


async def test_a_server_whose_certificate_is_good_is_used(tls: Tls) -> None:
    with relay(tls.port, server_context(*tls.trusted.sign("server", "IP:127.0.0.1"))) as port:
        assert await ping(port, f"ssl_ca_certs={tls.trusted.certificate}") is True


@pytest.mark.parametrize(
    ("believed", "host"),
    [("stranger", "IP:127.0.0.1"), ("trusted", "DNS:redis.example"), (None, "IP:127.0.0.1")],
    ids=["signed by a stranger", "another name", "an authority that the system does not know"],
)
async def test_a_server_that_may_be_somebody_else_is_refused(tls: Tls, believed: str | None, host: str) -> None:
    query = f"ssl_ca_certs={getattr(tls, believed).certificate}" if believed else ""
    with (
        relay(tls.port, server_context(*tls.trusted.sign("other", host))) as port,
        pytest.raises(redis.exceptions.ConnectionError, match="certificate verify failed"),
    ):
        await ping(port, query)


async def test_a_server_may_ask_for_the_certificate_of_its_client(tls: Tls) -> None:
    certificate, key = tls.trusted.sign("client", "DNS:api")
    believed = f"ssl_ca_certs={tls.trusted.certificate}"
    with relay(tls.port, server_context(*tls.trusted.sign("strict", "IP:127.0.0.1"), clients=tls.trusted)) as port:
        assert await ping(port, f"{believed}&ssl_certfile={certificate}&ssl_keyfile={key}") is True
        with pytest.raises((redis.exceptions.ConnectionError, ssl.SSLError)):
            await ping(port, believed)


@pytest.mark.parametrize(("believed", "is_counted"), [("trusted", True), ("stranger", False)])
def test_the_service_counts_over_tls_and_is_not_ready_without_trust(
    tls: Tls, tmp_path: Path, postgres_url: str, believed: str, *, is_counted: bool
) -> None:
    with relay(tls.port, server_context(*tls.trusted.sign("service", "IP:127.0.0.1"))) as port:
        url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={getattr(tls, believed).certificate}"
        with gunicorn(tmp_path, postgres_url, url, ready_cache_seconds=0) as service, service.client() as client:
            ready, version = client.get("/ready"), client.get("/version")

    assert (ready.status_code, version.status_code) == (200 if is_counted else 503, 200)
    assert ready.json()["checks"]["redis"] == ("ok" if is_counted else "error: unavailable")
    assert ("x-ratelimit-remaining" in version.headers) is is_counted


async def test_every_node_of_a_cluster_is_reached_over_tls(tls: Tls, tmp_path: Path) -> None:
    """The nodes announce the ports of their relays."""
    with clustered(tmp_path) as servers, contextlib.ExitStack() as stack:
        context = server_context(*tls.trusted.sign("cluster", "IP:127.0.0.1"))
        ports = [stack.enter_context(relay(each.port, context)) for each in servers.masters]
        for each, port in zip(servers.masters, ports, strict=True):
            ask(each, "CONFIG", "SET", "cluster-announce-port", port)
        wait_until(lambda: all(announced(each) == set(ports) for each in servers.masters), 10, "the news of the ports")
        url = f"rediss+cluster://127.0.0.1:{ports[0]}?ssl_ca_certs={tls.trusted.certificate}"
        async with script_on(url) as script:
            keys = [f"key-{number}" for number in range(12)]
            answers = await increment(script, *keys)
            lanes = {script.lane(key) for key in keys}

    assert answers == [1] * 12
    assert lanes == {f"127.0.0.1:{port}" for port in ports}


def announced(server: Valkey) -> set[int]:
    return {master[1] for _, _, master, *_ in ask(server, "CLUSTER", "SLOTS")}
