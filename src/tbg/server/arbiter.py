"""gunicorn's master, with successors that are there before their predecessors go, and a stop that loses nothing.

    SIGTERM        every worker answers /ready with 503 and goes on serving; after the drain time the listeners close,
                   and the workers end as soon as nobody sends them anything, at the latest after the grace
    SIGHUP         new workers; when they serve, the old ones are told to end
    SIGTTOU        one worker fewer: the oldest is told to end
    a worker ends  a successor starts as soon as the worker says so, not when it is gone

It replaces the class of gunicorn's own master, as gunicorn has no other place for it.
"""

import signal
import time
from typing import Any, Final

from gunicorn.arbiter import Arbiter
from gunicorn.sock import close_sockets, create_sockets

from tbg.server.listeners import refuse_new_connections

DRAIN_SIGNAL: Final = signal.SIGUSR2
"""Tells a worker that the service is about to stop: it goes on, but is not ready any more."""

_HANDSHAKE_SECONDS: Final = 0.3  # what a client far away needs to finish what it has begun

LEAVING: Final = 1.0
"""What a worker sets the time of its last sign of life to, when it was told to end: no clock is there."""


class DrainingArbiter(Arbiter):
    """The master.

    Attributes:
        drain_seconds: How long the service stays reachable after SIGTERM.
    """

    drain_seconds: float = 0.0
    _stops_at: float | None = None
    # gunicorn's type stubs know less of these than the code does.
    log: Any
    worker_class: Any
    WORKERS: dict[int, Any]  # type: ignore[misc]  # gunicorn sets both on the instance
    LISTENERS: list[Any]  # type: ignore[misc]  # the same

    @classmethod
    def take_over(cls, arbiter: Arbiter, drain_seconds: float) -> None:
        """Make a master of gunicorn's one of this class; call it from the hook ``on_starting``."""
        arbiter.__class__ = cls
        vars(arbiter)["drain_seconds"] = drain_seconds

    # A stop.

    def handle_term(self) -> None:
        """Let the workers say that they are not ready, and stop a little later; at once when told again.

        A master that has been replaced (SIGUSR2) stops at once: its successor has the same listeners.
        """
        if self._stops_at is not None or self.reexec_pid or not self.drain_seconds:
            raise StopIteration
        self._stops_at = time.monotonic() + self.drain_seconds
        self.log.info("Draining for %s seconds", self.drain_seconds)
        self.worker_class.starts_draining = True
        self.kill_workers(DRAIN_SIGNAL)

    def wait_for_signals(self, timeout: float | None = 1.0) -> list[int]:
        """Wait for signals, but not longer than until the end of the drain time."""
        if self._stops_at is None:
            return super().wait_for_signals(timeout)
        left = self._stops_at - time.monotonic()
        if left <= 0:
            raise StopIteration
        return super().wait_for_signals(min(timeout or left, left))

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002 - gunicorn's signature
        """Let nobody connect any more, then close the listeners and end the workers."""
        is_only_master = self.reexec_pid == self.master_pid == 0
        if graceful and self.drain_seconds and is_only_master:
            refused = [refuse_new_connections(each.sock) for each in self.LISTENERS]
            if any(refused):
                time.sleep(_HANDSHAKE_SECONDS)
        super().stop(graceful)

    # Successors.

    def reload(self) -> None:
        """Start new workers with a new configuration; `manage_workers` ends the old ones when these serve."""
        for worker in self.WORKERS.values():
            worker.is_replaced = True
        # As gunicorn does it, which then ends the old ones at once, and waits for them here.
        address = self.cfg.address
        self.app.reload()
        self.setup(self.app)
        self.log.reopen_files()
        if address != self.cfg.address:
            close_sockets(self.LISTENERS, False)  # noqa: FBT003 - gunicorn's signature
            self.LISTENERS = create_sockets(self.cfg, self.log)
        self.cfg.on_reload(self)
        self.manage_workers()

    def manage_workers(self) -> None:
        """Start successors of those that are replaced, leave or have died; end the superfluous ones."""
        staying = {pid: each for pid, each in self.WORKERS.items() if not (_leaves(each) or _is_replaced(each))}
        for _ in range(self.num_workers - len(staying)):
            self.spawn_worker()
        if all(map(_serves, staying.values())) and len(staying) >= self.num_workers:
            replaced = [pid for pid, each in self.WORKERS.items() if _is_replaced(each)]
            oldest = sorted(staying, key=lambda pid: staying[pid].age)
            for pid in (*replaced, *oldest[: len(staying) - self.num_workers]):
                self._end_worker(pid)

    def murder_workers(self) -> None:
        """Kill workers that hang; one that has been told to end has until the graceful time-out."""
        now = time.monotonic()
        for pid, worker in list(self.WORKERS.items()):
            if _leaves(worker):
                worker.told_at = getattr(worker, "told_at", now)
                if now - worker.told_at > self.cfg.graceful_timeout:
                    self.kill_worker(pid, signal.SIGKILL)
            elif self.timeout and now - worker.tmp.last_update() > self.timeout:
                self.log.critical("WORKER TIMEOUT (pid:%s)", pid)
                self.kill_worker(pid, signal.SIGKILL if worker.aborted else signal.SIGABRT)
                worker.aborted = True

    def _end_worker(self, pid: int) -> None:
        worker = self.WORKERS[pid]
        if not _leaves(worker):
            worker.is_told = True
            self.kill_worker(pid, signal.SIGTERM)


def _is_replaced(worker: Any) -> bool:  # noqa: ANN401 - a gunicorn worker
    return getattr(worker, "is_replaced", False)


def _leaves(worker: Any) -> bool:  # noqa: ANN401 - a gunicorn worker
    """Tell whether a worker was told to end, by this master or by somebody else."""
    return getattr(worker, "is_told", False) or worker.tmp.last_update() == LEAVING


def _serves(worker: Any) -> bool:  # noqa: ANN401 - a gunicorn worker
    """Tell whether a worker has shown a sign of life since it was made."""
    return bool(worker.tmp.last_update() != worker.made_at)
