"""The `http.request` lines of a running service."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.gunicorn import wait_until


class RequestLines:
    """Reads these lines from now on, each of them once; a line of an error fails the test."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._position = log.stat().st_size
        self._since = datetime.now(UTC)  # what ended before may be written later
        self._lines: list[dict[str, Any]] = []

    def of(self, request_ids: list[str]) -> dict[str, dict[str, Any]]:
        """Return the lines of these requests by id, when they are there; there must be no others, and one for each."""
        found = self.next(len(request_ids))

        assert Counter(line["request_id"] for line in found) == Counter(request_ids), (found, request_ids)
        return {line["request_id"]: line for line in found}

    def next(self, count: int) -> list[dict[str, Any]]:
        """Return the lines that are there as soon as there are ``count``."""
        wait_until(lambda: len(self._read()) >= count, what=f"{count} log lines")
        found, self._lines = self._lines, []
        return found

    def _read(self) -> list[dict[str, Any]]:
        with self._log.open("rb") as file:
            file.seek(self._position)
            whole = file.read().rpartition(b"\n")[0]
        self._position += len(whole)
        parsed = [json.loads(line) for line in whole.splitlines() if line]
        assert not [line for line in parsed if line["level"] in {"error", "critical"} or "exception" in line]
        ended = [line for line in parsed if line["event"] == "http.request"]
        self._lines += [line for line in ended if datetime.fromisoformat(line["timestamp"]) >= self._since]
        return self._lines
