"""Why a request is refused before any application sees it."""

import re
from http import HTTPStatus
from typing import Final

from tbg.refusal import Refusal

type Fields = list[tuple[bytes, bytes]]
FIELD_OVERHEAD: Final = 32  # bytes that a field costs besides its text, as in RFC 9113, section 6.5.2
_MALFORMED: Final = "The request is malformed: "
BAD_BYTES: Final = "it has a NUL, or a line that does not end in CRLF"
# What no header section has; other control characters in a value are kept (RFC 9110, section 5.5).
BAD_END: Final = re.compile(rb"\r(?!\n|\Z)|(?<!\r)\n")
TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class RefusedRequestError(Exception):
    """The request is not served; the connection cannot be used any further.

    Attributes:
        refusal: What the client is told.
        method: The method, as far as it could be read.
        target: The request target, the same.
        fields: The header fields when all of them could be read, else none.
    """

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(status.value, detail)
        self.method = ""
        self.target = b""
        self.fields: Fields = []


def malformed(reason: str) -> RefusedRequestError:
    """Return the refusal of a request that is not HTTP/1.1 as RFC 9112 has it."""
    return RefusedRequestError(HTTPStatus.BAD_REQUEST, _MALFORMED + reason)


def header_too_large() -> RefusedRequestError:
    """Return the refusal of a header section that is larger than the server reads (RFC 6585, section 5)."""
    return RefusedRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request header fields are too large")


def target_too_long() -> RefusedRequestError:
    """Return the refusal of a target that is longer than the server reads (RFC 9112, section 3)."""
    return RefusedRequestError(HTTPStatus.REQUEST_URI_TOO_LONG, "The request target is too long")
