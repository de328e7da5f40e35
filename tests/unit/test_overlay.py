"""`docker-compose.api.yml` over stacks of other people: without an `api`, and with one that is quite different.

Each is merged by the rules that compose documents, and by compose itself where one is installed.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tbg.config import unknown_variables
from tests.support import compose
from tests.support.compose import File
from tests.support.environments import ROOT

Merge = Callable[..., File]

OURS = ROOT / "docker-compose.api.yml"
COMPOSE = compose.installed()

DATABASES: File = {
    "timescaledb": {
        "image": "timescale/timescaledb:latest-pg16",
        "container_name": "tbg-db",
        "environment": {"POSTGRES_USER": "tbg", "POSTGRES_PASSWORD": "tbgdev2026", "POSTGRES_DB": "thebitcoingame"},
        "ports": ["5432:5432"],
        "volumes": [
            "timescaledb-data:/var/lib/postgresql/data",
            "./init.sql:/docker-entrypoint-initdb.d/init.sql:ro",
        ],
        "healthcheck": {
            "test": ["CMD-SHELL", "pg_isready -U tbg -d thebitcoingame"],
            "interval": "5s",
            "timeout": "3s",
            "retries": 10,
        },
        "restart": "unless-stopped",
    },
    "redis": {
        "image": "redis:7-alpine",
        "command": "redis-server --appendonly yes --maxmemory 256mb --maxmemory-policy allkeys-lru",
        "ports": ["6379:6379"],
        "volumes": ["redis-data:/data"],
        "healthcheck": {"test": ["CMD", "redis-cli", "ping"], "interval": "5s", "timeout": "3s", "retries": 10},
        "restart": "unless-stopped",
    },
}

# All that an `api` may have that was made for its own program.
ANOTHER_API: File = {
    "build": {"context": "./api", "dockerfile": "Dockerfile.dev", "target": "dev", "args": {"EXTRAS": "dev"}},
    "image": "another-api",
    "command": ["uvicorn", "main:app", "--reload"],
    "entrypoint": ["/entry.sh"],
    "user": "1000:1000",
    "working_dir": "/code",
    "environment": {"TBG_DATABASE_URL": "postgresql://other", "TBG_JWT_SECRET": "x", "TBG_LOG_LEVEL": "INFO"},
    "env_file": [".env.api"],
    "ports": ["8000:8000", "8001:8001"],
    "volumes": ["./api/src:/app/src", "cache:/cache"],
    "depends_on": ["timescaledb", "redis"],
    "networks": ["default", "web"],
    "labels": {"proxy.host": "api.example.com"},
    "logging": {"driver": "gelf", "options": {"gelf-address": "udp://127.0.0.1:12201"}},
    "healthcheck": {"test": ["CMD", "python", "-c", "import httpx"], "interval": "10s"},
    "restart": "always",
}


@pytest.fixture(params=["by the rules", *(["by compose"] if COMPOSE else [])])
def merge(request: pytest.FixtureRequest) -> Merge:
    if request.param == "by the rules":
        return compose.merge_by_rules
    return lambda *paths: compose.merge_by_compose(COMPOSE or [], *paths)


@pytest.fixture(params=[None, ANOTHER_API], ids=["without an api", "with another api"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A stack's own file, beside what it names."""
    services = DATABASES | ({"api": request.param} if request.param else {})
    path = tmp_path / "docker-compose.yml"
    content = {
        "name": "thebitcoingame",
        "services": services,
        "networks": {"web": {}},
        "volumes": {"timescaledb-data": {}, "redis-data": {}, "cache": {}},
    }
    path.write_text(yaml.safe_dump(content))
    (tmp_path / ".env.api").touch()
    return path


def ports(service: File) -> list[tuple[str, str]]:
    """Return where and what a service publishes, from the short form or compose's own."""
    published = []
    for port in service.get("ports", []):
        if isinstance(port, str):
            host, _, inner = port.rpartition(":")
            published.append((host, inner))
        else:
            host = ":".join(filter(None, (port.get("host_ip"), port["published"])))
            published.append((host, str(port["target"])))
    return published


def relevant(service: File) -> File:
    """Return what must be the same whatever lies under it."""
    leave_out = {"networks", "labels", "ports", "depends_on", "build"}
    return {key: value for key, value in service.items() if key not in leave_out and value is not None}


def test_the_api_is_the_same_over_every_stack(merge: Merge, stack: Path) -> None:
    alone, over = merge(OURS)["services"]["api"], merge(stack, OURS)["services"]["api"]

    assert relevant(over) == relevant(alone)
    assert ports(over) == ports(alone) == [("127.0.0.1:8000", "8000")]
    for key in ("volumes", "healthcheck", "entrypoint", "user", "working_dir", "env_file"):
        assert not over.get(key), f"{key} was made for another program"
    assert {key for key, value in over["build"].items() if value} <= {"context", "dockerfile"}
    assert over["build"].get("dockerfile", "Dockerfile") == "Dockerfile"
    assert unknown_variables(over["environment"]) == []
    assert over["command"] == ["tbg", "serve"]
    assert over["init"] is True


def test_it_waits_for_its_migrations(merge: Merge, stack: Path) -> None:
    services = merge(stack, OURS)["services"]

    conditions = {name: each["condition"] for name, each in services["api"]["depends_on"].items()}
    assert conditions == {
        "api-migrate": "service_completed_successfully",
        "redis": "service_healthy",
        "timescaledb": "service_healthy",
    }
    migrate = services["api-migrate"]
    assert migrate["command"][:2] == ["tbg", "migrate"]
    assert "--allow-newer" in migrate["command"], "so that a rollback starts"
    assert "--wait" in migrate["command"]
    assert migrate["environment"] == services["api"]["environment"]


def test_what_belongs_to_the_stack_stays(merge: Merge, stack: Path) -> None:
    before, after = merge(stack), merge(stack, OURS)

    for name in DATABASES:
        assert after["services"][name] == before["services"][name], "its container would be made anew"
    assert after["name"] == before["name"]
    assert {"timescaledb-data", "redis-data"} <= after["volumes"].keys() <= before["volumes"].keys() | {"cache"}
    if "api" in before["services"]:
        theirs, ours = before["services"]["api"], after["services"]["api"]
        assert {key: ours.get(key) for key in ("networks", "labels")} == {
            key: theirs.get(key) for key in ("networks", "labels")
        }


@pytest.mark.parametrize("password", ["p@ss/w:rd", "a?b#c%40", "ünïcode€"])
def test_a_password_may_have_any_letters(password: str) -> None:
    """Inside a URL it would have to be encoded, which compose cannot do."""
    services = compose.read_alone(OURS, {"TBG_DB_PASSWORD": password})["services"]

    assert services["timescaledb"]["environment"]["POSTGRES_PASSWORD"] == password
    for name in ("api", "api-migrate"):
        environment = services[name]["environment"]
        assert environment["PGPASSWORD"] == password
        assert password not in environment["TBG_DATABASE_URL"]
