"""Bodies that a contract promises and nothing reads, so that none of them is let through."""

from collections.abc import Iterable, Iterator

from tbg.contract.linting.remarks import Remark
from tbg.contract.media import Content
from tbg.contract.operations import Operation
from tbg.contract.pointers import Path


def unread_bodies(operations: Iterable[Operation]) -> Iterator[Remark]:
    """Say where such a body, or a field of a form, stands in the document, and what becomes of it."""
    for operation in operations:
        place = ("paths", operation.path, operation.method.lower())
        if operation.body is not None:
            yield from _of((*place, "requestBody", "content"), operation.body.content, "requests get 415")
        for status, rule in operation.responses.items():
            yield from _of((*place, "responses", status, "content"), rule.content, "a response would be a breach")


def _of(place: Path, content: Content, consequence: str) -> Iterator[Remark]:
    for key, media in content.items():
        if media.unread:
            yield Remark((*place, key), f"{media.unread}: {consequence}", "warning")
        for name in media.unread_fields:
            message = f"the field '{name}' is an object in a media type that is not read: it is always refused"
            yield Remark((*place, key, "encoding", name), message, "warning")
