"""The root contract, changed by one thing: the service does not start, or the answer becomes a logged 500."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from falcon.testing import ASGIConductor

from tbg.app import App, build_app
from tbg.config import PROJECT_ROOT, Settings
from tbg.contract import Contract, ContractError
from tbg.features import FEATURES
from tbg.infrastructure import Infrastructure
from tbg.logs import configure_logging
from tests.conftest import Logged

Document = dict[str, Any]
Mutation = Callable[[Document], None]

ROOT: Document = yaml.safe_load((PROJECT_ROOT / "openapi.yaml").read_text())
PATHS = ["/health", "/ready", "/version", "/openapi.yaml", "/openapi.json"]


def schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


def without_path(path: str) -> Mutation:
    return lambda document: document["paths"].pop(path)


def with_method(path: str, method: str) -> Mutation:
    def mutate(document: Document) -> None:
        operation = copy.deepcopy(document["paths"][path]["get"])
        operation["operationId"] = f"another{method.title()}"
        document["paths"][path][method] = operation

    return mutate


def with_path(document: Document) -> None:
    item = copy.deepcopy(document["paths"]["/health"])
    item["get"]["operationId"] = "getSomethingElse"
    document["paths"]["/something-else"] = item


def moved(document: Document) -> None:
    document["paths"]["/v1/health"] = document["paths"].pop("/health")


def without_status(path: str, status: str) -> Mutation:
    return lambda document: document["paths"][path]["get"]["responses"].pop(status)


def without_problem(document: Document) -> None:
    document["components"]["responses"]["InternalServerError"]["content"].pop("application/problem+json")


def limited(document: Document) -> None:
    document["paths"]["/health"]["get"].pop("x-rate-limit")


BOOT: dict[str, tuple[Mutation, str]] = {
    **{f"{path} removed": (without_path(path), f"GET {path}: served by") for path in PATHS},
    "a path added": (with_path, "GET /something-else: promised as 'getSomethingElse'"),
    "a path moved": (moved, "GET /v1/health: promised as 'getHealth'"),
    "POST added": (with_method("/health", "post"), "POST /health: promised as 'anotherPost'"),
    "DELETE added": (with_method("/version", "delete"), "DELETE /version: promised as 'anotherDelete'"),
    "500 removed": (without_status("/health", "500"), "GET /health: can answer 500, which is not documented"),
    "429 removed": (without_status("/version", "429"), "GET /version: can answer 429, which is not documented"),
    "an exemption removed": (limited, "GET /health: can answer 429, which is not documented"),
    "a media type removed": (without_problem, "must offer application/problem+json"),
    "the paths removed": (lambda document: document.update(paths={}), "served by"),
    "a name given twice": (
        lambda document: document["paths"]["/health"]["get"].update(operationId="getVersion"),
        "getVersion",
    ),
    "a broken reference": (
        lambda document: document["components"]["schemas"].pop("Health"),
        "Health",
    ),
    "another version of OpenAPI": (lambda document: document.update(openapi="3.0.3"), "3.1"),
    "no description of a response": (
        lambda document: document["paths"]["/health"]["get"]["responses"]["200"].pop("description"),
        "description",
    ),
    "a type that is none": (lambda document: schema(document, "Version").update(type="objekt"), "objekt"),
}


def retyped(name: str, key: str) -> Mutation:
    def mutate(document: Document) -> None:
        schema(document, name)["properties"][key] = {"description": "Changed.", "type": "integer"}

    return mutate


def requiring(name: str) -> Mutation:
    return lambda document: schema(document, name)["required"].append("another")


def header(name: str, **changes: object) -> Mutation:
    return lambda document: document["components"]["headers"][name].update(changes)


def with_required_header(document: Document) -> None:
    headers = document["paths"]["/version"]["get"]["responses"]["200"]["headers"]
    headers["X-Another"] = {"description": "Another.", "required": True, "schema": {"type": "string"}}


def renamed_media_type(document: Document) -> None:
    content = document["paths"]["/version"]["get"]["responses"]["200"]["content"]
    content["application/vnd.tbg+json"] = content.pop("application/json")


RESPONSE: dict[str, tuple[Mutation, str, str]] = {
    "/health 200 removed": (without_status("/health", "200"), "/health", "status"),
    "/ready 200 removed": (without_status("/ready", "200"), "/ready", "status"),
    "/openapi.json 200 removed": (without_status("/openapi.json", "200"), "/openapi.json", "status"),
    "another constant": (
        lambda document: schema(document, "Health")["properties"]["status"].update(const="alive"),
        "/health",
        "body",
    ),
    "a status retyped": (retyped("Health", "status"), "/health", "body"),
    "a version retyped": (retyped("Version", "version"), "/version", "body"),
    "an environment retyped": (retyped("Version", "environment"), "/version", "body"),
    "checks retyped": (retyped("Readiness", "checks"), "/ready", "body"),
    "a property required of /health": (requiring("Health"), "/health", "body"),
    "a property required of /version": (requiring("Version"), "/version", "body"),
    "a property required of /ready": (requiring("Readiness"), "/ready", "body"),
    "a property required of /openapi.json": (requiring("Contract"), "/openapi.json", "body"),
    "a pattern narrowed": (
        lambda document: schema(document, "Version")["properties"]["environment"].update(pattern="^production$"),
        "/version",
        "body",
    ),
    "a media type renamed": (renamed_media_type, "/version", "media type"),
    "a header added": (with_required_header, "/version", "header X-Another"),
    "a header retyped": (header("XRequestId", schema={"type": "integer"}), "/health", "header X-Request-Id"),
    "a header narrowed": (
        header("XRateLimitLimit", schema={"type": "integer", "maximum": 99}),
        "/version",
        "header X-RateLimit-Limit",
    ),
    "an entity tag narrowed": (
        header("ETag", schema={"type": "string", "pattern": "^W/"}),
        "/openapi.yaml",
        "header ETag",
    ),
}


Start = Callable[[Mutation], App]


@pytest.fixture
def start(tmp_path: Path, infrastructure: Infrastructure) -> Start:
    """Build the service on the root contract with one mutation, as YAML that nobody wrote by hand."""

    def build(mutate: Mutation) -> App:
        document = copy.deepcopy(ROOT)
        mutate(document)
        path = tmp_path / "openapi.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return build_app(infrastructure, Contract.load(path), FEATURES)

    return build


async def test_unchanged_it_starts_and_answers(start: Start) -> None:
    async with ASGIConductor(start(lambda _: None)) as client:
        statuses = {path: (await client.simulate_get(path)).status_code for path in PATHS}

    assert statuses == dict.fromkeys(PATHS, 200)


@pytest.mark.parametrize(("mutate", "message"), BOOT.values(), ids=BOOT)
async def test_a_mutation_stops_the_boot(start: Start, mutate: Mutation, message: str) -> None:
    with pytest.raises(ContractError) as refused:
        start(mutate)

    assert message in str(refused.value)


@pytest.mark.parametrize(("mutate", "path", "part"), RESPONSE.values(), ids=RESPONSE)
async def test_a_mutation_becomes_a_logged_500(
    start: Start, logged: Logged, mutate: Mutation, path: str, part: str
) -> None:
    configure_logging(Settings())
    async with ASGIConductor(start(mutate)) as client:
        answer = await client.simulate_get(path)

    assert (answer.status_code, answer.json) == (500, {"detail": "Internal server error"})
    (breach,) = logged("contract.response_breach")
    assert breach["part"] == part
    assert breach["operation"] == ROOT["paths"][path]["get"]["operationId"]
