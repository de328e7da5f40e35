"""The limiter's user in Redis needs the rights that docs/deploy.md grants, these very lines: no more, no less."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import pytest
from redis.crc import key_slot

from tests.support.limiting import Limiter, limiter_on, rule
from tests.support.servers import discarded
from tests.support.topologies import SERVICE, Clustered, SentinelServer, Valkey, ask, clustered

DOCS: Final = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
USER, DATABASE, CLUSTER, SENTINEL = re.findall(r"^ACL SETUSER ([^#\n]+?)(?: +#.*)?$", DOCS, re.MULTILINE)
WELCOME: Final = "+client|setinfo"
CLIENT: Final = "192.0.2.1"
KEY: Final = f"ratelimit:{{{CLIENT}}}:default"


def rights(*lines: str) -> list[str]:
    return [word for line in lines for word in line.split() if word[0] in "~+"]


def create(server: Valkey | SentinelServer, *lines: str, without: Collection[str] = ()) -> None:
    """Make the user of some documented lines, and forget what another one has left."""
    name, words = lines[0].split()[0], [word for line in lines for word in line.split()[1:] if word not in without]
    ask(server, "ACL", "DELUSER", name)
    ask(server, "ACL", "SETUSER", name, *words)
    ask(server, "ACL", "LOG", "RESET")
    if isinstance(server, Valkey):
        ask(server, "FLUSHALL")
        ask(server, "SCRIPT", "FLUSH")


def denied(*servers: Valkey | SentinelServer) -> set[str]:
    """Return what anybody was not allowed to do."""
    return {f"+{entry['object']}" for each in servers for entry in ask(each, "ACL", "LOG")}


async def counts(limiter: Limiter) -> bool:
    """Tell whether requests are counted, and `/ready` would say so."""
    outcomes = [(await limiter.check(rule(1), CLIENT)).outcome for _ in range(2)]
    try:
        await limiter.limiter.ping()
    except Exception:  # noqa: BLE001 - whatever it says
        return False
    return outcomes == ["admitted", "refused"]


async def counts_at(url: str) -> bool:
    async with limiter_on(url) as limiter:
        return await counts(limiter)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with discarded(Valkey(tmp_path_factory.mktemp("valkey") / "data")) as server:
        yield server


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clustered]:
    with clustered(tmp_path_factory.mktemp("cluster"), count=2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def sentinel(tmp_path_factory: pytest.TempPathFactory, server: Valkey) -> Iterator[SentinelServer]:
    with discarded(SentinelServer(tmp_path_factory.mktemp("sentinel") / "data", server.port, 1)) as sentinel:
        yield sentinel


@pytest.mark.parametrize(("lines", "database"), [((USER,), 0), ((USER, DATABASE), 3)])
async def test_the_documented_user_counts(server: Valkey, lines: tuple[str, ...], database: int) -> None:
    create(server, *lines)

    assert await counts_at(f"redis://tbg:password@127.0.0.1:{server.port}/{database}")
    assert denied(server) <= {WELCOME}


@pytest.mark.parametrize("right", rights(USER, DATABASE))
async def test_each_right_is_needed(server: Valkey, right: str) -> None:
    create(server, USER, DATABASE, without=[right])

    assert not await counts_at(f"redis://tbg:password@127.0.0.1:{server.port}/3")


@pytest.mark.parametrize("missing", [None, *rights(CLUSTER)])
async def test_the_documented_user_counts_on_a_cluster(cluster: Clustered, missing: str | None) -> None:
    """A slot is just about to move, so that a node sends elsewhere what it does not have."""
    slot = key_slot(KEY.encode())
    source, target = sorted(cluster.masters, key=lambda each: slot * 2 // 16_384 != cluster.masters.index(each))
    for each in cluster.masters:
        create(each, USER, CLUSTER, without=[missing] if missing else [])
    ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ask(source, "CLUSTER", "MYID"))
    ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", ask(target, "CLUSTER", "MYID"))
    try:
        is_counted = await counts_at(cluster.url.replace("//", "//tbg:password@"))
        owner = cluster.owner(KEY) if is_counted else None
    finally:
        for each in cluster.masters:
            ask(each, "CLUSTER", "SETSLOT", slot, "STABLE")

    assert is_counted == (missing is None)
    assert owner is (target if is_counted else None)
    assert denied(*cluster.masters) <= {WELCOME, missing}


@pytest.mark.parametrize("missing", [None, *rights(SENTINEL)])
async def test_the_documented_user_asks_a_sentinel(
    server: Valkey, sentinel: SentinelServer, missing: str | None
) -> None:
    create(server, USER)
    create(sentinel, SENTINEL, without=[missing] if missing else [])
    who = "sentinel_username=tbg-sentinel&sentinel_password=password"
    url = f"redis+sentinel://tbg:password@127.0.0.1:{sentinel.port}/{SERVICE}/0?{who}"

    assert await counts_at(url) == (missing is None)
    assert denied(sentinel) <= {WELCOME, missing}


async def test_what_is_welcome_too_leaves_nothing_in_the_log(server: Valkey) -> None:
    assert f"`{WELCOME}`" in DOCS
    create(server, USER, f"tbg {WELCOME}")

    assert await counts_at(f"redis://tbg:password@127.0.0.1:{server.port}/0")
    assert denied(server) == set()
