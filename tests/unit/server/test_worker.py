"""The gunicorn worker and logger, without a master."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from gunicorn.config import Config

from tbg.config import Settings
from tbg.logs import configure_logging
from tbg.server.worker import GunicornLogger, Worker
from tests.conftest import Logged


@pytest.fixture(autouse=True)
def _loggers_as_found() -> Iterator[None]:
    loggers = [
        logging.getLogger(name) for name in ("gunicorn.error", "gunicorn.access", "uvicorn.error", "uvicorn.access")
    ]
    found = [(logger, logger.handlers, logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in found:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture
def terminations() -> Iterator[list[int]]:
    """The SIGTERMs that this process has got."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = signal.signal(signal.SIGTERM, note)
    yield received
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def worker() -> Iterator[Callable[..., Worker]]:
    """Make workers whose master is another process, or this one's parent."""
    made: list[Worker] = []

    def make(graceful_timeout: int = 30, ppid: int | None = None) -> Worker:
        cfg = Config()
        cfg.set("graceful_timeout", graceful_timeout)
        configure_logging(Settings())
        made.append(Worker(1, os.getppid() if ppid is None else ppid, [], None, 15, cfg, GunicornLogger(cfg)))
        return made[-1]

    yield make
    for each in made:
        each.tmp.close()


def test_uvicorn_is_told_what_this_service_wants(worker: Callable[..., Worker]) -> None:
    config = worker().config

    assert (config.ws, config.lifespan, config.access_log) == ("none", "on", False)
    assert (config.proxy_headers, config.server_header) == (False, False)


@pytest.mark.parametrize(("graceful", "expected"), [(30, 29), (2, 1), (1, 1)])
def test_slow_requests_are_given_up_before_the_worker_is(
    worker: Callable[..., Worker], graceful: int, expected: int
) -> None:
    assert worker(graceful).config.timeout_graceful_shutdown == expected


def test_the_end_that_gunicorn_wants_is_the_one_that_uvicorn_knows(
    worker: Callable[..., Worker], terminations: list[int]
) -> None:
    each = worker()
    each.handle_exit(signal.SIGQUIT, None)

    assert not each.alive
    assert terminations == [signal.SIGTERM]


async def test_a_worker_with_its_master_goes_on(worker: Callable[..., Worker], terminations: list[int]) -> None:
    await worker().callback_notify()

    assert terminations == []


async def test_a_worker_without_its_master_ends(
    worker: Callable[..., Worker], terminations: list[int], logged: Logged
) -> None:
    orphan = worker(ppid=os.getppid() + 1)
    await orphan.callback_notify()

    assert terminations == [signal.SIGTERM]
    assert logged("The master is gone, this worker ends")[0]["level"] == "warning"


def test_gunicorn_and_uvicorn_write_each_line_once(worker: Callable[..., Worker], logged: Logged) -> None:
    log = worker().log
    log.info("from gunicorn")
    logging.getLogger("uvicorn.error").info("from uvicorn")
    logging.getLogger("uvicorn.access").info("not at all")
    log.access_log.info("nor this")

    assert [line["event"] for line in logged()] == ["from gunicorn", "from uvicorn"]
