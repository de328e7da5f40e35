"""What keeps the boot short and the process small."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(*packages: str) -> Iterator[None]:
    """Let nothing that is imported inside find ``packages``: for libraries that can do without, and load them if not.

    A package that is there already stays; one that is imported later is found.
    """
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is how Python marks what must not be found
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]
