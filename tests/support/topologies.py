"""Replicated and clustered Valkeys on this machine, put together by commands: there is no `valkey-cli` here."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, override

import attrs
import redis

from tbg.dev.passwords import write_private
from tbg.dev.ports import free_port
from tbg.dev.process import Command
from tbg.dev.server import EmbeddedServer
from tbg.dev.valkey import EmbeddedValkey
from tests.support.gunicorn import wait_until

SERVICE = "tbg"
SLOTS = 16384
FAIL_SECONDS = 0.5  # until servers take one that is silent for dead
_CONFIGURATION = """\
port {port}
bind 127.0.0.1
dir {directory}
sentinel monitor {service} 127.0.0.1 {master} {quorum}
sentinel down-after-milliseconds {service} {milliseconds}
sentinel failover-timeout {service} 2000
"""


class Valkey(EmbeddedValkey):
    """A server without a password, with options of a test's own, which go before the usual ones."""

    def __init__(self, data_dir: Path, **options: object) -> None:
        super().__init__(data_dir, free_port())
        self.options = options

    @property
    @override
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @override
    def _options(self) -> dict[str, str]:
        own = {name.replace("_", "-"): str(value) for name, value in self.options.items()}
        return {**super()._options(), "requirepass": "", **own}


class SentinelServer(EmbeddedValkey):
    """A Sentinel that watches one master."""

    name: ClassVar[str] = "Sentinel"

    def __init__(self, data_dir: Path, master: int, quorum: int) -> None:
        super().__init__(data_dir, free_port())
        self._watched = (master, quorum)

    @override
    def _command(self) -> Command:
        usual = super()._command()
        master, quorum = self._watched
        configuration = self._real_dir / "sentinel.conf"
        text = _CONFIGURATION.format(
            port=self.port,
            directory=self._real_dir,
            service=SERVICE,
            master=master,
            quorum=quorum,
            milliseconds=round(FAIL_SECONDS * 1000),
        )
        write_private(configuration, text, self._account)  # it writes down there what it learns
        return attrs.evolve(usual, argv=[usual.argv[0], str(configuration), "--sentinel"])

    @override
    def _accepts(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(ask(self, "PING"))
        return False


def ask(server: EmbeddedServer | int, *words: object) -> Any:  # noqa: ANN401 - whatever the command answers
    """Send one command to a server, or to the one on a port."""
    port = server if isinstance(server, int) else server.port
    with redis.Redis("127.0.0.1", port, socket_timeout=5, decode_responses=True) as client:
        return client.execute_command(*words)


@attrs.frozen
class Replicated:
    """A master with a replica, and the Sentinels that watch them."""

    valkeys: Sequence[Valkey]
    sentinels: Sequence[SentinelServer]

    @property
    def url(self) -> str:
        """Where clients find it, as the settings take it."""
        return f"redis+sentinel://{','.join(f'127.0.0.1:{each.port}' for each in self.sentinels)}/{SERVICE}/0"

    @property
    def master(self) -> Valkey:
        """The server that the Sentinels name now."""
        _, port = ask(self.sentinels[-1], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(each for each in self.valkeys if each.port == int(port))

    def is_settled(self) -> bool:
        """Tell whether the replica has the master's data, and every Sentinel knows it and the others."""
        wanted = (len(self.valkeys) - 1, len(self.sentinels) - 1)
        states = [ask(each, "SENTINEL", "MASTER", SERVICE) for each in self.sentinels]
        known = [(int(state["num-slaves"]), int(state["num-other-sentinels"])) for state in states]
        return known == [wanted] * len(states) and all("connected" in ask(each, "ROLE") for each in self.valkeys[1:])


@contextlib.contextmanager
def replicated(directory: Path) -> Iterator[Replicated]:
    """Run a master, a replica and three Sentinels."""
    with contextlib.ExitStack() as stack:
        master = _running(stack, Valkey(directory / "one", repl_diskless_sync_delay=0))
        replica = _running(
            stack, Valkey(directory / "two", repl_diskless_sync_delay=0, replicaof=f"127.0.0.1 {master.port}")
        )
        sentinels = [_running(stack, SentinelServer(directory / f"sentinel-{n}", master.port, 2)) for n in range(3)]
        servers = Replicated([master, replica], sentinels)
        wait_until(servers.is_settled, 20, "three Sentinels that know each other and the replica")
        yield servers


@attrs.frozen
class Clustered:
    """A Cluster of masters."""

    masters: Sequence[Valkey]

    @property
    def url(self) -> str:
        """Where clients find it, as the settings take it."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{each.port}' for each in self.masters)}"

    def owner(self, key: str) -> Valkey:
        """Return the master on which a key lies."""
        return next(each for each in self.masters if key in ask(each, "KEYS", "*"))

    def keys(self) -> set[str]:
        """Return the keys on all masters."""
        return {key for each in self.masters for key in ask(each, "KEYS", "*")}

    def is_settled(self) -> bool:
        """Tell whether all masters agree that all slots have a master."""
        states = [ask(each, "CLUSTER", "INFO") for each in self.masters]
        known = [len(ask(each, "CLUSTER", "SHARDS")) for each in self.masters]
        return all("cluster_state:ok" in str(state) for state in states) and known == [len(self.masters)] * len(
            self.masters
        )

    def move_by_key(self, slot: int, source: Valkey, target: Valkey) -> None:
        """Move a slot as Redis does: key by key, while clients are sent to and fro."""
        names = {each.port: ask(each, "CLUSTER", "MYID") for each in (source, target)}
        ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", names[source.port])
        ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", names[target.port])
        while keys := ask(source, "CLUSTER", "GETKEYSINSLOT", slot, 10):
            ask(source, "MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
        for each in (target, source, *self.masters):
            ask(each, "CLUSTER", "SETSLOT", slot, "NODE", names[target.port])

    def move_at_once(self, slot: int, source: Valkey, target: Valkey) -> None:
        """Move a slot as Valkey 9 does: copied first, then handed over whole."""
        ask(source, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", ask(target, "CLUSTER", "MYID"))
        wait_until(lambda: _has_slot(target, slot), 10, "the slot's arrival")


@contextlib.contextmanager
def clustered(directory: Path, count: int = 3) -> Iterator[Clustered]:
    """Run masters that share the slots evenly; the others serve on when one is gone."""
    with contextlib.ExitStack() as stack:
        masters = [_running(stack, _cluster_node(directory / f"node-{number}")) for number in range(count)]
        for number, each in enumerate(masters):
            first, last = (SLOTS * n // count for n in (number, number + 1))
            ask(each, "CLUSTER", "ADDSLOTSRANGE", first, last - 1)
            ask(each, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            ask(masters[0], "CLUSTER", "MEET", "127.0.0.1", each.port, each.options["cluster_port"])
        cluster = Clustered(masters)
        wait_until(cluster.is_settled, 20, "a Cluster")
        yield cluster


@contextlib.contextmanager
def add_node(cluster: Clustered, directory: Path) -> Iterator[Valkey]:
    """Run one more node, without slots, that all the others know."""
    with contextlib.ExitStack() as stack:
        node = _running(stack, _cluster_node(directory))
        for each in cluster.masters:
            ask(node, "CLUSTER", "MEET", "127.0.0.1", each.port, each.options["cluster_port"])
        every, own = [*cluster.masters, node], ask(node, "CLUSTER", "MYID")
        wait_until(lambda: all(own in str(ask(each, "CLUSTER", "NODES")) for each in every), 10, "the news of a node")
        wait_until(lambda: "cluster_state:ok" in str(ask(node, "CLUSTER", "INFO")), 10, "a node that serves")
        yield node


@contextlib.contextmanager
def add_replica(cluster: Clustered, master: Valkey, directory: Path) -> Iterator[Valkey]:
    """Run a replica of one of a Cluster's masters."""
    with add_node(cluster, directory) as replica:
        name = ask(master, "CLUSTER", "MYID")
        wait_until(lambda: name in str(ask(replica, "CLUSTER", "NODES")), 10, "the news of its master")
        ask(replica, "CLUSTER", "REPLICATE", name)
        wait_until(lambda: "connected" in ask(replica, "ROLE"), 10, "the copy on the replica")
        wait_until(cluster.is_settled, 10, "a Cluster with a replica")
        yield replica


def _cluster_node(directory: Path) -> Valkey:
    return Valkey(
        directory,
        cluster_enabled="yes",
        cluster_port=free_port(),
        cluster_node_timeout=round(FAIL_SECONDS * 1000),
        cluster_require_full_coverage="no",
        repl_diskless_sync_delay=0,
    )


def _has_slot(server: Valkey, slot: int) -> bool:
    ranges = ask(server, "CLUSTER", "SLOTS")
    return any(first <= slot <= last and master[1] == server.port for (first, last, master, *_) in ranges)


def _running[Server: EmbeddedServer](stack: contextlib.ExitStack, server: Server) -> Server:
    """Start a server, which the stack ends; its data is deleted, too."""
    stack.callback(server.discard)
    server.start()
    return server
