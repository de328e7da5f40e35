"""What features stand on: settings, database, Redis, clock and ids, made once and handed down."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import attrs
from prometheus_client import CollectorRegistry

from tbg.config import Settings
from tbg.database import Database
from tbg.draining import Drain
from tbg.redis.client import RedisClient, create_redis
from tbg.redis.connector import Connector

Ping = Callable[[], Awaitable[object]]
"""Answer when a dependency does; raise when it does not. The caller sets the time-out."""

_CLOSE_SECONDS: Final = 2.0


def _now() -> datetime:
    return datetime.now(UTC)


@attrs.frozen
class Infrastructure:
    """The outside world, as features see it.

    Attributes:
        redis: For features: no number of connections or slow commands of theirs disturbs the rate limiter.
        limiter_redis: How the rate limiter connects, which has connections of its own.
        metrics: Where this process counts.
        drain: Whether the process is about to end.
        clock: The time now, aware, in UTC.
        new_id: A new random id.
    """

    settings: Settings
    database: Database
    redis: RedisClient
    limiter_redis: Connector
    metrics: CollectorRegistry = attrs.field(factory=CollectorRegistry)
    drain: Drain = attrs.field(factory=Drain)
    clock: Callable[[], datetime] = _now
    new_id: Callable[[], uuid.UUID] = uuid.uuid4

    @classmethod
    def from_settings(cls, settings: Settings) -> "Infrastructure":
        """Prepare everything; nothing connects yet, so a dependency that is down does not stop the boot."""
        metrics = CollectorRegistry()
        database = Database.from_settings(settings, metrics)
        return cls(settings, database, create_redis(settings), Connector.from_settings(settings), metrics)

    async def close(self) -> None:
        """Close every connection; two seconds are spent on each dependency that hangs."""
        for close in (self.database.close, self.redis.aclose):
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await close()
