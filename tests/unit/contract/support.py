"""Small contracts and the smallest applications that serve them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import falcon
import falcon.asgi
import falcon.media
import msgspec
from falcon.testing import Result, TestClient

from tbg.contract import (
    Breach,
    Contract,
    ErrorSerializer,
    Limits,
    Mode,
    RequestContract,
    ResponseContract,
    Router,
    mount,
)

type Document = dict[str, Any]

LASTING = frozenset({"x-request-id", "access-control-allow-origin"})
ERROR_CONTENT: Document = {
    "application/json": {"schema": {"type": "object", "required": ["detail"]}},
    "application/problem+json": {"schema": {"type": "object", "required": ["detail", "status"]}},
}
ERRORS: Document = {"4XX": {"$ref": "#/components/responses/Error"}, "5XX": {"$ref": "#/components/responses/Error"}}


def operation(name: str = "act", *, responses: Document | None = None, **members: object) -> Document:
    """Return an operation that documents every error and, unless told otherwise, any JSON as its success."""
    success: Document = {"200": {"description": "Done.", "content": {"application/json": {}}}}
    return {"operationId": name, "responses": {**(responses or success), **ERRORS}, **members}


def body(schema: Document, media_type: str = "application/json", *, required: bool = True) -> Document:
    return {"required": required, "content": {media_type: {"schema": schema}}}


def document(paths: Document, *, components: Document | None = None, **members: object) -> Document:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Test", "version": "1"},
        "paths": paths,
        "components": {"responses": {"Error": {"description": "An error.", "content": ERROR_CONTENT}}}
        | (components or {}),
        **members,
    }


def load(folder: Path, content: Document | str, **files: str) -> Contract:
    """Load a contract from ``content`` and further files by name, dots written as two underscores."""
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    path = folder / "openapi.yaml"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return Contract.load(path)


Respond = Callable[[falcon.asgi.Request, falcon.asgi.Response], Awaitable[None]]


async def echo(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
    """Answer with what the responder was given."""
    call = req.context.call
    resp.media = {"values": dict(call.values), "media": call.media}


class Resource:
    """A resource that answers every given method in the same way, and remembers how it was called."""

    def __init__(self, respond: Respond = echo, methods: Iterable[str] = ("get",)) -> None:
        self.params: list[dict[str, Any]] = []
        self._respond = respond
        for method in methods:
            setattr(self, f"on_{method}", self._on)

    async def _on(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, **params: object) -> None:
        self.params.append(params)
        await self._respond(req, resp)


@attrs.frozen
class Service:
    """An application on a contract, its client, and the breaches it reported."""

    app: falcon.asgi.App[Any, Any]
    client: TestClient
    breaches: list[Breach]

    def send(self, method: str = "GET", path: str = "/act", **options: Any) -> Result:  # noqa: ANN401 - Falcon's
        return self.client.simulate_request(method, path, **options)


def serve(
    contract: Contract,
    resources: Mapping[str, object] | None = None,
    *,
    mode: Mode = "enforce",
    limits: Limits | None = None,
    middleware: Iterable[Any] = (),
) -> Service:
    """Build the application; without ``resources``, every operation echoes its call."""
    breaches: list[Breach] = []
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App(
        router=Router(),
        middleware=[
            ResponseContract(contract, mode=mode, report=breaches.append, lasting_headers=LASTING),
            *middleware,
            RequestContract(contract, limits or Limits()),
        ],
    )
    handler = falcon.media.JSONHandler(dumps=msgspec.json.encode, loads=msgspec.json.decode)
    app.resp_options.media_handlers[falcon.MEDIA_JSON] = handler
    app.set_error_serializer(ErrorSerializer(LASTING))
    mount(app, contract, resources if resources is not None else _echoes(contract))
    return Service(app, TestClient(app), breaches)


def _echoes(contract: Contract) -> dict[str, object]:
    methods: dict[str, list[str]] = {}
    for method, path in contract.operations:
        methods.setdefault(path, []).append(method.lower())
    return {path: Resource(methods=names) for path, names in methods.items()}


def respond(
    *,
    status: str | int = falcon.HTTP_200,
    headers: Mapping[str, str] | None = None,
    **attributes: object,
) -> Respond:
    """Return a responder that sets the given attributes of the response: ``media=…``, ``text=…``, ``data=…``."""

    async def answer(_req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.status = status
        resp.set_headers(dict(headers or {}))
        for name, value in attributes.items():
            setattr(resp, name, value)

    return answer


@attrs.define
class Wire:
    """One exchange spoken in raw ASGI: what the server sent, and how much it asked for."""

    sent: list[dict[str, Any]] = attrs.field(factory=list)
    receives: int = 0

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(event.get("body", b"") for event in self.sent[1:])


async def exchange(
    app: falcon.asgi.App[Any, Any],
    scope: Mapping[str, object],
    events: Iterable[Mapping[str, object]],
) -> Wire:
    """Speak ASGI with ``app``; after the last of ``events`` the client stays connected and says nothing."""
    wire, pending = Wire(), iter(events)

    async def receive() -> Mapping[str, object]:
        wire.receives += 1
        event = next(pending, None)
        if event is None:
            await asyncio.Event().wait()
        assert event is not None
        return event

    async def send(event: dict[str, Any]) -> None:
        wire.sent.append(event)

    async with asyncio.timeout(5):
        await app(http_scope(scope), receive, send)
    return wire


def http_scope(changes: Mapping[str, object]) -> dict[str, Any]:
    """Return the scope of ``POST /act``, with changes."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/act",
        "raw_path": b"/act",
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8000),
        **changes,
    }


def findings(result: Result) -> list[tuple[str, str, str]]:
    """Return where and which finding, of a 422."""
    assert result.status_code == 422, result.text
    return [(error["in"], error["pointer"], error["code"]) for error in result.json["errors"]]


def part(name: str, data: bytes | str, *headers: str, filename: str | None = None) -> bytes:
    """Return one part of a multipart body whose boundary is ``edge``."""
    called = "" if filename is None else f'; filename="{filename}"'
    head = [f'Content-Disposition: form-data; name="{name}"{called}', *headers, "", ""]
    return b"--edge\r\n" + "\r\n".join(head).encode() + (data if isinstance(data, bytes) else data.encode()) + b"\r\n"


def multipart(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--edge--\r\n"
