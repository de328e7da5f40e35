"""Requests, as uvicorn hands them to an application."""

from collections.abc import Mapping
from typing import Any, Final

import attrs
import msgspec

ORIGIN: Final = "https://play.example.com"
CLIENTS: Final = 64
_NAME: Final = b"rig-7"


@attrs.frozen
class Exchange:
    """A request, and the status it must be answered with.

    Attributes:
        at_once: How many of it are under way together, which is what the rate limiter batches.
        network: Where its clients are.
        pages: How many pages of workers one answer holds.
    """

    method: str
    path: str
    status: int = 200
    at_once: int = 64
    network: str = "192.0.2"
    pages: int = 0
    query: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""

    def scope(self, number: int) -> dict[str, Any]:
        """Return what ASGI calls the scope; the clients take turns."""
        sent = {"host": "127.0.0.1:8000", "user-agent": "micro/1.0", "accept": "*/*", **self.headers}
        if self.body:
            sent |= {"content-type": "application/json", "content-length": str(len(self._body(number)))}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8000),
            "client": (f"{self.network}.{number % CLIENTS + 1}", 50_000),
            "scheme": "http",
            "method": self.method,
            "root_path": "",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": self.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "state": {},
        }

    def start(self, number: int) -> "Started":
        """Return one request of this kind, unlike every other that has another number."""
        return Started(self.scope(number), self._body(number))

    def _body(self, number: int) -> bytes:
        return self.body.replace(_NAME, b"rig-%d" % number)


class Started:
    """One request: what the server tells the application about it, and what the application answers."""

    def __init__(self, scope: dict[str, Any], body: bytes) -> None:
        self.scope = scope
        self.event: dict[str, Any] | None = {"type": "http.request", "body": body, "more_body": False}
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        """Return the body, then that the client has gone."""
        event, self.event = self.event, None
        return event or {"type": "http.disconnect"}

    async def send(self, event: dict[str, Any]) -> None:
        """Keep what is sent."""
        self.sent.append(event)

    @property
    def status(self) -> int:
        """The status of the answer."""
        return int(self.sent[0]["status"])


_WORKER: Final = {
    "name": _NAME.decode(),
    "region": "eu-north",
    "ipv4_address": "192.0.2.7",
    "hashrate": 120.5,
    "difficulty": 65536,
    "payout": {"kind": "lightning", "node": "02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619"},
    "hardware_id": "5d0a1f4c-9c0f-4a53-8d3e-0c6a0f0d8a11",
    "installed_at": "2026-01-03T18:15:05+02:00",
    "firmware": "2.1",
    "tags": ["asic", "shed-2"],
}

HEALTH: Final = Exchange("GET", "/health", headers={"origin": ORIGIN})
VERSION: Final = Exchange("GET", "/version")
REFUSED: Final = Exchange("GET", "/version", status=429, network="198.51.100")
READY: Final = Exchange("GET", "/ready")
CREATE: Final = Exchange("POST", "/workers", status=201, at_once=32, body=msgspec.json.encode(_WORKER))
PAGE: Final = Exchange("GET", "/workers", at_once=2, pages=1, query="page_size=100")
LISTING: Final = Exchange("GET", "/workers", query="page_size=100")
NOWHERE: Final = Exchange("GET", "/nowhere", status=404)
PREFLIGHT: Final = Exchange("OPTIONS", "/version", headers={"origin": ORIGIN, "access-control-request-method": "GET"})
