"""A responder that no request could be answered by stops the boot, with its file and line and what to write."""

import functools
import re
from pathlib import Path
from typing import Any

import falcon
import falcon.asgi
import pytest

from tbg.contract import Contract, MismatchError, Router, mount
from tests.unit.contract.support import Document, document, load, operation

WORKER: Document = {"name": "worker_id", "in": "path", "required": True, "schema": {"type": "string"}}
PATH = "/workers/{worker_id}"
PLACE = r"\(tests/unit/contract/test_responders\.py:\d+\)"


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return load(tmp_path, document({PATH: {"get": operation(parameters=[WORKER])}}))


def findings(contract: Contract, resource: object, path: Any = PATH) -> list[str]:  # noqa: ANN401 - also no path
    with pytest.raises(MismatchError) as raised:
        mount(falcon.asgi.App(router=Router()), contract, {path: resource})
    return list(raised.value.findings)


class Sync:
    def on_get(self, req: object, resp: object, worker_id: str) -> None: ...


class Generator:
    async def on_get(self, _req: object, _resp: object, worker_id: str) -> Any:  # noqa: ANN401 - a mistake
        yield worker_id


class WithoutParameter:
    async def on_get(self, req: object, resp: object) -> None: ...


class OtherParameter:
    async def on_get(self, req: object, resp: object, worker: str) -> None: ...


class WithoutResponse:
    async def on_get(self, req: object, worker_id: str) -> None: ...


class WithoutSelf:
    async def on_get(req: object, resp: object, worker_id: str) -> None: ...  # noqa: N805 - a mistake


class TooMany:
    async def on_get(self, req: object, resp: object, worker_id: str, more: str) -> None: ...


@pytest.mark.parametrize(
    ("resource", "problem"),
    [
        (Sync(), "must be an async function: write `async def on_get`"),
        (Generator(), "must be an async function: write `async def on_get`"),
        (WithoutParameter(), "cannot be called, got an unexpected keyword argument 'worker_id': write"),
        (OtherParameter(), "cannot be called, missing a required argument: 'worker': write"),
        (WithoutResponse(), "cannot be called, multiple values for argument 'worker_id': write"),
        (WithoutSelf(), "cannot be called, multiple values for argument 'worker_id': write"),
        (TooMany(), "cannot be called, missing a required argument: 'more': write"),
    ],
)
def test_a_responder_that_cannot_be_called_is_named(contract: Contract, resource: object, problem: str) -> None:
    (finding,) = findings(contract, resource)

    assert re.match(rf"GET /workers/\{{worker_id\}}: \w+\.on_get {PLACE} ", finding), finding
    assert problem in finding
    if "cannot be called" in finding:
        assert finding.endswith("write `async def on_get(self, req, resp, worker_id)`")


class Misspelt:
    async def on_gett(self, req: object, resp: object, worker_id: str) -> None: ...


class UpperCase:
    async def on_GET(self, req: object, resp: object, worker_id: str) -> None: ...  # noqa: N802 - a mistake


class Suffixed:
    async def on_get_worker(self, req: object, resp: object, worker_id: str) -> None: ...


@pytest.mark.parametrize("resource", [Misspelt(), UpperCase(), Suffixed()])
def test_a_misspelt_responder_is_named_once(contract: Contract, resource: object) -> None:
    (finding,) = findings(contract, resource)

    name = next(name for name in dir(type(resource)) if name.startswith("on_"))
    assert re.fullmatch(
        rf"/workers/\{{worker_id\}}: \w+\.{name} {PLACE} answers no method: did you mean on_get\?", finding
    ), finding


class Empty:
    on_startup = None


@pytest.mark.parametrize("resource", [Empty(), None, "Worker", {"on_get": print}, print])
def test_what_is_no_resource_is_named(contract: Contract, resource: object) -> None:
    found = findings(contract, resource)

    assert "is no resource: it has neither on_get nor another responder" in found[0]


def test_a_class_is_no_resource(contract: Contract) -> None:
    (finding,) = findings(contract, OtherParameter)

    assert re.fullmatch(
        rf"/workers/\{{worker_id\}}: OtherParameter {PLACE} is a class: write OtherParameter\(…\), an instance of it",
        finding,
    )


def test_a_path_is_text(contract: Contract) -> None:
    assert findings(contract, OtherParameter(), 7)[0].startswith("'7': a feature's resources stand by path")


# What is fine.


class Plain:
    async def on_get(self, req: object, resp: object, worker_id: str) -> None: ...


class Keywords:
    async def on_get(self, _req: object, _resp: object, **_: object) -> None: ...


class Defaults:
    async def on_get(self, req: object, resp: object, *, worker_id: str, more: str = "") -> None: ...


async def before(_req: object, _resp: object, _resource: object, _params: object) -> None:
    """Do nothing."""


class Hooked:
    @falcon.before(before)
    async def on_get(self, req: object, resp: object, worker_id: str) -> None: ...


class Helped:
    """What begins like a responder, but is none by far."""

    async def on_get(self, req: object, resp: object, worker_id: str) -> None: ...

    def on_worker_found(self) -> None: ...


def partial() -> object:
    resource: Any = Empty()
    resource.on_get = functools.partial(Plain.on_get, resource)
    return resource


@pytest.mark.parametrize("resource", [Plain(), Keywords(), Defaults(), Hooked(), Helped(), partial()])
def test_what_can_be_called_starts(contract: Contract, resource: object) -> None:
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App(router=Router())

    mount(app, contract, {PATH: resource})

    assert app._router.find("/workers/7") is not None
