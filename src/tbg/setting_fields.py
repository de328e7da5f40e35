"""What a setting consists of, beside its name and type."""

from collections.abc import Callable
from typing import Any

import typed_settings as ts

from tbg.setting_values import Check

Hint = Callable[[str], str | None]
"""Say what to write instead of a text that is not allowed, where that can be guessed."""


def setting(  # noqa: PLR0913 - what a setting consists of
    default: Any,  # noqa: ANN401 - attrs.field's own type
    meaning: str,
    allowed: str,
    check: Check = lambda _: True,
    *,
    hint: Hint = lambda _: None,
    secret: bool = False,
) -> Any:  # noqa: ANN401 - attrs.field's own type
    """Return the field of a setting.

    Args:
        default: Its value when it is not set.
        meaning: What it is, for `tbg settings`.
        allowed: What it may be, for whoever set it to something else.
        check: Tells whether a value is allowed.
        hint: Says what to write instead.
        secret: Whether it may never be shown.
    """

    def validate(_settings: object, _field: object, value: object) -> None:
        if not check(value):
            raise ValueError(f"must be {allowed}")

    field = ts.secret if secret else ts.option
    return field(
        default=default,
        help=meaning,
        validator=validate,
        metadata={"meaning": meaning, "allowed": allowed, "hint": hint},
    )


def seconds(default: float, meaning: str, high: float = 3600) -> Any:  # noqa: ANN401 - attrs.field's own type
    """Return the field of a setting that is a time, above 0."""
    return setting(default, f"{meaning}, in seconds", f"a number above 0, at most {high}", lambda v: 0 < v <= high)
