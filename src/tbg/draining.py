"""What the application knows of the end of its process."""

import attrs


@attrs.define
class Drain:
    """Whether the service is about to stop.

    Attributes:
        is_draining: The process still serves, but nobody should send anything new: /ready says so.
    """

    is_draining: bool = False
