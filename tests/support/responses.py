"""Responses as bytes, told apart."""

import attrs


@attrs.frozen
class Response:
    """One response.

    Attributes:
        status: Its status.
        fields: Its header fields; the names are in small letters, of a repeated one the last value counts.
        body: Its body, without the framing.
    """

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        """What `X-Request-Id` says, and a name that no request has if there is none."""
        return self.fields.get("x-request-id", "<none>")


def parse_responses(received: bytes, head_at: int | None = None) -> list[Response]:
    """Return the final responses in ``received``, which ends where the connection did.

    Args:
        received: What came.
        head_at: Which of the responses, if any, answers HEAD and has no body, whatever its header says.
    """
    responses: list[Response] = []
    while received:
        head, end, received = received.partition(b"\r\n\r\n")
        assert end, f"not a whole response: {head[:200]!r}"
        line, *lines = head.decode("latin-1").split("\r\n")
        assert line.startswith("HTTP/1.1 "), line
        fields = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
        status = int(line.split()[1])
        if status >= 200:
            body, received = (b"", received) if len(responses) == head_at else _body(fields, received)
            responses.append(Response(status, fields, body))
    return responses


def _body(fields: dict[str, str], received: bytes) -> tuple[bytes, bytes]:
    """Return the body, and what follows it."""
    if "transfer-encoding" not in fields:
        length = int(fields.get("content-length", len(received)))
        assert len(received) >= length, "the body is shorter than its length"
        return received[:length], received[length:]
    body = b""
    while True:
        size, _, received = received.partition(b"\r\n")
        length = int(size, 16)
        body, received = body + received[:length], received[length + 2 :]
        if not length:
            return body, received
