"""The application that is measured: real, but for the database."""

import asyncio
import gc
import importlib
import logging
import time
from pathlib import Path
from typing import Any, Final

import attrs
import psutil
import typed_settings as ts
import uvloop

from benchmarks.micro.exchanges import ORIGIN
from benchmarks.micro.service import MemoryService
from tbg.app import App, build_app
from tbg.config import PROJECT_ROOT, Settings
from tbg.contract import Contract
from tbg.feature import Feature
from tbg.features import FEATURES
from tbg.infrastructure import Infrastructure
from tbg.logs import configure_logging

_MEBIBYTE: Final = 1024 * 1024
_MS: Final = 1_000_000
_PLENTY: Final = 1_000_000


class NoDatabase:
    """A database that is there."""

    async def ping(self) -> None:
        """Answer."""

    async def close(self) -> None:
        """Do nothing."""


@attrs.frozen
class Subject:
    """What benchmarks are run on.

    Attributes:
        app: With a rate limit that nobody meets.
        strict: With a rate limit of one request in a day.
        boot: What the start of the service has cost, by name.
    """

    loop: asyncio.AbstractEventLoop
    app: App
    strict: App
    service: MemoryService
    boot: dict[str, float]


def settings(redis_url: str, **changes: object) -> Settings:
    """Return explicit settings; one that this side does not know yet is left out."""
    chosen: dict[str, Any] = {
        "environment": "benchmark",
        "redis_url": ts.SecretStr(redis_url),
        "redis_timeout_seconds": 5.0,
        "cors_origins": (ORIGIN,),
        "rate_limit_requests": _PLENTY,
        "ready_cache_seconds": 60.0,
        "log_format": "json",
        "max_requests_in_flight": 100_000,  # a stage that is measured alone counts requests in, and none out
        **changes,
    }
    known = {field.name for field in attrs.fields(Settings)}
    return Settings(**{name: value for name, value in chosen.items() if name in known})


def infrastructure(chosen: Settings) -> Infrastructure:
    """Return what the application stands on."""
    return attrs.evolve(Infrastructure.from_settings(chosen), database=NoDatabase())  # type: ignore[arg-type]  # all of it that is used


def build_subject(redis_url: str) -> Subject:
    """Start the service, measuring that, then the one with the workers feature."""
    plenty = settings(redis_url)
    daily = settings(redis_url, rate_limit_requests=1, rate_limit_window_seconds=86_400)
    configure_logging(plenty)
    _log_in_the_background()
    boot = _boot(plenty)
    contract, models = _workers()
    service = MemoryService(models)
    app, strict = (_with_workers(each, contract, service) for each in (plenty, daily))
    return Subject(_started(app, strict), app, strict, service, boot)


def _started(*apps: App) -> asyncio.AbstractEventLoop:
    """Start them on a loop as a worker has it, and put all that is there out of the collector's sight."""
    loop = uvloop.new_event_loop()
    for each in apps:
        loop.run_until_complete(_start(each))
    gc.collect()
    gc.freeze()
    gc.disable()
    return loop


def _log_in_the_background() -> None:
    """Do what ``gunicorn.conf.py`` does in a worker, of commits where it does."""
    for handler in logging.getLogger().handlers:
        if start := getattr(getattr(handler, "stream", None), "start", None):
            start()


def _boot(chosen: Settings) -> dict[str, float]:
    began = time.process_time_ns()
    contract = Contract.load(PROJECT_ROOT / "openapi.yaml")
    loaded = time.process_time_ns()
    build_app(infrastructure(chosen), contract, FEATURES)
    built = time.process_time_ns()
    return {
        "boot: Contract.load": (loaded - began) / _MS,
        "boot: build_app": (built - loaded) / _MS,
        "boot: resident memory": psutil.Process().memory_info().rss / _MEBIBYTE,
    }


def _workers() -> tuple[Contract, Any]:
    package = importlib.import_module("tests.contract.workers")
    contract = Contract.load(Path(str(package.__file__)).with_name("openapi.yaml"))
    return contract, importlib.import_module("tests.contract.workers.models")


def _with_workers(chosen: Settings, contract: Contract, service: MemoryService) -> App:
    make = importlib.import_module("tests.contract.workers.feature").feature

    def feature(given: Infrastructure) -> Feature:
        made: Feature = make(given)
        for resource in made.resources.values():
            if hasattr(resource, "_service"):
                resource._service = service  # noqa: SLF001 - the feature has no other place for it
        return made

    return build_app(infrastructure(chosen), contract, [*FEATURES, feature])


async def _start(app: App) -> None:
    """Do what a server does when it starts a worker."""
    for middleware in app._unprepared_middleware:  # noqa: SLF001 - Falcon's lifespan goes through the same list
        if hasattr(middleware, "process_startup"):
            await middleware.process_startup({"type": "lifespan"}, {"type": "lifespan.startup"})
