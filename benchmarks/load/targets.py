"""What is measured: which server, started how, asked for what."""

import sys
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import attrs

USUAL: Final = 64
Kind = Literal["get", "clients", "post"]


@attrs.frozen(kw_only=True)
class Case:
    """One question, asked again and again.

    Attributes:
        path: Its name in the tables.
        url: What is asked for.
        kind: What wrk sends; see ``load.lua``.
        status: The status that every answer must have.
        connections: How many ask at the same time.
    """

    path: str
    url: str
    kind: Kind = "get"
    status: int = 200
    connections: int = USUAL


@attrs.frozen(kw_only=True)
class Target:
    """One server.

    Attributes:
        name: Its name in the tables and for ``--targets``.
        command: How to start it; ``{port}`` stands for the port.
        cases: What it is asked.
        environment: Variables besides those that every target gets.
        workers: Its worker processes.
        log_bytes_per_second: How fast its standard output is read; 0 writes it into a file.
        announces_limit: Whether its answers to /version tell how many more requests may come.
        is_default: Whether it is measured when nobody asks for it by name.
    """

    name: str
    command: Sequence[str]
    cases: Sequence[Case]
    environment: Mapping[str, str] = {}
    workers: int = 1
    log_bytes_per_second: int = 0
    announces_limit: bool = False
    is_default: bool = True


def uvicorn(app: str) -> list[str]:
    """Return how to run a peer: stock uvicorn, one process, no access log of uvicorn's."""
    options = ["--host", "127.0.0.1", "--port", "{port}", "--no-access-log", "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", f"benchmarks.peers.{app}", *options]


def gunicorn(*arguments: str) -> list[str]:
    """Return how to run the service: as in production, but for workers that are replaced after many requests."""
    return [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "--max-requests", "0", *arguments]


VERSION: Final = Case(path="/version", url="/version")
HEALTH: Final = Case(path="/health", url="/health")
READY: Final = Case(path="/ready", url="/ready")
REFUSED: Final = Case(path="429", url="/version", status=429)
POST: Final = Case(path="POST 10 fields", url="/workers", kind="post", status=201)
LIST: Final = Case(path="list of 100", url="/workers?page_size=100")
SAME_LIST: Final = Case(path="same list of 100", url="/workers?page_size=100")
CLIENTS: Final = Case(path="/version, 10 000 clients", url="/version", kind="clients")
SLOW_LOG: Final = Case(path="/version, slow log", url="/version")


def at(case: Case, *connections: int) -> list[Case]:
    """Return the case with other numbers of connections."""
    return [attrs.evolve(case, connections=number) for number in connections]


_ALL_CONNECTIONS: Final = [*at(VERSION, USUAL, 1, 256), *at(HEALTH, USUAL, 1, 256)]
_REFUSING: Final = {"TBG_RATE_LIMIT_REQUESTS": "1"}
_ONE_PAGE: Final = {"BENCH_PAGES": "1"}
_WORKERS_APP: Final = "benchmarks.peers.service_workers:create_app()"
_FASTAPI: Final = "fastapi_service:app"
_FASTAPI_WORKERS: Final = "fastapi_with_workers:app"


def _without(stage: str, *cases: Case, arguments: Sequence[str] = (), **environment: str) -> Target:
    app = "benchmarks.load.stages:create_app()"
    return Target(
        name=f"service without {stage}",
        command=gunicorn(*arguments, app),
        cases=cases or [VERSION],
        environment=environment,
        announces_limit=stage != "rate limit",
    )


def _several(workers: int) -> Target:
    name = f"service x{workers}"
    return Target(name=name, command=gunicorn(), cases=[VERSION, HEALTH], workers=workers, announces_limit=True)


TARGETS: Final = [
    Target(name="constant", command=uvicorn("constant:app"), cases=at(VERSION, USUAL, 1, 256)),
    Target(name="constant-redis", command=uvicorn("constant_redis:app"), cases=[VERSION]),
    Target(name="falcon", command=uvicorn("bare_falcon:app"), cases=[VERSION, HEALTH]),
    Target(name="service", command=gunicorn(), cases=[*_ALL_CONNECTIONS, READY], announces_limit=True),
    _without("contract", VERSION, HEALTH, BENCH_WITHOUT="RequestContract,ResponseContract"),  # soon after what it has
    Target(name="fastapi", command=uvicorn(_FASTAPI), cases=[*_ALL_CONNECTIONS, READY], announces_limit=True),
    Target(name="connexion", command=uvicorn("connexion_service:app"), cases=[VERSION, HEALTH, POST, LIST]),
    Target(
        name="falcon-openapi-core",
        command=uvicorn("falcon_openapi_core:app"),
        cases=[VERSION, HEALTH],
    ),
    Target(name="litestar", command=uvicorn("litestar_service:app"), cases=[VERSION, HEALTH]),
    Target(name="blacksheep", command=uvicorn("blacksheep_service:app"), cases=[VERSION, HEALTH], announces_limit=True),
    Target(name="service 429", command=gunicorn(), cases=[REFUSED], environment=_REFUSING),
    Target(name="fastapi 429", command=uvicorn(_FASTAPI), cases=[REFUSED], environment=_REFUSING),
    Target(name="litestar 429", command=uvicorn("litestar_service:app"), cases=[REFUSED], environment=_REFUSING),
    Target(name="blacksheep 429", command=uvicorn("blacksheep_service:app"), cases=[REFUSED], environment=_REFUSING),
    Target(name="service crud", command=gunicorn(_WORKERS_APP), cases=[POST, LIST], announces_limit=True),
    Target(
        name="service same list",
        command=gunicorn(_WORKERS_APP),
        cases=[SAME_LIST],
        environment=_ONE_PAGE,
        announces_limit=True,
    ),
    Target(
        name="service same list unchecked",
        command=gunicorn(_WORKERS_APP),
        cases=[SAME_LIST],
        environment={**_ONE_PAGE, "TBG_CONTRACT_RESPONSES": "off"},
        announces_limit=True,
    ),
    Target(
        name="service crud unchecked",
        command=gunicorn(_WORKERS_APP),
        cases=[POST, LIST],
        environment={"TBG_CONTRACT_RESPONSES": "off"},
        announces_limit=True,
    ),
    Target(name="fastapi crud", command=uvicorn(_FASTAPI_WORKERS), cases=[POST, LIST]),
    Target(name="fastapi same list", command=uvicorn(_FASTAPI_WORKERS), cases=[SAME_LIST], environment=_ONE_PAGE),
    _without("response checks", TBG_CONTRACT_RESPONSES="off"),
    _without("access log", TBG_LOG_LEVEL="WARNING"),
    _without("CORS", BENCH_WITHOUT="CorsMiddleware"),
    _without("request id", BENCH_WITHOUT="RequestIdMiddleware"),
    _without("rate limit", BENCH_WITHOUT="RateLimitMiddleware"),
    _without("bounded protocol", arguments=["-k", "benchmarks.load.stages.StockWorker"]),
    _several(2),
    _several(4),
    Target(
        name="service many clients",
        command=gunicorn(),
        cases=[CLIENTS],
        environment={"TBG_TRUSTED_PROXIES": '["127.0.0.1/32"]'},
    ),
    Target(
        name="service slow log", command=gunicorn(), cases=[SLOW_LOG], log_bytes_per_second=20_000, announces_limit=True
    ),
    Target(
        name="fastapi plain pool",
        command=uvicorn(_FASTAPI),
        cases=[VERSION],
        environment={"BENCH_POOL": "plain"},
        is_default=False,  # it may answer 500, which is an error
    ),
]
