"""Who has which slots of a Cluster, as its nodes tell it.

A node is named as `cluster-preferred-endpoint-type` says: by address, by the host name that it announces, or not at
all. One that announces no name is called ``?``, and its address stands beside that; one without any is reached by the
host that was asked (https://redis.io/docs/latest/commands/cluster-slots/).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError

from tbg.redis.connector import Address, Connector

COUNT: Final = 16_384


@attrs.frozen
class SlotRange:
    """The slots from ``first`` to ``last``, both included, and the master that has them."""

    first: int
    last: int
    master: Address


def slot_of(key: str) -> int:
    """Return the slot of a key."""
    return key_slot(key.encode())


async def read_slots(connector: Connector, asked: Address) -> list[SlotRange]:
    """Ask a node who has which slots.

    Raises:
        RedisError: It does not answer, is no node of a Cluster, or knows nobody who has slots.
        TimeoutError: It does not answer in time.
    """
    answer = await connector.ask(asked, ("CLUSTER", "SLOTS"))
    if not isinstance(answer, list) or not answer:
        raise RedisConnectionError("no node of the Cluster has slots")
    return [SlotRange(first, last, address(master, asked)) for first, last, master, *_ in answer]


def address(node: Sequence[object], asked: Address) -> Address:
    """Return where a node is: an entry of ``CLUSTER SLOTS`` by the node at ``asked``."""
    name, port, *others = node
    assert isinstance(port, int)  # noqa: S101 - the protocol's
    return host_of(name, asked, dict(_named(others))) or asked[0], port or asked[1]


def host_of(name: object, asked: Address, others: Mapping[str, str]) -> str | None:
    """Return the host that is meant by what a node is called; None if that says nothing."""
    called = name.decode() if isinstance(name, bytes) else str(name or "")
    if called not in {"", "?"}:
        return called
    return others.get("ip") or (asked[0] if not called else None)


def _named(others: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Yield what is told of a node beside its name, port and id: pairs, or a map in newer versions of the protocol."""
    for each in others:
        if isinstance(each, Mapping):
            pairs = list(each.items())
        elif isinstance(each, list):
            pairs = list(zip(each[::2], each[1::2], strict=False))
        else:
            continue
        for name, value in pairs:
            yield _text(name), _text(value)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
