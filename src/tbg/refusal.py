"""What a server refuses before the application sees a request, handed to the application to be answered.

The server knows what is wrong with the bytes; the application knows the form of errors, who is charged and what is
logged. So a refused request is run through the application like any other, with a `Refusal` in its ASGI scope.
"""

from collections.abc import Mapping
from typing import Any, Final

import attrs

SCOPE_KEY: Final = "tbg.refusal"


@attrs.frozen
class Refusal:
    """How to answer a request that the server did not accept.

    Attributes:
        status: The HTTP status, such as 400, 408, 414, 431, 501 or 505.
        detail: A sentence for the client; it repeats nothing that the client sent.
    """

    status: int
    detail: str


def refusal_of(scope: Mapping[str, Any]) -> Refusal | None:
    """Return why the server refused this request; None if it did not."""
    refusal: Refusal | None = scope.get(SCOPE_KEY)
    return refusal
