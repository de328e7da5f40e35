"""Which core does what: servers on one, whatever else the measurement needs on another."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import attrs


@attrs.frozen
class Cores:
    """How the cores are shared out; where the system has no affinity, all do everything.

    Attributes:
        load: wrk, Valkey, PostgreSQL and this program.
        servers: The targets; those with several workers take several of these.
    """

    load: frozenset[int]
    servers: tuple[int, ...]

    @classmethod
    def of_this_machine(cls) -> "Cores":
        """Give the first usable core to the load, and the others, from the last, to the servers."""
        if not hasattr(os, "sched_setaffinity"):
            return cls(frozenset(), ())
        first, *others = sorted(os.sched_getaffinity(0))
        return cls(frozenset({first}), tuple(reversed(others)) or (first,))

    @property
    def are_apart(self) -> bool:
        """Tell whether servers and load keep off each other's core; without that, times mean little."""
        return bool(self.servers) and not self.load & set(self.servers)

    def take_load(self) -> None:
        """Keep this process, and whatever it starts, to the load's core."""
        if self.load:
            os.sched_setaffinity(0, self.load)

    @contextmanager
    def serving(self, workers: int) -> Iterator[None]:
        """Start what is started in the block on one core for each worker, as far as there are so many."""
        if not self.load:
            yield
            return
        os.sched_setaffinity(0, self.servers[:workers])  # a child process inherits it
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.load)
