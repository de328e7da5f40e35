"""Where in the code something stands, for messages to the people who write it."""

import inspect
import os
from collections.abc import Callable
from pathlib import Path


def source_of(code: object) -> str:
    """Return ``file:line`` of a function or class, from the working directory on; the module if it has no file."""
    function = inspect.unwrap(code) if isinstance(code, Callable) else code  # type: ignore[arg-type]  # it is one
    try:
        file, line = inspect.getsourcefile(function), inspect.getsourcelines(function)[1]  # type: ignore[arg-type]  # else a TypeError
    except (TypeError, OSError):
        return str(getattr(code, "__module__", None) or type(code).__module__)
    return f"{shown(file)}:{line}"


def shown(file: str | None) -> str:
    """Return a file's path as people in the working directory would write it."""
    path = Path(file or "?")
    here = Path(os.curdir).resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
