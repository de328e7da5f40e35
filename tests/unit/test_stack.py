"""The Dockerfile, the compose file and the workflow agree with the service, and with the stack they run in."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tbg.config import Settings, unknown_variables
from tests.support.compose import read_alone

ROOT = Path(__file__).parents[2]
PYTHON_VERSION = (ROOT / ".python-version").read_text().strip()

# What the stack's own file says of the two services that both files define.
STACK: dict[str, dict[str, Any]] = {
    "timescaledb": {
        "image": "timescale/timescaledb:latest-pg16",
        "environment": {"POSTGRES_USER": "tbg", "POSTGRES_PASSWORD": "tbgdev2026", "POSTGRES_DB": "thebitcoingame"},
        "volumes": ["timescaledb-data:/var/lib/postgresql/data"],
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
        "volumes": ["redis-data:/data"],
        "healthcheck": {"test": ["CMD", "redis-cli", "ping"], "interval": "5s", "timeout": "3s", "retries": 10},
        "restart": "unless-stopped",
    },
}


def read_yaml(name: str) -> dict[str, Any]:
    """Return the file with every ``${NAME:-default}`` replaced by its default."""
    return read_alone(ROOT / name)


@pytest.fixture
def compose() -> dict[str, Any]:
    return read_yaml("docker-compose.api.yml")


@pytest.fixture
def dockerfile() -> str:
    """The Dockerfile with its continued lines joined."""
    return (ROOT / "Dockerfile").read_text().replace("\\\n", "")


def copied(dockerfile: str) -> list[str]:
    """Return what the Dockerfile copies from the checkout."""
    return [
        source for line in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE) for source in line.split()
    ]


@pytest.mark.parametrize("service", STACK)
def test_overlay_changes_nothing_in_the_stack(compose: dict[str, Any], service: str) -> None:
    """In an overlay this file wins: another volume would start the stack on an empty database."""
    ours = compose["services"][service]

    assert ours == {key: STACK[service].get(key, "not in the stack's file") for key in ours}


def test_overlay_keeps_the_project_and_its_containers(compose: dict[str, Any]) -> None:
    """A project name here would replace the stack's, and with it the names of its volumes."""
    assert "name" not in compose
    assert not [name for name, service in compose["services"].items() if "container_name" in service]


def test_ports_are_published_to_this_machine_only(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}

    assert published == {"api": ["127.0.0.1:8000:8000"]}


def test_compose_sets_only_variables_that_the_service_reads(compose: dict[str, Any]) -> None:
    assert unknown_variables(compose["services"]["api"]["environment"]) == []


def test_docker_waits_longer_than_gunicorn_for_requests_in_flight(compose: dict[str, Any]) -> None:
    grace_seconds = int(compose["services"]["api"]["stop_grace_period"].removesuffix("s"))

    assert grace_seconds > Settings().graceful_timeout_seconds


def test_one_version_of_everything(compose: dict[str, Any], dockerfile: str) -> None:
    """What CI tests is what the image and the stack run."""
    jobs = read_yaml(".github/workflows/api-ci.yml")["jobs"]

    assert {name: service["image"] for name, service in jobs["services"]["services"].items()} == {
        name: compose["services"][name]["image"] for name in STACK
    }
    assert f"ARG PYTHON_IMAGE=python:{PYTHON_VERSION}-slim" in dockerfile
    assert jobs["test"]["strategy"]["matrix"]["python"][0] == PYTHON_VERSION


def test_build_context_is_what_the_image_copies(dockerfile: str) -> None:
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)

    assert sorted(allowed) == sorted(copied(dockerfile))


def test_image_holds_every_file_that_the_service_reads(dockerfile: str, tmp_path: Path) -> None:
    for source in copied(dockerfile):
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / source, tmp_path / source)

    check = subprocess.run(
        [sys.executable, "-m", "tbg", "check"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert check.returncode == 0, check.stdout + check.stderr


class Health(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_health_check_of_the_image(
    dockerfile: str, server: HTTPServer, monkeypatch: pytest.MonkeyPatch, status: int, *, healthy: bool
) -> None:
    monkeypatch.setattr(Health, "status", status)
    command = json.loads(re.findall(r"^HEALTHCHECK .* CMD (.+)$", dockerfile, re.MULTILINE)[0])
    # A proxy of the container's environment must not be asked.
    environment = {
        "TBG_PORT": str(server.server_port),
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }

    check = subprocess.run(
        [sys.executable, *command[1:]], env=environment, capture_output=True, check=False, timeout=30
    )

    assert (check.returncode == 0) is healthy, check.stderr
