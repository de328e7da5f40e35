"""What redis-py lacks for Sentinel and Cluster: pools that wait, and questions that outlive who asked them.

A rate-limit check is given up after its time-out. Were the search for a new master given up with it, a Sentinel that
does not answer could keep every check from ever asking the next one.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, Final, override

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.cluster import PRIMARY
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, RedisClusterException, RedisError

_REFRESH_SECONDS: Final = 1.0


class Question[Answer]:
    """Something that is asked once at a time for all who want to know; it goes on when one of them gives up."""

    def __init__(self, ask: Callable[[], Awaitable[Answer]]) -> None:
        self._ask = ask
        self._task: asyncio.Task[Answer] | None = None

    async def answer(self) -> Answer:
        """Return the answer, to a question that may have been asked already."""
        return await asyncio.shield(self.task())

    def task(self) -> asyncio.Task[Answer]:
        """Ask, unless that is happening; nobody has to wait."""
        if self._task is None or self._task.done():
            # In a context of its own: it is asked for everybody, and must not log one request's id.
            self._task = asyncio.get_running_loop().create_task(self._asked(), context=Context())
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody may look
        return self._task

    async def close(self) -> None:
        """Ask no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _asked(self) -> Answer:
        return await self._ask()


class Sentinels(Sentinel):
    """The Sentinels, asked for the master once for all connections that want it."""

    def __init__(self, sentinels: list[tuple[str, int]], service: str, sentinel_kwargs: dict[str, Any]) -> None:
        super().__init__(sentinels, sentinel_kwargs=sentinel_kwargs)  # type: ignore[no-untyped-call]  # redis-py has no type here
        self._master = Question(lambda: Sentinel.discover_master(self, service))

    @override
    async def discover_master(self, service_name: str) -> tuple[str, int]:
        address: tuple[str, int] = await self._master.answer()
        return address

    @override
    async def aclose(self) -> None:
        await self._master.close()
        await super().aclose()


class SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the master of now; who finds all in use waits. It closes its Sentinels, too."""

    @override
    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


class Cluster(RedisCluster):
    """A Cluster whose map of slots can be renewed without closing connections.

    Attributes:
        turns: To be held while using at most one connection to each node: so nobody finds all of them in use.
    """

    def __init__(self, startup_nodes: list[ClusterNode], max_connections: int, **options: Any) -> None:  # noqa: ANN401 - redis-py's own options
        # Two more to each node: for the map, and for the readiness probe.
        super().__init__(startup_nodes=startup_nodes, max_connections=max_connections + 2, **options)
        self.turns = asyncio.Semaphore(max_connections)
        self._named = dict(self.nodes_manager.startup_nodes)
        self._strangers: dict[tuple[str, int], ClusterNode] = {}
        self._map = Question(self._read_map)
        self._renewed_at = -_REFRESH_SECONDS

    async def discover(self) -> None:
        """Ask the nodes, until one answers, who has which slot; do nothing if that is known."""
        if not self.nodes_manager.slots_cache:
            await self._map.answer()

    def suspect(self) -> None:
        """Renew the map and all connections without waiting, at most once a second: something has moved or is gone."""
        if time.monotonic() - self._renewed_at >= _REFRESH_SECONDS:
            self._renewed_at = time.monotonic()
            self._map.task()

    def moved(self, error: MovedError) -> ClusterNode:
        """Note where a slot is now, and return that node; others have most likely moved with it."""
        node = self.node(error.host, error.port)
        self.nodes_manager.slots_cache[error.slot_id] = [node]
        self.suspect()
        return node

    def node_of(self, key: str) -> ClusterNode:
        """Return the node that has a key's slot; raise SlotNotCoveredError if none is known."""
        node = self.get_node_from_key(key)
        assert node is not None, "None stands for a replica that is not there"  # noqa: S101 - for the type
        return node

    def node(self, host: str, port: int) -> ClusterNode:
        """Return a node; one that has no slots yet is not on the map, and would not survive its renewal."""
        known = self.get_node(host, port)
        if known is not None:
            return known
        if (host, port) not in self._strangers:
            self._strangers[host, port] = ClusterNode(host, port, PRIMARY, **self.connection_kwargs)
        return self._strangers[host, port]

    async def _read_map(self) -> None:
        try:
            await self.nodes_manager.initialize()
        except (RedisClusterException, IndexError) as error:  # none is a RedisError; IndexError: nobody has a slot
            # The nodes of before may be gone for good, or forgotten; the ones that the URL names stay worth asking.
            self.nodes_manager.startup_nodes |= self._named
            raise RedisConnectionError(str(error)) from error

    @override
    async def ping(self, *_: object, **__: object) -> bool:
        """Tell whether any node answers: the others' clients pass uncounted, which is no reason to turn all away."""
        await self.discover()
        for node in self.get_primaries()[:-1]:
            with contextlib.suppress(RedisError):
                return bool(await node.execute_command("PING"))
            self.suspect()
        return bool(await self.get_primaries()[-1].execute_command("PING"))

    @override
    async def aclose(self) -> None:
        await self._map.close()
        await super().aclose()
        # The base class closes nothing if an error has made it forget that it was initialized.
        await self.nodes_manager.aclose("startup_nodes")
        await self.nodes_manager.aclose()
        for node in self._strangers.values():
            await node.disconnect()


type RedisClient = Redis | Cluster
