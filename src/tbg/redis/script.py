"""One Lua script, run for many keys in one round trip, on one server, behind Sentinel or on a Cluster.

Calls with the same arguments go out as one command, which costs a third of what one command for each does.

A call is sent again only where the server has said that it did not run: it does not know the script (NOSCRIPT), or
the key lives elsewhere (MOVED, ASK, TRYAGAIN). So nothing counts twice. redis-py's own pipeline for Clusters is not
used: it fails as a whole with any one node, and may send ASKING on another connection than the command it is for.
"""

import abc
import asyncio
import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched, repeat
from typing import Final, override

import attrs
from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, PipelineCommand
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    NoScriptError,
    RedisError,
    ResponseError,
    SlotNotCoveredError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tbg.redis.topologies import Cluster, RedisClient

type Call = tuple[Sequence[str], Sequence[str | int]]
"""The script's keys, which on a Cluster must share a hash tag, and its arguments."""

type _Words = tuple[str | int, ...]

# Runs a script, written for one call, for each call: ARGV[1] keys at a time, with the other arguments. An error of one
# call is that call's answer.
_EACH: Final = """
local function script(KEYS, ARGV)
%s
end
local width, answers = tonumber(table.remove(ARGV, 1)), {}
for first = 1, #KEYS, width do
  local ran, answer = pcall(script, {unpack(KEYS, first, first + width - 1)}, ARGV)
  if not ran and type(answer) ~= 'table' then answer = redis.error_reply(answer) end
  answers[#answers + 1] = answer
end
return answers
"""
_TOGETHER: Final = 100  # calls in one command: the server does nothing else in the meantime
_ROUNDS: Final = 5  # NOSCRIPT after ASK after MOVED takes four
_PAUSE_SECONDS: Final = 0.005
# A transport that closes while it is written to raises a TypeError with asyncio and a RuntimeError with uvloop.
_FAILURES: Final = (RedisError, OSError, TypeError, RuntimeError)


@attrs.frozen
class _Step:
    """One call on its way through a Cluster.

    Attributes:
        number: Which of the calls it is.
        before: Commands that have to precede it on the same connection.
    """

    number: int
    words: _Words
    node: ClusterNode
    before: tuple[_Words, ...] = ()


class RedisScript(abc.ABC):
    """A script of one client's; see `redis_script`."""

    def __init__(self, source: str) -> None:
        each = _EACH % source
        self._load = ("SCRIPT", "LOAD", each)
        self._sha = hashlib.sha1(each.encode(), usedforsecurity=False).hexdigest()

    @abc.abstractmethod
    def lane(self, key: str) -> str:
        """Return what serves a key: calls that go the same way succeed or fail together.

        Always the same for one server and for Sentinel; the node's address on a Cluster, "" until its nodes are known.
        """

    @abc.abstractmethod
    async def run(self, calls: Sequence[Call]) -> list[object]:
        """Return each call's answer in order, or the exception that took its place; raise none of Redis's own."""

    def _command(self, calls: Sequence[Call]) -> _Words:
        """Return the command for calls that have as many keys and the same arguments; its answer is a list."""
        keys, arguments = calls[0]
        every_key = keys if len(calls) == 1 else [key for keys, _ in calls for key in keys]
        return ("EVALSHA", self._sha, len(every_key), *every_key, len(keys), *arguments)


def redis_script(client: RedisClient, source: str) -> RedisScript:
    """Prepare a script for a client of any topology."""
    return _ClusterScript(client, source) if isinstance(client, Cluster) else _ServerScript(client, source)


