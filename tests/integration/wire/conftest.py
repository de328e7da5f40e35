"""A service that charges and never refuses for it, and the lines of its log."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import gunicorn
from tests.integration.probe.app import APP
from tests.support.gunicorn import Gunicorn, wait_until


class RequestLines:
    """The `http.request` lines of a service, from now on; a long log is read once."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._position = log.stat().st_size
        self._lines: list[dict[str, Any]] = []

    def of(self, request_ids: list[str]) -> dict[str, dict[str, Any]]:
        """Return the lines of these requests by id, when they are there; there must be no others, and one for each."""
        wait_until(lambda: len(self._read()) >= len(request_ids), what=f"the log lines of {request_ids}")
        found, self._lines = self._lines, []

        assert Counter(line["request_id"] for line in found) == Counter(request_ids)
        return {line["request_id"]: line for line in found}

    def _read(self) -> list[dict[str, Any]]:
        with self._log.open("rb") as file:
            file.seek(self._position)
            whole = file.read().rpartition(b"\n")[0]
        self._position += len(whole)
        parsed = [json.loads(line) for line in whole.splitlines() if line]
        assert not [line for line in parsed if line["level"] in {"error", "critical"} or "exception" in line]
        self._lines += [line for line in parsed if line["event"] == "http.request"]
        return self._lines


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, valkey_url: str) -> Iterator[Gunicorn]:
    """The probe feature behind a proxy that is trusted, which is whoever asks from this machine."""
    settings = {"rate_limit_requests": 1_000_000, "trusted_proxies": ["127.0.0.1/32"]}
    with gunicorn(tmp_path_factory.mktemp("edge"), postgres_url, valkey_url, APP, workers=1, **settings) as server:
        server.wait_for_log("http.request")  # which is the fixture's own: it asked whether the service is there
        yield server


@pytest.fixture
def request_lines(edge: Gunicorn) -> Iterator[RequestLines]:
    """Reads the log from here on; at the end of the test nothing may be left in it that was not asked for."""
    lines = RequestLines(edge.log_file)
    yield lines
    lines.of([])
