"""What a client may send, and how long it may take."""

import attrs


@attrs.frozen
class Limits:
    """What a client may send, and how long it may take; times in seconds, sizes in bytes.

    Attributes:
        header_bytes: The request line and the header fields, each with an overhead of 32 bytes.
        header_seconds: From the connection or the first byte of a request to the end of its header section, and for
            the rest of a body that nobody reads.
        body_seconds: How long the body of a request may pause while the application waits for it. An application that
            knows what it reads has a shorter time-out of its own.
        write_seconds: How long a client may read next to nothing of what is sent to it.
        linger_seconds: How long a closed connection reads on, so that no reset overtakes the last response.
        leave_seconds: How long a stream may pause once its client has closed its sending half, which looks as if it
            had left.
        drain_seconds: How long an idle connection is kept open for a last request when the worker ends.
    """

    header_bytes: int = 64 * 1024
    header_seconds: float = 15.0
    body_seconds: float = 60.0
    write_seconds: float = 15.0
    linger_seconds: float = 2.0
    leave_seconds: float = 0.5
    drain_seconds: float = 2.0
