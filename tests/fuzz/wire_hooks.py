"""What schemathesis must not judge: what it made wrong, and what is nothing or right on the wire.

A form says no empty list: the field is left out. So a case that differs from a good one by such a field only is a good
request, whatever schemathesis thinks of its value.
"""

from typing import Any

import schemathesis

_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


@schemathesis.hook
def filter_case(_context: schemathesis.HookContext, case: "schemathesis.Case[Any]") -> bool:
    """Tell whether everything that was made for a case is sent."""
    return not (_vanishes(case.query) or (case.media_type in _FORMS and _vanishes(case.body)))


def _vanishes(fields: Any) -> bool:  # noqa: ANN401 - anything that was generated
    return isinstance(fields, dict) and any(isinstance(value, list | dict) and not value for value in fields.values())
