"""The service behind real proxies. `make proxies` runs these tests; the programs must be installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import StartGunicorn
from tests.integration.probe.app import APP
from tests.proxies.support import Proxy, haproxy, nginx
from tests.support.gunicorn import Gunicorn


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
