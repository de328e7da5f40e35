"""One grammar for everything that is refused.

By default ``{"detail": "<text>"}`` as ``application/json``, with ``errors`` when single inputs are at fault; the same
as a problem document (RFC 9457) for a client that prefers ``application/problem+json``. Nothing that the client sent
and nothing internal is repeated.
"""

from collections.abc import Iterable
from http import HTTPStatus

import falcon
import falcon.asgi
import msgspec

from tbg.contract.schemas import Finding

JSON = "application/json"
PROBLEM = "application/problem+json"
ERROR_MEDIA_TYPES = (JSON, PROBLEM)

InputFinding = tuple[str, Finding]
"""Where a finding stands (``query``, ``path``, ``header``, ``cookie``, ``body``) and the finding."""


class InvalidRequestError(falcon.HTTPUnprocessableEntity):
    """The request is well-formed but breaks the contract: 422 with one entry in ``errors`` per finding."""

    def __init__(self, findings: Iterable[InputFinding]) -> None:
        super().__init__(description="The request does not satisfy the contract")
        self.errors = [
            {"in": location, "pointer": finding.pointer, "code": finding.code, "detail": finding.detail}
            for location, finding in findings
        ]


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
    """Write the body of an error whose status is already set on ``resp``."""
    status = resp.status_code
    body: dict[str, object] = {"detail": detail}
    content_type = JSON
    if _prefers_problem(req):
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


def _prefers_problem(req: falcon.Request) -> bool:
    return "problem+json" in req.accept and req.client_prefers(ERROR_MEDIA_TYPES) == PROBLEM
