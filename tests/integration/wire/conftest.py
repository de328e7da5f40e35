"""A service that charges and never refuses for it, and the lines of its log."""

from collections.abc import Iterator

import pytest

from tests.conftest import gunicorn
from tests.integration.probe.app import APP
from tests.support.gunicorn import Gunicorn, wait_until
from tests.support.request_lines import RequestLines


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, valkey_url: str) -> Iterator[Gunicorn]:
    """The probe feature behind a proxy that is trusted, which is whoever asks from this machine."""
    settings = {"rate_limit_requests": 1_000_000, "trusted_proxies": ["127.0.0.1/32"]}
    with gunicorn(tmp_path_factory.mktemp("edge"), postgres_url, valkey_url, APP, workers=1, **settings) as server:
        with server.client() as client:  # the line of this request is behind those of the fixture's own
            client.get("/health", headers={"X-Request-Id": "edge-ready"})
        wait_until(lambda: "edge-ready" in server.text(), what="the log's line")
        yield server


@pytest.fixture
def request_lines(edge: Gunicorn) -> Iterator[RequestLines]:
    """Reads the log from here on; at the end of the test nothing may be left in it that was not asked for."""
    lines = RequestLines(edge.log_file)
    yield lines
    lines.of([])
