"""Nothing that is one client's own is given to the next by a shared cache: nginx and Varnish as they are by default."""

import itertools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.conftest import StartGunicorn
from tests.integration.probe.app import APP
from tests.proxies.conftest import Cache

ORIGIN = "http://localhost:3000"
PROBLEM = "application/problem+json"
CASES = [
    ("GET", "/health", 200),
    ("GET", "/version", 200),
    ("GET", "/ready", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/openapi.yaml", 200),
    ("GET", "/docs", 200),
    ("GET", "/docs/assets/page.css", 200),
    ("GET", "/probe/cached", 200),
    ("GET", "/probe/stream", 200),
    ("GET", "/nowhere", 404),
    ("GET", "/probe/refuse", 409),
    ("GET", "/probe/crash", 500),
    ("GET", "/probe/breach", 500),
    ("HEAD", "/version", 200),
    ("HEAD", "/nowhere", 404),
]


class Counting(BaseHTTPRequestHandler):
    """Answer with a number that grows, for a minute."""

    numbers = itertools.count()

    def do_GET(self) -> None:
        body = str(next(self.numbers)).encode()
        self.send_response(200)
        self.send_header("Cache-Control", "max-age=60")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def counting() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Counting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_the_cache_stores_what_may_be_stored(cache: Cache, counting: int) -> None:
    """Else the other tests would prove nothing."""
    with httpx.Client(base_url=cache(counting), trust_env=False) as client:
        assert client.get("/").text == client.get("/").text


def port_of(url: str) -> int:
    port = httpx.URL(url).port
    assert port is not None
    return port


@pytest.mark.parametrize("headers", [{}, {"Accept": PROBLEM, "Origin": ORIGIN}])
def test_no_client_gets_what_is_anothers(cache: Cache, start_gunicorn: StartGunicorn, headers: dict[str, str]) -> None:
    service = start_gunicorn(APP, workers=1, debug="true")
    with httpx.Client(base_url=cache(port_of(service.url)), trust_env=False, timeout=30) as client:
        for method, path, status in CASES:
            names = ("first", "second")
            answers = [client.request(method, path, headers=headers | {"X-Request-Id": name}) for name in names]
            case = f"{method} {path}"

            assert [each.status_code for each in answers] == [status, status], case
            assert [each.headers["x-request-id"] for each in answers] == ["first", "second"], case
            left = [int(each.headers.get("x-ratelimit-remaining", -1)) for each in answers]
            assert left in ([-1, -1], [left[0], left[0] - 1]), case


def test_each_client_gets_the_form_that_it_accepts(cache: Cache, start_gunicorn: StartGunicorn) -> None:
    service = start_gunicorn(APP, workers=1)
    with httpx.Client(base_url=cache(port_of(service.url)), trust_env=False) as client:
        for path in ("/nowhere", "/probe/refuse", "/probe/crash"):
            problem = client.get(path, headers={"Accept": PROBLEM, "Origin": ORIGIN})
            plain = client.get(path)

            assert problem.headers["content-type"] == PROBLEM
            assert plain.headers["content-type"] == "application/json"
            assert "access-control-allow-origin" not in plain.headers


def test_a_refusal_is_its_clients_own(cache: Cache, start_gunicorn: StartGunicorn) -> None:
    service = start_gunicorn(APP, workers=1, rate_limit_requests=1, rate_limit_window_seconds=600)
    with httpx.Client(base_url=cache(port_of(service.url)), trust_env=False) as client:
        client.get("/nowhere")
        refused = [client.get("/version", headers={"X-Request-Id": name}) for name in ("first", "second")]

    assert [each.status_code for each in refused] == [429, 429]
    assert [each.headers["x-request-id"] for each in refused] == ["first", "second"]


def test_an_entity_tag_still_works_behind_it(cache: Cache, start_gunicorn: StartGunicorn) -> None:
    service = start_gunicorn(APP, workers=1)
    with httpx.Client(base_url=cache(port_of(service.url)), trust_env=False) as client:
        etag = client.get("/openapi.json").headers["etag"]
        answer = client.get("/openapi.json", headers={"If-None-Match": etag})

    # nginx takes If-None-Match for itself where it may store, Varnish always.
    assert answer.status_code in {200, 304}
    assert answer.headers["etag"].removeprefix("W/") == etag
