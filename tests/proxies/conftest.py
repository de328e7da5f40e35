"""The service behind real proxies: `make proxies`, which needs them installed and is no part of `make test`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tests.support.proxies import nginx, varnish

Proxy = Callable[[int], str]
PROXIES: dict[str, Callable[[Path, int], AbstractContextManager[str]]] = {"nginx": nginx, "varnish": varnish}


@pytest.fixture(params=PROXIES)
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxy]:
    """Start a proxy with a cache in front of a port, and return its URL."""
    with ExitStack() as stack:
        yield lambda port: stack.enter_context(PROXIES[request.param](tmp_path / "proxy", port))
