"""The same service as it was first planned, on FastAPI: what one would write by hand and by the book.

Two ``BaseHTTPMiddleware`` (the rate limit outermost: INCR, and EXPIRE for the first request, with ``redis.asyncio``;
then the request id with one JSON line per request through structlog), ``CORSMiddleware``, pydantic-settings, response
models, and /ready that asks PostgreSQL through an SQLAlchemy session and Redis, on every request. One uvicorn process.

The plan's ``ConnectionPool`` of 50 raises when 51 requests wait for Redis at the same time, so under load some answers
are 500. The default here is a ``BlockingConnectionPool`` of the same size, which waits; ``BENCH_POOL=plain`` is the
plan's.

It does less than the service: the window is fixed, a refused request gets neither an id nor a line in the log, headers
of responses are not checked, and nothing bounds what a client may send.
"""

import os
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint


class Settings(BaseSettings):
    """What an operator can choose."""

    model_config = SettingsConfigDict(env_prefix="TBG_", extra="ignore")

    app_version: str = "0.1.0"
    environment: str = "development"
    database_url: str = "postgresql+asyncpg://tbg@127.0.0.1:5432/thebitcoingame"
    redis_url: str = "redis://127.0.0.1:6379/0"
    cors_origins: list[str] = ["http://localhost:5173", "http://localhost:3000"]
    rate_limit_requests: int = 100
    rate_limit_window_seconds: int = 60


class Health(BaseModel):
    """The process answers."""

    status: str


class Readiness(BaseModel):
    """Whether the service can do its work."""

    status: str
    checks: dict[str, str]


class Version(BaseModel):
    """What runs here."""

    version: str
    environment: str


structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(),
    ],
    logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    cache_logger_on_first_use=True,
)
log = structlog.get_logger("tbg.access")
settings = Settings()
engine = create_async_engine(settings.database_url, pool_size=20, max_overflow=10, pool_pre_ping=True)
sessions = async_sessionmaker(engine, expire_on_commit=False)
_pool = ConnectionPool if os.environ.get("BENCH_POOL") == "plain" else BlockingConnectionPool
redis: Redis = Redis.from_pool(_pool.from_url(settings.redis_url, max_connections=50, decode_responses=True))


class AccessLogMiddleware(BaseHTTPMiddleware):
    """Give every request an id, and write a line when it is answered."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Pass the request on between the two."""
        request_id = request.headers.get("X-Request-ID") or str(uuid.uuid4())
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        response = await call_next(request)
        response.headers["X-Request-ID"] = request_id
        log.info(
            "http.request",
            method=request.method,
            path=request.url.path,
            status=response.status_code,
            duration_ms=round((time.perf_counter() - started) * 1000, 2),
            client=request.client.host if request.client else None,
        )
        structlog.contextvars.clear_contextvars()
        return response


class RateLimitMiddleware(BaseHTTPMiddleware):
    """Refuse a client that asks too often; health checks are free."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Charge the request to its client's window."""
        if request.url.path in {"/health", "/ready"}:
            return await call_next(request)
        key = f"rate_limit:{request.client.host if request.client else 'unknown'}"
        used = await redis.incr(key)
        if used == 1:
            await redis.expire(key, settings.rate_limit_window_seconds)
        if used > settings.rate_limit_requests:
            return JSONResponse({"detail": "Rate limit exceeded. Try again later."}, 429, {"Retry-After": "60"})
        response = await call_next(request)
        response.headers["X-RateLimit-Limit"] = str(settings.rate_limit_requests)
        response.headers["X-RateLimit-Remaining"] = str(settings.rate_limit_requests - used)
        return response


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield
    await redis.aclose()
    await engine.dispose()


app = FastAPI(title="The Bitcoin Game API", version=settings.app_version, lifespan=_lifespan)
app.add_middleware(
    CORSMiddleware,
    allow_origins=settings.cors_origins,
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)
app.add_middleware(AccessLogMiddleware)
app.add_middleware(RateLimitMiddleware)  # added last, so outermost


@app.get("/health")
async def health() -> Health:
    """Say that the process answers."""
    return Health(status="healthy")


@app.get("/ready")
async def ready() -> Readiness:
    """Ask the dependencies."""
    async with sessions() as session:
        await session.execute(text("SELECT 1"))
    await redis.ping()
    return Readiness(status="ready", checks={"database": "ok", "redis": "ok"})


@app.get("/version")
async def version() -> Version:
    """Name what runs here."""
    return Version(version=settings.app_version, environment=settings.environment)
