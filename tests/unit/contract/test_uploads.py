"""Files that clients send: what a responder gets, what they cost, and that nothing of them stays."""

import asyncio
import io
import resource
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import falcon
import falcon.asgi
import pytest

from tbg.contract import Limits, UploadedFile, UploadStorageError
from tbg.contract.uploads import IN_MEMORY, Disk, Spool
from tests.unit.contract.support import (
    Document,
    Resource,
    Respond,
    Service,
    Wire,
    document,
    exchange,
    findings,
    load,
    multipart,
    operation,
    part,
    serve,
)

MULTIPART = "multipart/form-data"
OCTETS = "application/octet-stream"
FILE: Document = {"type": "string", "format": "binary"}
FORM: Document = {
    "type": "object",
    "properties": {
        "file": FILE,
        "files": {"type": "array", "items": FILE},
        "short": {**FILE, "maxLength": 100_000},
        "long": {"contentMediaType": "image/png", "minLength": 200_000},
        "text": {**FILE, "pattern": "^a+$"},
        "label": {"type": "string"},
    },
}
LARGE = 3 * IN_MEMORY


@attrs.frozen
class Form:
    """What a responder asks for."""

    file: UploadedFile | None = None
    files: tuple[UploadedFile, ...] = ()
    short: bytes = b""
    long: bytes = b""
    text: bytes | None = None
    label: str = ""


