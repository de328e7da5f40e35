"""Which connection goes when there are too many, or hold too much."""

import pytest
from structlog.testing import capture_logs

from tbg.server.http1 import Registry


class Client:
    """A connection that leaves the registry when it is evicted, as real ones do a moment later."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.is_open = True
        registry.add(self)

    def evict(self) -> None:
        self.is_open = False
        self.registry.remove(self)


def test_the_longest_idle_connection_makes_room() -> None:
    registry = Registry(3)
    first, second, third = (Client(registry) for _ in range(3))
    registry.busy(first)
    registry.idle(first)
    fourth = Client(registry)

    assert [each.is_open for each in (first, second, third, fourth)] == [True, False, True, True]


def test_a_busy_connection_is_never_closed() -> None:
    registry = Registry(3)
    busy = [Client(registry) for _ in range(3)]
    for each in busy:
        registry.busy(each)
    others = [Client(registry) for _ in range(50)]

    assert all(each.is_open for each in busy)
    assert sum(each.is_open for each in others) <= 1


def test_when_all_are_busy_there_is_a_margin_and_then_an_end() -> None:
    registry = Registry(3)
    clients = []
    for _ in range(100):
        clients.append(Client(registry))
        registry.busy(clients[-1])

    assert sum(each.is_open for each in clients) == 3 + 16


def test_the_number_that_were_closed_is_counted() -> None:
    counted: list[None] = []
    registry = Registry(3, evicted=lambda: counted.append(None))
    for _ in range(10):
        Client(registry)

    assert len(counted) == 7


@pytest.mark.parametrize("size", [1_000, 64])
def test_requests_that_are_not_whole_hold_a_bounded_number_of_bytes(size: int) -> None:
    registry = Registry(1_000, max_held_bytes=10_000)
    clients = [Client(registry) for _ in range(500)]
    for held in range(size // 4, size + 1, size // 4):
        for each in clients:
            if each.is_open:
                registry.hold(each, held)

    assert sum(each.is_open for each in clients) == 10_000 // size


def test_what_became_a_request_is_not_held_any_more() -> None:
    registry = Registry(1_000, max_held_bytes=10_000)
    clients = [Client(registry) for _ in range(500)]
    for each in clients:
        registry.hold(each, 9_000)
        registry.busy(each)

    assert all(each.is_open for each in clients)


def test_it_is_said_once_when_there_are_too_many_and_once_when_there_is_room() -> None:
    registry = Registry(10)
    with capture_logs() as lines:
        clients = [Client(registry) for _ in range(40)]
        for each in clients:
            if each.is_open:
                each.evict()

    assert [line["event"] for line in lines] == ["connections.full", "connections.room_again"]
