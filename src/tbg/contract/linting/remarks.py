"""What is said about a document that is no reason, or not the specification's, to refuse it."""

from typing import Literal

import attrs

from tbg.contract.pointers import Path

Level = Literal["error", "warning", "advice"]
"""``error``: a promise would be broken silently, so there is no boot. ``warning``: something is ignored, and the boot
says so. ``advice``: only `tbg check` says it, as a warning; it concerns those who use the contract."""


@attrs.frozen
class Remark:
    """One thing that a contract's author wants to know.

    Attributes:
        path: Where it stands in the document.
        message: What is wrong and what to write instead, in one line.
        level: Who hears of it.
    """

    path: Path
    message: str
    level: Level