class Kept:
    """Responds with nothing and keeps what it was given."""

    def __init__(self, look: Callable[[Any], object] = lambda call: call.body(Form)) -> None:
        self.seen: list[Any] = []
        self.calls: list[Any] = []
        self._look = look

    async def __call__(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        self.calls.append(req.context.call)
        self.seen.append(self._look(req.context.call))
        resp.media = {}

    def close(self) -> None:
        for call in self.calls:
            call.close()


@pytest.fixture
def kept() -> Iterator[Kept]:
    kept = Kept()
    yield kept
    kept.close()


def service(folder: Path, respond: Respond, limits: Limits | None = None) -> Service:
    content = {MULTIPART: {"schema": FORM}, OCTETS: {"schema": {**FILE, "maxLength": 10_000_000}}, "image/png": {}}
    act = operation(requestBody={"required": True, "content": content})
    limits = limits or Limits(body_bytes=2**30)
    return serve(load(folder, document({"/act": {"post": act}})), {"/act": Resource(respond, ["post"])}, limits=limits)


def send(tested: Service, *parts: bytes) -> Any:  # noqa: ANN401 - Falcon's result
    return tested.send("POST", body=multipart(*parts), headers={"Content-Type": f"{MULTIPART}; boundary=edge"})


def test_a_file_has_a_name_a_media_type_and_a_size(tmp_path: Path, kept: Kept) -> None:
    sent = part("file", b"\x89PNG", "Content-Type: image/png", filename="../größe.png")

    assert send(service(tmp_path, kept), sent).status_code == 200
    file = kept.seen[0].file
    assert (file.filename, file.content_type, file.size, file.read()) == ("../größe.png", "image/png", 4, b"\x89PNG")


def test_a_field_of_bytes_is_read_for_the_responder(tmp_path: Path, kept: Kept) -> None:
    send(service(tmp_path, kept), part("short", b"\x00\xff"), part("text", "aaa"), part("label", "é"))

    assert kept.seen == [Form(short=b"\x00\xff", text=b"aaa", label="é")]


def test_a_class_that_wants_a_file_where_the_contract_has_none_is_our_mistake(tmp_path: Path) -> None:
    @attrs.frozen
    class Wrong:
        label: UploadedFile

    async def ask(req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        with pytest.raises(TypeError, match="disagrees with the contract"):
            req.context.call.body(Wrong)

    assert send(service(tmp_path, ask), part("label", "a")).status_code == 200


@pytest.mark.parametrize("size", [0, 1, IN_MEMORY - 1, IN_MEMORY, IN_MEMORY + 1, LARGE])
def test_files_of_any_size_are_what_was_sent(tmp_path: Path, kept: Kept, size: int) -> None:
    datas = [bytes([number]) * size for number in (1, 2, 3)]
    send(service(tmp_path, kept), *(part("files", data) for data in datas), part("label", "a"))

    assert [file.read() for file in kept.seen[0].files] == datas
    assert [file.size for file in kept.seen[0].files] == [size] * 3


@pytest.mark.parametrize("size", [100, LARGE])
def test_a_file_can_be_read_like_any_other(tmp_path: Path, kept: Kept, size: int) -> None:
    data = b"line\n" * (size // 5)
    send(service(tmp_path, kept), part("files", b"before"), part("file", data), part("files", b"behind"))
    first, second = kept.seen[0].file.open(), kept.seen[0].file.open()

    assert first.read(4) == b"line"
    assert second.readline() == b"line\n"
    assert (first.tell(), first.seek(-5, io.SEEK_END), first.read(), first.read()) == (4, len(data) - 5, b"line\n", b"")
    assert sum(1 for _ in second) == size // 5 - 1
    with pytest.raises(ValueError, match="negative"):
        first.raw.seek(-1)
    first.close()
    assert second.seek(0) == 0


def test_a_binary_body_is_a_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    for content_type in (OCTETS, "image/png"):
        kept = Kept(lambda call: (call.body(UploadedFile), call.body(bytes)))
        tested = service(tmp_path, kept)

        assert tested.send("POST", body=data, headers={"Content-Type": content_type}).status_code == 200
        file, read = kept.seen[0]
        assert (file.filename, file.content_type, file.size, file.read(), read) == (
            None,
            content_type,
            len(data),
            data,
            data,
        )
        kept.close()


# What the schema is asked.


@pytest.mark.parametrize(
    ("sent", "finding"),
    [
        (part("short", b"x" * 100_000), None),
        (part("short", b"x" * 100_001), ("/short", "maxLength")),
        (part("long", b"\xff" * 200_000), None),
        (part("long", b"\xff" * 199_999), ("/long", "minLength")),
        (part("text", b"a" * 100_000), None),
        (part("text", b"a" * 100_000 + b"b"), ("/text", "pattern")),
    ],
)
def test_a_file_is_judged_by_its_size_or_its_bytes(
    tmp_path: Path, kept: Kept, sent: bytes, finding: tuple[str, str] | None
) -> None:
    """OpenAPI 3.1.1, section 4.8.14: the length of binary data is its number of bytes."""
    result = send(service(tmp_path, kept), sent)

    assert result.status_code == 200 if finding is None else findings(result) == [("body", *finding)]


def test_a_binary_body_is_judged_by_its_size(tmp_path: Path, kept: Kept) -> None:
    result = service(tmp_path, kept).send("POST", body=b"x" * 10_000_001, headers={"Content-Type": OCTETS})

    assert findings(result) == [("body", "", "maxLength")]


# What it costs.


async def upload(tested: Service, pieces: Iterator[bytes], *, then: str = "http.request") -> Wire:
    """Send a multipart body in pieces; ``then`` is the last event."""
    events = ({"type": "http.request", "body": piece, "more_body": True} for piece in pieces)
    headers = [(b"content-type", f"{MULTIPART}; boundary=edge".encode()), (b"transfer-encoding", b"chunked")]
    return await exchange(tested.app, {"headers": headers}, (*events, {"type": then}))


def pieces(name: str, size: int, end: bytes = b"\r\n--edge--") -> Iterator[bytes]:
    yield part(name, b"").removesuffix(b"\r\n")
    data = b"x" * 65536
    for _ in range(size // len(data)):
        yield data
    yield end


def test_a_large_file_is_not_kept_in_memory(tmp_path: Path) -> None:
    megabytes = 32
    kept = Kept(lambda call: call.body(Form).file.size)
    tested = service(tmp_path, kept)
    asyncio.run(upload(tested, pieces("file", 2**20)))  # what is made once is made now

    tracemalloc.start()
    events = pieces("file", megabytes * 2**20)
    headers = [(b"content-type", f"{MULTIPART}; boundary=edge".encode()), (b"transfer-encoding", b"chunked")]
    lazily = ({"type": "http.request", "body": piece, "more_body": not piece.endswith(b"--")} for piece in events)
    wire = asyncio.run(exchange(tested.app, {"headers": headers}, lazily))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept.close()

    assert (wire.status, kept.seen[1]) == (200, megabytes * 2**20)
    assert peak < 2 * 2**20


@pytest.mark.parametrize("name", ["label", "unknown", "text"])
def test_what_is_no_file_or_must_be_read_is_in_memory_and_bounded(tmp_path: Path, kept: Kept, name: str) -> None:
    tested = service(tmp_path, kept, Limits(body_bytes=2**30, memory_bytes=100_000))

    assert send(tested, part(name, "a" * 100_000)).status_code == 200
    result = send(tested, part(name, "a" * 50_000), part(name, "a" * 50_001))
    assert (result.status_code, result.json) == (
        413,
        {"detail": "The body has more than 100000 bytes that are no file"},
    )


def test_a_body_that_is_too_large_is_413_as_ever(tmp_path: Path, kept: Kept) -> None:
    tested = service(tmp_path, kept, Limits(body_bytes=100_000))
    wire = asyncio.run(upload(tested, pieces("file", 2**20)))

    assert wire.status == 413
    assert b"larger than 100000 bytes" in wire.body


# Nothing stays.


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Let writing fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def full(_req: object, _resp: object, _error: object, _params: object) -> None:
    raise falcon.HTTPServiceUnavailable


def one_at_a_time(folder: Path, respond: Respond) -> Service:
    """Serve with room for one upload: what is not given back is missed by the next."""
    tested = service(folder, respond, Limits(body_bytes=2**20, body_seconds=0.2, disk=Disk(1)))
    tested.app.add_error_handler(UploadStorageError, full)
    return tested


def test_more_uploads_than_there_is_room_for_are_refused(tmp_path: Path, kept: Kept) -> None:
    tested = one_at_a_time(tmp_path, kept)
    large = part("file", b"x" * LARGE)

    assert send(tested, large).status_code == 200  # and not closed
    assert send(tested, large).status_code == 503
    assert send(tested, part("file", b"x")).status_code == 200
    kept.close()
    assert send(tested, large).status_code == 200


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path, kept: Kept) -> None:
    tested = one_at_a_time(tmp_path, kept)
    large = part("file", b"x" * LARGE)

    with no_file_larger_than(1000):
        assert send(tested, large).status_code == 503
        assert send(tested, part("file", b"x" * 1000)).status_code == 200
    assert send(tested, large).status_code == 200


LARGE_FILE = b"x" * LARGE


@pytest.mark.parametrize(
    ("sent", "then", "status"),
    [
        ([part("file", LARGE_FILE), b"--edge--"], "http.request", 200),
        ([part("short", LARGE_FILE), b"--edge--"], "http.request", 422),
        ([part("file", LARGE_FILE), b"--edge\r\n"], "http.request", 400),
        ([part("file", LARGE_FILE), part("label", "x" * 2**20)], "http.request", 413),
        ([part("file", LARGE_FILE)], "http.disconnect", 400),
        ([part("file", LARGE_FILE)], "wait", 408),
    ],
)
def test_nothing_is_left_of_an_upload_however_it_ends(
    tmp_path: Path, kept: Kept, sent: list[bytes], then: str, status: int
) -> None:
    tested = one_at_a_time(tmp_path, kept)

    async def send_it() -> Wire:
        events: list[Document] = [{"type": "http.request", "body": each, "more_body": True} for each in sent]
        events += [] if then == "wait" else [{"type": then}]
        headers = [(b"content-type", f"{MULTIPART}; boundary=edge".encode()), (b"transfer-encoding", b"chunked")]
        return await exchange(tested.app, {"headers": headers}, events)

    for _ in range(2):
        assert asyncio.run(send_it()).status == status
        kept.close()


def test_nothing_is_left_of_an_upload_that_is_cancelled(tmp_path: Path, kept: Kept) -> None:
    tested = one_at_a_time(tmp_path, kept)

    async def cancel() -> None:
        sending = asyncio.ensure_future(upload(tested, iter([part("file", LARGE_FILE)]), then="wait"))
        await asyncio.sleep(0.05)
        sending.cancel()
        await asyncio.wait([sending])

    asyncio.run(cancel())
    assert send(tested, part("file", LARGE_FILE)).status_code == 200


def test_a_file_cannot_be_read_when_its_request_has_ended(tmp_path: Path, kept: Kept) -> None:
    send(service(tmp_path, kept), part("file", LARGE_FILE))
    file = kept.seen[0].file
    opened = file.open()
    kept.close()
    kept.close()

    for read in (file.read, opened.read):
        with pytest.raises(ValueError, match="its request has ended"):
            read()


def test_a_file_that_is_closed_under_a_reader_is_closed_when_that_is_done() -> None:
    """Its descriptor could be another file's by then."""
    disk = Disk(1)
    spool = Spool(disk)

    async def fill() -> None:
        spool.write(b"x" * LARGE)
        await spool.settle()

    asyncio.run(fill())
    file = spool._file
    assert file is not None
    with spool._held():
        spool.close()
        assert not file.closed
    assert file.closed
    disk.take()  # there is room again
