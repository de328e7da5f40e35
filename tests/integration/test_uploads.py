"""Files on disk end with their request, however it ends; a disk that is full is told."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Logged
from tests.integration.conftest import Serve
from tests.support.gunicorn import Gunicorn, wait_until
from tests.support.wire import Wire

SIZE = 500_000
HEAD = (
    b"POST /probe/upload%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    b"Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: %d\r\n\r\n"
)
BODY = b'--edge\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + b"x" * SIZE + b"\r\n--edge--"


def on_disk(service: Gunicorn) -> int:
    """Return how many files without a name the workers hold."""
    links = [
        link.readlink()
        for pid in service.worker_pids()
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink()
    ]
    return sum(str(link).endswith(" (deleted)") and "/tmp/" in str(link) for link in links)  # noqa: S108 - where they are


def nothing_is_left(service: Gunicorn) -> None:
    wait_until(lambda: on_disk(service) == 0, 10, "the end of the files")


@pytest.mark.parametrize("query", [b"", b"?slowly=true"])
def test_a_file_is_there_until_the_response_has_been_sent(service: Gunicorn, query: bytes) -> None:
    with Wire(service.port) as wire:
        wire.send(HEAD % (query, len(BODY)), BODY[:-10])
        wait_until(lambda: on_disk(service) == 1, 10, "the file")
        wire.send(BODY[-10:])

        assert str(SIZE).encode() in wire.receive()
    nothing_is_left(service)


@pytest.mark.parametrize("query", [b"", b"?slowly=true"])
@pytest.mark.parametrize("missing", [0, 10])
def test_a_file_ends_with_a_client_that_leaves(service: Gunicorn, query: bytes, missing: int) -> None:
    with Wire(service.port) as wire:
        wire.send(HEAD % (query, len(BODY)), BODY[: len(BODY) - missing])
        if missing or query:
            wait_until(lambda: on_disk(service) == 1, 10, "the file")
    nothing_is_left(service)


@contextmanager
def _full_disk() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_is_a_503_and_a_line(serve: Serve, logged: Logged) -> None:
    async with serve() as client:
        with _full_disk():
            refused = await client.post("/probe/upload", files={"file": b"x" * SIZE})
        served = await client.post("/probe/upload", files={"file": b"x" * SIZE})

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert refused.json() == {"detail": "The files in the body cannot be kept at the moment. Try again later."}
    assert [line["reason"] for line in logged("upload.not_kept")] == ["cannot be written: File too large"]
    assert served.json() == {"answer": SIZE}
