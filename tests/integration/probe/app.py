"""The service with a feature that misbehaves on request.

    gunicorn -c gunicorn.conf.py 'tests.integration.probe.app:create_app()'

Only the contract and the features differ from production.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Literal

import attrs
import falcon
import structlog
from falcon.asgi import SSEvent
from sqlalchemy import text

from tbg.app import App, build_app
from tbg.config import Settings
from tbg.context import Request, Response
from tbg.contract import Contract, UploadedFile
from tbg.database import Database
from tbg.errors import DomainError
from tbg.feature import Feature
from tbg.infrastructure import Infrastructure
from tbg.logs import configure_logging

CONTRACT = Path(__file__).with_name("openapi.yaml")
APP = "tests.integration.probe.app:create_app()"
SECRET = "s3cret-payload"


class NotAllowedError(DomainError):
    """Something this feature refuses."""


class _Dressed:
    """A resource whose responses carry what only a success may carry."""

    def dress(self, resp: Response) -> None:
        resp.set_cookie("session", SECRET)
        resp.set_header("Location", f"/{SECRET}")
        resp.set_header("X-Internal", SECRET)
        resp.etag = SECRET
        resp.media = {"answer": 1}


class Crash(_Dressed):
    async def on_get(self, _req: Request, resp: Response) -> None:
        self.dress(resp)
        raise RuntimeError(SECRET)


class Refuse(_Dressed):
    async def on_get(self, _req: Request, resp: Response) -> None:
        self.dress(resp)
        raise NotAllowedError("That is not allowed today")


class Fine:
    async def on_get(self, _req: Request, resp: Response) -> None:
        resp.media = {"answer": 1}


class Slow:
    async def on_get(self, _req: Request, resp: Response) -> None:
        await asyncio.sleep(1)
        resp.media = {"answer": 1}


class Breach(_Dressed):
    async def on_get(self, _req: Request, resp: Response) -> None:
        self.dress(resp)
        resp.media = {"answer": SECRET}


class Undocumented:
    async def on_get(self, _req: Request, resp: Response) -> None:
        resp.status = 202
        resp.media = {"answer": 1}


class Unrenderable:
    async def on_get(self, _req: Request, resp: Response) -> None:
        resp.media = {"answer": object()}


class BrokenHandlerError(Exception):
    """An error whose handler is broken, in one of several ways."""


async def handle_badly(_req: Request, resp: Response, error: Exception, _params: object) -> None:
    match str(error):
        case "raises":
            raise KeyError(SECRET)
        case "raises a wrong error":
            raise falcon.HTTPError(409, headers={"Set-Cookie": SECRET})
        case "raises no status":
            raise falcon.HTTPError(99)
        case "answers what cannot be written":
            resp.media = {"answer": object()}
        case "sets a wrong header":
            resp.set_header("X-Documented", f"{SECRET}\r\n")
            resp.media = {"answer": 1}


async def _numbers() -> AsyncIterator[bytes]:
    yield b"1"


# By name, what is done to a response that is fine.
WRONGS: dict[str, Callable[[Response], object]] = {
    "not Latin-1": lambda resp: resp.set_header("X-Documented", f"{SECRET}€"),
    "line break": lambda resp: resp.set_header("X-Documented", f"{SECRET}\r\nX-Injected: 1"),
    "line feed": lambda resp: resp.append_header("Location", f"/{SECRET}\n"),
    "NUL": lambda resp: resp.set_header("X-Documented", f"{SECRET}\x00"),
    "wrong name": lambda resp: resp.set_header("X Made Up", SECRET),
    "name with a line break": lambda resp: resp.set_header("X-A\r\nX-Injected", SECRET),
    "Set-Cookie": lambda resp: resp.append_header("Set-Cookie", f"a={SECRET}\r\nX-Injected: 1"),
    "cookie": lambda resp: resp.set_cookie("a", SECRET, path="/\r\nX-Injected: 1"),
    "content type": lambda resp: setattr(resp, "content_type", f"text/{SECRET}\r\n"),
    "request id": lambda resp: resp.set_header("X-Request-Id", f"{SECRET}\r\n"),
    "origin": lambda resp: resp.set_header("Access-Control-Allow-Origin", f"{SECRET}\r\n"),
    "framing": lambda resp: resp.set_header("Transfer-Encoding", "chunked"),
    "status 99": lambda resp: setattr(resp, "status", 99),
    "status 101": lambda resp: setattr(resp, "status", 101),
    "status 1000": lambda resp: setattr(resp, "status", 1000),
    "status abc": lambda resp: setattr(resp, "status", "abc"),
    "data": lambda resp: setattr(resp, "data", SECRET),
    "stream": lambda resp: setattr(resp, "stream", _numbers),
    "events": lambda resp: setattr(resp, "sse", _numbers),
    "media": lambda resp: setattr(resp, "content_type", "image/png"),
    "status of a helper": lambda resp: setattr(resp, "status_code", 0),
}
BROKEN_HANDLERS = (
    "raises",
    "raises a wrong error",
    "raises no status",
    "answers what cannot be written",
    "sets a wrong header",
)


class Wrong:
    async def on_get(self, req: Request, resp: Response) -> None:
        case = req.get_header("X-Case", required=True)
        resp.media = {"answer": 1}
        if case in BROKEN_HANDLERS:
            raise BrokenHandlerError(case)
        WRONGS[case](resp)


class Cached:
    async def on_get(self, _req: Request, resp: Response) -> None:
        resp.cache_control = ["public", "max-age=60"]
        resp.media = {"answer": 1}


class Query:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def on_get(self, _req: Request, _resp: Response) -> None:
        async with self._database.transaction() as session:
            await session.execute(text("SELECT 1 / (length(:secret) - length(:secret))"), {"secret": SECRET})


class Sleep:
    """Takes a while, inside a statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def on_get(self, req: Request, resp: Response) -> None:
        async with self._database.read() as session:
            await session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": req.context.call.values["seconds"]})
        resp.media = {"answer": 1}


