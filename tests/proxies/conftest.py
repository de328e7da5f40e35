"""The service behind real proxies: `make proxies`, which needs them installed and is no part of `make test`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tests.conftest import StartGunicorn
from tests.integration.probe.app import APP
from tests.proxies.support import Proxy, haproxy, nginx
from tests.support import proxies
from tests.support.gunicorn import Gunicorn

Cache = Callable[[int], str]
CACHES: dict[str, Callable[[Path, int], AbstractContextManager[str]]] = {
    "nginx": proxies.nginx,
    "varnish": proxies.varnish,
}


@pytest.fixture(params=CACHES)
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cache]:
    """Start a proxy with a cache in front of a port, and return its URL."""
    with ExitStack() as stack:
        yield lambda port: stack.enter_context(CACHES[request.param](tmp_path / "proxy", port))


@pytest.fixture
def proxied(start_gunicorn: StartGunicorn) -> Gunicorn:
    """The service with the probe feature, which trusts proxies on this machine."""
    return start_gunicorn(
        APP,
        workers=1,
        rate_limit_requests=1_000_000,
        trusted_proxies=["127.0.0.1/32"],
        forwarded_header="x-forwarded-for",
    )


@pytest.fixture(params=["HAProxy", "nginx", "nginx without buffers"])
def proxy(request: pytest.FixtureRequest, proxied: Gunicorn, tmp_path: Path) -> Iterator[Proxy]:
    """Each proxy in turn."""
    directory = tmp_path / "proxy"
    directory.mkdir()
    if request.param == "HAProxy":
        starting = haproxy(directory, proxied.port)
    else:
        starting = nginx(directory, proxied.port, buffers_requests=request.param == "nginx")
    with starting as running:
        yield running
