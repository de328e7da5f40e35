"""/ready is content with Redis only while requests are counted there, and features cannot keep them from it."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import redis
import typed_settings as ts
from falcon.testing import ASGIConductor

from tbg.app import build_app
from tbg.config import Settings
from tbg.contract import Contract
from tbg.dev.server import EmbeddedServer
from tbg.features import FEATURES
from tbg.infrastructure import Infrastructure
from tbg.rate_limiting.questions import UncountedError
from tests.conftest import Logged
from tests.integration.conftest import Serve
from tests.support.limiting import Limiter, limiter_on, rule
from tests.support.servers import discarded, kill
from tests.support.topologies import Replicated, Valkey, ask, clustered, replicated

READY = {"status": "ready", "checks": {"database": "ok", "redis": "ok"}}
DEGRADED = {"status": "degraded", "checks": {"database": "ok", "redis": "error: unavailable"}}
# What docs/deploy.md tells.
RIGHTS = "~ratelimit:* +evalsha +script|load +get +set +time +client|setname +client|setinfo"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A server of these tests' own, whose configuration they may change."""
    with discarded(Valkey(tmp_path_factory.mktemp("valkey") / "data")) as valkey:
        yield valkey


@pytest.fixture(autouse=True)
def admin(valkey: Valkey) -> Iterator[redis.Redis]:
    """The server as found, without detours."""
    with redis.Redis.from_url(valkey.url) as client:
        yield client
        for name in ("maxmemory", "maxmemory-policy"):
            client.config_set(name, {"maxmemory": "256mb", "maxmemory-policy": "allkeys-lru"}[name])
        client.execute_command("REPLICAOF", "NO", "ONE")
        client.flushall()
        client.execute_command("SCRIPT", "FLUSH")


def user(valkey: EmbeddedServer, rights: str) -> ts.SecretStr:
    """Make a user with these rights and no others; return the URL with it."""
    ask(valkey, "ACL", "SETUSER", "limiter", "reset", "on", ">secret", *rights.split())
    return ts.SecretStr(f"redis://limiter:secret@127.0.0.1:{valkey.port}/0")


async def test_a_user_with_the_documented_rights_counts(serve: Serve, valkey: Valkey) -> None:
    async with serve(redis_url=user(valkey, RIGHTS)) as api:
        ready, version = await api.get("/ready"), await api.get("/version")

    assert (ready.status_code, ready.json()) == (200, READY)
    assert "x-ratelimit-remaining" in version.headers


@pytest.mark.parametrize(
    ("rights", "reason"),
    [
        (RIGHTS.replace("+evalsha ", ""), "NoPermissionError"),
        (RIGHTS.replace("+script|load ", ""), "NoPermissionError"),
        (RIGHTS.replace("~ratelimit:*", "~other:*"), "NoPermissionError"),
        (RIGHTS.replace("~ratelimit:*", "%R~ratelimit:*"), "NoPermissionError"),
        (RIGHTS.replace("+get ", ""), "Error"),
        (RIGHTS.replace("+set ", ""), "Error"),
        (RIGHTS.replace("+time ", ""), "Error"),
        ("~* +@all -@scripting", "NoPermissionError"),
        ("~* +ping +client", "NoPermissionError"),
    ],
)
async def test_a_user_without_a_right_is_no_readiness(
    serve: Serve, valkey: Valkey, logged: Logged, rights: str, reason: str
) -> None:
    async with serve(redis_url=user(valkey, rights)) as api:
        ready, version = await api.get("/ready"), await api.get("/version")
        told = logged("readiness.changed")[0]["reasons"]["redis"]

    assert (ready.status_code, ready.json()) == (503, DEGRADED)
    assert "x-ratelimit-remaining" not in version.headers
    assert reason in told
    assert "secret" not in told


async def test_it_is_ready_again_when_it_counts_again(serve: Serve, valkey: Valkey) -> None:
    async with serve(redis_url=user(valkey, RIGHTS), ready_cache_seconds=0) as api:
        first = await api.get("/ready")
        user(valkey, "~* +ping +client")
        ask(valkey, "CLIENT", "KILL", "USER", "limiter")
        lost = await api.get("/ready")
        user(valkey, RIGHTS)
        async with asyncio.timeout(5):
            while (await api.get("/ready")).status_code != 200:  # noqa: ASYNC110 - a server's state
                await asyncio.sleep(0.05)

    assert (first.status_code, lost.status_code) == (200, 503)


async def test_a_server_that_takes_no_writes(serve: Serve, valkey: Valkey) -> None:
    ask(valkey, "REPLICAOF", "127.0.0.1", valkey.port)  # of itself: it has no master, and is read-only
    async with serve(redis_url=ts.SecretStr(valkey.url)) as api:
        ready = await api.get("/ready")

    assert (ready.status_code, ready.json()) == (503, DEGRADED)


async def test_a_server_that_is_full(serve: Serve, admin: redis.Redis, valkey: Valkey) -> None:
    admin.config_set("maxmemory-policy", "noeviction")
    admin.config_set("maxmemory", "1")
    async with serve(redis_url=ts.SecretStr(valkey.url)) as api:
        ready = await api.get("/ready")

    assert (ready.status_code, ready.json()) == (503, DEGRADED)