class _ServerScript(RedisScript):
    def __init__(self, redis: Redis, source: str) -> None:
        super().__init__(source)
        self._redis = redis

    @override
    def lane(self, key: str) -> str:
        return ""

    @override
    async def run(self, calls: Sequence[Call]) -> list[object]:
        answers: list[object] = [None] * len(calls)
        groups = list(_alike(calls))
        commands = [self._command([calls[number] for number in group]) for group in groups]
        for group, answer in zip(groups, await self._run(commands), strict=True):
            for number, each in zip(group, answer if isinstance(answer, list) else repeat(answer), strict=False):
                answers[number] = each
        return answers

    async def _run(self, commands: Sequence[_Words]) -> list[object]:
        answers = await self._send(commands)
        unknown = [number for number, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:
            loaded, *again = await self._send([self._load, *(commands[number] for number in unknown)])
            for number, answer in zip(unknown, again, strict=True):
                answers[number] = _telling([loaded, answer])
        return answers

    async def _send(self, commands: Sequence[_Words]) -> list[object]:
        try:
            connection = await self._redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py has no type here
            try:
                return await _exchange(connection, commands)
            finally:
                await self._redis.connection_pool.release(connection)
        except _FAILURES as error:
            return [_as_redis_error(error)] * len(commands)


class _ClusterScript(RedisScript):
    def __init__(self, cluster: Cluster, source: str) -> None:
        super().__init__(source)
        self._cluster = cluster

    @override
    def lane(self, key: str) -> str:
        try:
            return str(self._cluster.node_of(key).name)
        except SlotNotCoveredError:
            return ""

    @override
    async def run(self, calls: Sequence[Call]) -> list[object]:
        async with self._cluster.turns:
            try:
                await self._cluster.discover()
            except _FAILURES as error:
                return [_as_redis_error(error)] * len(calls)
            return await self._follow(calls)

    async def _follow(self, calls: Sequence[Call]) -> list[object]:
        """Send each call to where its key is, and on to where that node says it is."""
        answers: list[object] = [SlotNotCoveredError("no node has the slot")] * len(calls)
        steps = list(self._first_steps(calls))
        for _ in range(_ROUNDS):
            await asyncio.gather(*(self._send(node, those, answers) for node, those in _by_node(steps)))
            steps = [next_ for step in steps if (next_ := await self._next_step(step, answers[step.number]))]
            if not steps:
                break
        return answers

    def _first_steps(self, calls: Sequence[Call]) -> Iterator[_Step]:
        for number, call in enumerate(calls):
            try:
                node = self._cluster.node_of(call[0][0])
            except SlotNotCoveredError:
                self._cluster.suspect()
            else:
                yield _Step(number, self._command([call]), node)

    async def _next_step(self, step: _Step, answer: object) -> _Step | None:
        """Return what to do next for a call that has got this answer; None if it is the final one."""
        match answer:
            case NoScriptError():
                return attrs.evolve(step, before=(self._load, *step.before))
            case MovedError():  # is an AskError, too
                return attrs.evolve(step, node=self._cluster.moved(answer), before=())
            case AskError():
                return attrs.evolve(step, node=self._cluster.node(answer.host, answer.port), before=(("ASKING",),))
            case TryAgainError():
                await asyncio.sleep(_PAUSE_SECONDS)
                return step
            case RedisConnectionError() | RedisTimeoutError() | ClusterDownError():
                self._cluster.suspect()
        return None

    async def _send(self, node: ClusterNode, steps: Sequence[_Step], answers: list[object]) -> None:
        """Send what goes to one node over one connection."""
        commands = [[PipelineCommand(0, *words) for words in (*step.before, step.words)] for step in steps]
        lost: Exception | None = None
        try:
            await node.execute_pipeline([command for those in commands for command in those])
        except _FAILURES as error:
            lost = error
        for step, those in zip(steps, commands, strict=True):
            result = _telling([each.result for each in those]) if lost is None else lost
            answers[step.number] = result[0] if isinstance(result, list) else _as_redis_error(result)


async def _exchange(connection: AbstractConnection, commands: Sequence[_Words]) -> list[object]:
    """Send commands and read their answers; redis-py's pipeline does the same, for twice the time.

    There is no time-out but the caller's: redis-py's own does not know when this process is too busy to read what has
    arrived. An exception, cancellation included, closes the connection, so that nobody reads an answer of before.
    """
    await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
    return [await _read(connection) for _ in commands]


async def _read(connection: AbstractConnection) -> object:
    try:
        return await connection.read_response(timeout=math.inf)
    except ResponseError as error:
        return error


def _alike(calls: Sequence[Call]) -> Iterator[list[int]]:
    """Yield the numbers of calls that one command can make."""
    groups: dict[tuple[int, Sequence[str | int]], list[int]] = {}
    for number, (keys, arguments) in enumerate(calls):
        groups.setdefault((len(keys), tuple(arguments)), []).append(number)
    for group in groups.values():
        for together in batched(group, _TOGETHER):
            yield list(together)


def _by_node(steps: Iterable[_Step]) -> Iterable[tuple[ClusterNode, list[_Step]]]:
    groups: dict[str, tuple[ClusterNode, list[_Step]]] = {}
    for step in steps:
        groups.setdefault(step.node.name, (step.node, []))[1].append(step)
    return groups.values()


def _telling(answers: Sequence[object]) -> object:
    """Return the last answer, unless that is an error: then the first one, which may be why it could not succeed."""
    errors = [answer for answer in answers if isinstance(answer, Exception)]
    return errors[0] if errors and errors[-1] is answers[-1] else answers[-1]


def _as_redis_error(error: object) -> RedisError:
    return error if isinstance(error, RedisError) else RedisConnectionError(f"{type(error).__name__}: {error}")
