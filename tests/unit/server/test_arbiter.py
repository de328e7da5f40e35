"""The master's decisions, with workers that are not there."""

import signal
import time
from typing import Any, Self

import attrs
import pytest
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config

from tbg.server.arbiter import DRAIN_SIGNAL, LEAVING, DrainingArbiter


@attrs.define
class Sign:
    """A worker's last sign of life."""

    at: float

    def last_update(self) -> float:
        return self.at


class FakeWorker:
    """A worker as the master knows it; it serves when it has shown a sign of life since it was made."""

    starts_draining = False

    def __init__(self, age: int, *, serves: bool = True) -> None:
        self.age = age
        self.made_at = time.monotonic()
        self.aborted = False
        self.tmp = Sign(self.made_at + serves)

    def serve(self) -> Self:
        self.tmp.at = self.made_at + 1
        return self


class Application(BaseApplication):
    def load_config(self) -> None:
        self.cfg.set("workers", 2)

    def init(self, *_: object) -> None: ...

    def load(self) -> Any: ...  # noqa: ANN401 - never called


class RecordingArbiter(DrainingArbiter):
    """Notes what it would do to processes."""

    def spawn_worker(self) -> int:
        self.worker_age += 1
        self.WORKERS[self.worker_age] = FakeWorker(self.worker_age, serves=False)
        return self.worker_age

    def kill_worker(self, pid: int, sig: int) -> None:
        vars(self).setdefault("killed", []).append((pid, sig))


@pytest.fixture
def arbiter() -> Any:  # noqa: ANN401 - gunicorn's stubs know less of it than the tests
    """A master of two workers that serve, taken over from gunicorn."""
    made: Any = Arbiter(Application())
    made.cfg = Config()
    made.WORKERS = {}
    made.num_workers = 2
    DrainingArbiter.take_over(made, 3.0)
    assert isinstance(made, DrainingArbiter)
    made.__class__ = RecordingArbiter
    made.worker_class = FakeWorker
    made.manage_workers()
    for each in made.WORKERS.values():
        each.serve()
    return made


def killed(arbiter: object) -> list[tuple[int, int]]:
    signals: list[tuple[int, int]] = vars(arbiter).pop("killed", [])
    return signals


def test_missing_workers_are_started_once(arbiter: Any) -> None:  # noqa: ANN401 - as above
    arbiter.manage_workers()

    assert list(arbiter.WORKERS) == [1, 2]
    assert killed(arbiter) == []


def test_a_worker_that_leaves_has_a_successor_at_once(arbiter: Any) -> None:  # noqa: ANN401 - as above
    arbiter.WORKERS[1].tmp.at = LEAVING
    arbiter.manage_workers()
    arbiter.murder_workers()

    assert list(arbiter.WORKERS) == [1, 2, 3]
    assert killed(arbiter) == []


def test_a_worker_that_leaves_is_killed_after_the_grace(arbiter: Any) -> None:  # noqa: ANN401 - as above
    arbiter.WORKERS[1].tmp.at = LEAVING
    arbiter.murder_workers()
    arbiter.WORKERS[1].told_at -= arbiter.cfg.graceful_timeout + 1
    arbiter.murder_workers()

    assert killed(arbiter) == [(1, signal.SIGKILL)]


def test_a_worker_that_hangs_is_aborted_then_killed(arbiter: Any) -> None:  # noqa: ANN401 - as above
    arbiter.WORKERS[2].tmp.at = time.monotonic() - arbiter.timeout - 1
    arbiter.murder_workers()
    arbiter.murder_workers()

    assert killed(arbiter) == [(2, signal.SIGABRT), (2, signal.SIGKILL)]


def test_replaced_workers_end_when_their_successors_serve(arbiter: Any) -> None:  # noqa: ANN401 - as above
    arbiter.reload()
    assert list(arbiter.WORKERS) == [1, 2, 3, 4]
    assert killed(arbiter) == []
    for each in arbiter.WORKERS.values():
        each.serve()
    arbiter.manage_workers()
    arbiter.manage_workers()

    assert killed(arbiter) == [(1, signal.SIGTERM), (2, signal.SIGTERM)]


def test_the_oldest_of_too_many_ends(arbiter: Any) -> None:  # noqa: ANN401 - as above
    arbiter.handle_ttou()

    assert killed(arbiter) == [(1, signal.SIGTERM)]


def test_a_stop_is_announced_and_then_waited_for(arbiter: Any) -> None:  # noqa: ANN401 - as above
    arbiter.handle_term()

    assert killed(arbiter) == [(1, DRAIN_SIGNAL), (2, DRAIN_SIGNAL)]
    assert arbiter.worker_class.starts_draining
    assert arbiter.wait_for_signals(0.01) == []
    arbiter._stops_at = time.monotonic() - 1
    with pytest.raises(StopIteration):
        arbiter.wait_for_signals()


@pytest.mark.parametrize("change", [{"drain_seconds": 0.0}, {"reexec_pid": 7}, {"_stops_at": 1.0}])
def test_a_stop_does_not_wait(arbiter: Any, change: dict[str, Any]) -> None:  # noqa: ANN401 - as above
    """For nothing, when a successor is there, or when told again."""
    vars(arbiter).update(change)

    with pytest.raises(StopIteration):
        arbiter.handle_term()