async def test_asking_charges_nobody_and_leaves_nothing(serve: Serve, admin: redis.Redis, valkey: Valkey) -> None:
    async with serve(redis_url=ts.SecretStr(valkey.url), ready_cache_seconds=0) as api:
        for _ in range(5):
            assert (await api.get("/ready")).status_code == 200
        keys = admin.keys("*")
        left_ms = [admin.pttl(key) for key in keys]
        version = await api.get("/version")

    assert keys == [b"ratelimit:{probe-0}"]
    assert all(0 < each <= 1001 for each in left_ms)
    assert version.headers["x-ratelimit-remaining"] == "99"


async def test_a_feature_that_keeps_all_its_connections_stops_no_counting(
    settings: Settings, root_contract: Contract, valkey: Valkey, admin: redis.Redis
) -> None:
    settings = attrs.evolve(
        settings, redis_url=ts.SecretStr(valkey.url), redis_max_connections=2, redis_features_max_connections=60
    )
    infrastructure = Infrastructure.from_settings(settings)
    async with ASGIConductor(build_app(infrastructure, root_contract, FEATURES)) as api:
        subscribers = [infrastructure.redis.pubsub() for _ in range(60)]
        for subscriber in subscribers:
            await subscriber.subscribe("channel")
        ready, versions = await api.simulate_get("/ready"), [await api.simulate_get("/version") for _ in range(3)]
        names = [each["name"] for each in admin.client_list()]
        for subscriber in subscribers:
            await subscriber.aclose()  # type: ignore[no-untyped-call]  # redis-py has no type here

    assert (ready.status_code, ready.json) == (200, READY)
    assert [each.headers["x-ratelimit-remaining"] for each in versions] == ["99", "98", "97"]
    assert names.count("tbg-api") == 60
    assert 1 <= names.count("tbg-api-limiter") <= 2


async def test_both_clients_are_closed_at_shutdown(
    settings: Settings, root_contract: Contract, valkey: Valkey, admin: redis.Redis
) -> None:
    infrastructure = Infrastructure.from_settings(attrs.evolve(settings, redis_url=ts.SecretStr(valkey.url)))
    async with ASGIConductor(build_app(infrastructure, root_contract, FEATURES)) as api:
        await infrastructure.redis.ping()
        await api.simulate_get("/ready")
        during = {each["name"] for each in admin.client_list()}
    async with asyncio.timeout(5):
        while {each["name"] for each in admin.client_list()} != {""}:  # noqa: ASYNC110 - a server's state
            await asyncio.sleep(0.02)

    assert during == {"", "tbg-api", "tbg-api-limiter"}


async def refusal(limiter: Limiter) -> str:
    with pytest.raises(UncountedError) as raised:
        await limiter.limiter.ping()
    return str(raised.value)


@pytest.fixture(scope="module")
def sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicated]:
    with replicated(tmp_path_factory.mktemp("replicated")) as servers:
        yield servers


async def test_behind_sentinel(sentinels: Replicated) -> None:
    async with limiter_on(sentinels.url) as limiter:
        await limiter.limiter.ping()
        ask(sentinels.master, "ACL", "SETUSER", "default", "-evalsha")
        lost = await refusal(limiter)
        ask(sentinels.master, "ACL", "SETUSER", "default", "+evalsha")

    assert lost.startswith("NoPermissionError: ")


async def test_the_documented_rights_on_a_cluster(tmp_path: Path) -> None:
    with clustered(tmp_path / "nodes") as cluster:
        for each in cluster.masters:
            user(each, f"{RIGHTS} +cluster|slots +asking")
        url = cluster.url.replace("//", "//limiter:secret@")
        async with limiter_on(url, timeout_seconds=2.0) as limiter:
            await limiter.limiter.ping()
            await limiter.limiter.ping()
            verdicts = [await limiter.check(rule(), client=f"192.0.2.{number}") for number in range(20)]

    assert {each.outcome for each in verdicts} == {"admitted"}


async def test_a_node_that_does_not_count(tmp_path: Path) -> None:
    """A node that is gone is no reason to turn everybody away; one that refuses is misconfigured."""
    with clustered(tmp_path / "nodes") as cluster:
        async with limiter_on(cluster.url, timeout_seconds=2.0) as limiter:
            await limiter.limiter.ping()
            await limiter.limiter.ping()
            ask(cluster.masters[2], "ACL", "SETUSER", "default", "-evalsha")
            refused = await refusal(limiter)
            ask(cluster.masters[2], "ACL", "SETUSER", "default", "+evalsha")
            await becomes_available(limiter)
            kill(cluster.masters[1])
            await limiter.limiter.ping()
            for each in (cluster.masters[0], cluster.masters[2]):
                kill(each)
            gone = await refusal(limiter)
            counted = {await limiter.check(rule()) for _ in range(2)}

    assert refused.startswith("NoPermissionError: ")
    assert "Connection" in gone
    assert {each.outcome for each in counted} == {"uncounted"}


async def becomes_available(limiter: Limiter) -> None:
    async with asyncio.timeout(5):
        while True:
            with contextlib.suppress(UncountedError):
                return await limiter.limiter.ping()
            await asyncio.sleep(0.05)
