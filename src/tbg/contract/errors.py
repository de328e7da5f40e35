"""One grammar for everything that is refused.

By default ``{"detail": "<text>"}`` as ``application/json``, with ``errors`` when single inputs are at fault; the same
as a problem document (RFC 9457) for a client that prefers ``application/problem+json``. Nothing that the client sent
and nothing internal is repeated, except the client's own keys, of which as much as 32 KB of body hold.
"""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import islice
from typing import Final

import falcon
import falcon.asgi
import msgspec

from tbg.contract.caching import NO_STORE, vary_by
from tbg.contract.negotiation import ERROR_MEDIA_TYPES, JSON, PROBLEM, prefers_problem
from tbg.contract.schemas import Finding, cut

__all__ = ["ERROR_MEDIA_TYPES", "ErrorSerializer", "InvalidRequestError", "discard", "phrase", "write_error"]

_MOST_ERRORS: Final = 50
_MOST_ERROR_BYTES: Final = 24 * 1024
_LONGEST_DETAIL: Final = 1000  # characters, of which JSON makes six bytes at most

InputFinding = tuple[str, Finding]
"""Where a finding stands (``query``, ``path``, ``header``, ``cookie``, ``body``) and the finding."""


class InvalidRequestError(falcon.HTTPUnprocessableEntity):
    """The request is well-formed but breaks the contract: 422 with one entry in ``errors`` per finding."""

    def __init__(self, findings: Iterable[InputFinding]) -> None:
        super().__init__(description="The request does not satisfy the contract")
        self.errors = list(_bounded(findings))


def _bounded(findings: Iterable[InputFinding]) -> Iterator[dict[str, str]]:
    """Yield the first findings, as many as an answer has room for."""
    room = _MOST_ERROR_BYTES
    for location, finding in islice(findings, _MOST_ERRORS):
        error = {
            "in": location,
            "pointer": finding.pointer,
            "code": finding.code,
            "detail": cut(finding.detail, _LONGEST_DETAIL),
        }
        room -= len(msgspec.json.encode(error))
        if room < 0:
            return
        yield error


class ErrorSerializer:
    """Write an HTTPError as the client prefers; installed with ``app.set_error_serializer``.

    Args:
        lasting_headers: Lower-case names of the headers that stay on an error. All others were set by a responder
            for the success that did not happen (``Location``, ``Cache-Control``, ``ETag``) and are dropped.
    """

    def __init__(self, lasting_headers: frozenset[str]) -> None:
        self._lasting_headers = lasting_headers

    def __call__(self, req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
        """Replace whatever ``resp`` holds by ``error``; status and the error's own headers are already set."""
        own = {name.lower() for name in dict(error.headers or {})}
        discard(resp, self._lasting_headers | own)
        write_error(req, resp, error.description or phrase(error.status_code), getattr(error, "errors", None))


def write_error(
    req: falcon.Request, resp: falcon.Response, detail: str, errors: list[dict[str, str]] | None = None
) -> None:
    """Write the body of an error whose status is already set on ``resp``, for this client and for no cache."""
    status = resp.status_code
    detail = cut(detail, _LONGEST_DETAIL)
    body: dict[str, object] = {"detail": detail}
    content_type = JSON
    if prefers_problem(req.accept):
        content_type = PROBLEM
        instance = resp.get_header("X-Request-Id") or ""
        body = {
            "type": "about:blank",
            "title": phrase(status),
            "status": status,
            "detail": detail,
            "instance": instance,
        }
    if errors:
        body["errors"] = errors
    resp.content_type = content_type
    resp.data = msgspec.json.encode(body)
    resp.set_header("Cache-Control", NO_STORE)
    vary_by(resp, "Accept")


def phrase(status: int) -> str:
    """Return the standard phrase of a status in sentence case: ``404 -> "Not found"``."""
    return HTTPStatus(status).phrase.capitalize() if status in HTTPStatus else f"Error {status}"


def discard(resp: falcon.Response, lasting_headers: frozenset[str]) -> None:
    """Take body and headers back, except ``lasting_headers``; cookies go too."""
    for name in resp.headers.keys() - lasting_headers:
        resp.delete_header(name)
    resp._cookies = resp._extra_headers = None  # noqa: SLF001 - Falcon can only expire a cookie, not take one back
    resp.text = None
    resp.media = None
    resp.stream = None
    if isinstance(resp, falcon.asgi.Response):
        resp.sse = None