class Stream:
    async def on_get(self, _req: Request, resp: Response) -> None:
        resp.content_type = "application/json"
        resp.stream = self._numbers()

    async def _numbers(self) -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"1" * 10_000
            await asyncio.sleep(0.01)


class Read:
    """Answers with what it was asked."""

    async def on_get(self, req: Request, resp: Response, class_: list[str], report_format: list[str]) -> None:
        resp.media = {**req.context.call.values, "arguments": [class_, report_format]}


class Rows:
    """Streams what keeps the contract, and then what does not."""

    async def on_get(self, req: Request, resp: Response) -> None:
        if req.context.call.values["kind"] == "events":
            resp.sse = self._events()
        else:
            resp.content_type = "application/jsonl"
            resp.stream = self._lines()

    async def _events(self) -> AsyncIterator[SSEvent]:
        async for line in self._lines():
            yield SSEvent(data=line.rstrip())

    async def _lines(self) -> AsyncIterator[bytes]:
        yield b'{"id": 1}\n'
        yield f'{{"id": "{SECRET}"}}\n'.encode()


class Endless:
    """Streams inside a database session, and never ends by itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def on_get(self, req: Request, resp: Response) -> None:
        pause: Any = req.context.call.values["pause"]
        if req.context.call.values["kind"] == "events":
            resp.sse = self._events(pause)
        else:
            resp.content_type = "application/json"
            resp.stream = self._pieces(pause)

    async def _events(self, pause: float) -> AsyncIterator[SSEvent]:
        async for piece in self._pieces(pause):
            yield SSEvent(data=piece)

    async def _pieces(self, pause: float) -> AsyncIterator[bytes]:
        async with self._database.read() as session:
            while True:
                await session.execute(text("SELECT 1"))
                yield b"1" * 50_000
                await asyncio.sleep(pause)


class Log:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def on_get(self, _req: Request, resp: Response) -> None:
        structlog.stdlib.get_logger("probe").warning(
            "probe.leak", database=str(self._settings.database_url), redis=str(self._settings.redis_url)
        )
        resp.media = {"answer": os.getpid()}


@attrs.frozen
class Note:
    text: str
    fail: Literal["bug", "domain"] | None = None


class Notes:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def on_get(self, _req: Request, resp: Response) -> None:
        async with self._database.read() as session:
            resp.media = {"answer": await session.scalar(text("SELECT count(*) FROM notes"))}

    async def on_post(self, req: Request, resp: Response) -> None:
        note = req.context.call.body(Note)
        async with self._database.transaction() as session:
            await session.execute(text("INSERT INTO notes VALUES (:text)"), {"text": note.text})
            if note.fail == "bug":
                raise RuntimeError("after writing")
            if note.fail == "domain":
                raise NotAllowedError("After writing")
        resp.media = {"answer": len(note.text)}


@attrs.frozen
class UploadForm:
    file: UploadedFile


@attrs.frozen
class UploadQuery:
    slowly: bool


class Upload:
    async def on_post(self, req: Request, resp: Response) -> None:
        call = req.context.call
        file = call.body(UploadForm).file

        async def count() -> AsyncIterator[bytes]:
            await asyncio.sleep(1)
            yield b'{"answer": %d}' % len(file.read())

        if call.parameters(UploadQuery).slowly:
            resp.stream = count()
            resp.content_type = falcon.MEDIA_JSON
        else:
            resp.media = {"answer": len(file.read())}


class EmptyNotes:
    """Falcon middleware that makes an empty table at start-up; workers come one after the other."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def process_startup(self, _scope: object, _event: object) -> None:
        async with self._database.transaction() as session:
            await session.execute(text("SELECT pg_advisory_xact_lock(1)"))
            await session.execute(text("CREATE TABLE IF NOT EXISTS notes (content text)"))
            await session.execute(text("TRUNCATE notes"))


def feature(infrastructure: Infrastructure) -> Feature:
    database = infrastructure.database
    return Feature(
        resources={
            "/probe/crash": Crash(),
            "/probe/refuse": Refuse(),
            "/probe/slow": Slow(),
            "/probe/breach": Breach(),
            "/probe/undocumented": Undocumented(),
            "/probe/unrenderable": Unrenderable(),
            "/probe/query": Query(database),
            "/probe/sleep": Sleep(database),
            "/probe/rows": Rows(),
            "/probe/stream": Stream(),
            "/probe/endless": Endless(database),
            "/probe/log": Log(infrastructure.settings),
            "/probe/notes": Notes(database),
            "/probe/upload": Upload(),
            "/probe/wrong": Wrong(),
            "/probe/cached": Cached(),
            "/probe/account": Fine(),
            "/probe/shadow": Fine(),
            "/probe/strict": Fine(),
            "/probe/read/{class}/{report-format}": Read(),
        },
        errors={NotAllowedError: 409},
        scopes={"api_key": lambda req: req.get_header("X-Api-Key")},
    )


def build(infrastructure: Infrastructure, contract: Contract | None = None) -> App:
    app = build_app(infrastructure, contract or Contract.load(CONTRACT), [feature])
    app.add_middleware(EmptyNotes(infrastructure.database))
    app.add_error_handler(BrokenHandlerError, handle_badly)
    return app


def create_app() -> App:
    """Build the service that the environment describes."""
    settings = Settings.load()
    configure_logging(settings)
    return build(Infrastructure.from_settings(settings))
