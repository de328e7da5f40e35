"""The client's address over real connections: what the log line says, and whom the rate limit charges."""

import os
import signal
import socket
import stat
import struct
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from tests.conftest import Logged, StartGunicorn, gunicorn
from tests.integration import mirror
from tests.integration.conftest import Serve
from tests.support.gunicorn import Gunicorn, wait_until
from tests.support.wire import Wire, exchange

CLIENT, SPOOFED = "192.0.2.1", "198.51.100.66"
EVERYONE_IS_TRUSTED = {
    "FORWARDED_ALLOW_IPS": "*",
    "GUNICORN_CMD_ARGS": "--forwarded-allow-ips=* --proxy-protocol=auto --proxy-allow-from=*",
}
FORGED = {
    "X-Forwarded-For": SPOOFED,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Protocol": "ssl",
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-Host": "evil.example",
    "X-Real-IP": SPOOFED,
    "Forwarded": f"for={SPOOFED};proto=https;host=evil.example",
}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, valkey_url: str) -> Iterator[Gunicorn]:
    """The service behind proxies on this machine and in 10.0.0.0/8."""
    directory = tmp_path_factory.mktemp("behind")
    trusted = ("127.0.0.1", "10.0.0.0/8")
    with gunicorn(directory, postgres_url, valkey_url, workers=1, trusted_proxies=trusted) as server:
        yield server


def logged_client(server: Gunicorn, headers: Mapping[str, str | bytes]) -> str:
    """Send a request and return the address that its log line has."""
    request_id = str(uuid.uuid4())
    lines = [(name.encode(), value.encode() if isinstance(value, str) else value) for name, value in headers.items()]
    with server.client() as client:
        client.get("/health", headers=[*lines, (b"X-Request-Id", request_id.encode())])
    return client_of(server, request_id)


def client_of(server: Gunicorn, request_id: str) -> str:
    def lines() -> list[str]:
        return [line["client"] for line in server.log("http.request") if line.get("request_id") == request_id]

    wait_until(lines, what="the log line")
    (address,) = lines()
    return address


def test_a_peer_that_is_not_trusted_is_the_client(service: Gunicorn) -> None:
    """Not even on this machine's own address, when nobody is trusted."""
    assert logged_client(service, FORGED) == "127.0.0.1"


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, "127.0.0.1"),
        ({"X-Forwarded-For": CLIENT}, CLIENT),
        ({"X-Forwarded-For": f"{SPOOFED}, {CLIENT}, 10.1.2.3"}, CLIENT),
        ({"X-Forwarded-For": "[2001:DB8::1]:4711"}, "2001:db8::1"),
        ({"X-Forwarded-For": "10.1.2.3"}, "10.1.2.3"),
        ({"X-Forwarded-For": f"{SPOOFED}, unknown, 10.1.2.3"}, "10.1.2.3"),
        ({"X-Forwarded-For": b"\xff\xfe"}, "127.0.0.1"),
        ({"X-Forwarded-For": "9" * 60_000}, "127.0.0.1"),
        ({"X-Forwarded-For": f"{SPOOFED}, " * 4_000 + CLIENT}, CLIENT),
        ({"Forwarded": f'for={SPOOFED}, FOR="{CLIENT}:80";proto=https, for=10.1.2.3'}, CLIENT),
        ({"Forwarded": 'for="[2001:db8::1]:_x"'}, "2001:db8::1"),
        ({"Forwarded": "for=_hidden"}, "127.0.0.1"),
        ({"Forwarded": f'for="{SPOOFED}'}, "127.0.0.1"),
        ({"Forwarded": f'for=", for={CLIENT}'}, CLIENT),
        ({"Forwarded": "," * 60_000}, "127.0.0.1"),
        ({"Forwarded": f"for={SPOOFED}", "X-Forwarded-For": CLIENT}, "127.0.0.1"),
        ({"Forwarded": f"for={CLIENT}", "X-Forwarded-For": CLIENT}, CLIENT),
    ],
    ids=lambda value: str(value)[:70] if isinstance(value, dict) else value,
)
def test_a_trusted_peer_is_believed(behind: Gunicorn, headers: Mapping[str, str | bytes], address: str) -> None:
    assert logged_client(behind, headers) == address


def test_lines_count_in_their_order(behind: Gunicorn) -> None:
    lines = "".join(f"X-Forwarded-For: {hop}\r\n" for hop in (SPOOFED, CLIENT, "10.1.2.3"))
    request = f"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-Id: lines\r\n{lines}Connection: close\r\n\r\n"

    assert exchange(behind.port, request.encode()).startswith(b"HTTP/1.1 200 ")
    assert client_of(behind, "lines") == CLIENT


async def test_the_log_and_the_limit_agree(serve: Serve, logged: Logged) -> None:
    """Whoever the line names is charged, however the header is dressed up, and nobody else."""
    same = [CLIENT, f"{SPOOFED}, {CLIENT}", f"{CLIENT}:81", f"::ffff:{CLIENT}"]
    async with serve(rate_limit_requests=3, trusted_proxies=("127.0.0.1",)) as api:
        statuses = [(await api.get("/version", headers={"X-Forwarded-For": value})).status_code for value in same]
        other = await api.get("/version", headers={"X-Forwarded-For": SPOOFED})
        proxy = await api.get("/version")

    assert statuses == [200, 200, 200, 429]
    assert (other.status_code, proxy.status_code) == (200, 200)
    assert [line["client"] for line in logged("http.request")] == [CLIENT] * 4 + [SPOOFED, "127.0.0.1"]


@pytest.mark.parametrize(("choice", "address"), [("forwarded", CLIENT), ("x-forwarded-for", SPOOFED)])
async def test_the_header_that_the_operator_names_is_believed(
    serve: Serve, logged: Logged, choice: str, address: str
) -> None:
    async with serve(trusted_proxies=("127.0.0.1",), forwarded_header=choice) as api:
        await api.get("/health", headers={"Forwarded": f"for={CLIENT}", "X-Forwarded-For": SPOOFED})

    (line,) = logged("http.request")
    assert line["client"] == address


@pytest.mark.parametrize(("prefix", "statuses"), [(64, [200, 429, 200]), (128, [200, 200, 200])])
async def test_an_ipv6_network_has_one_window(serve: Serve, logged: Logged, prefix: int, statuses: list[int]) -> None:
    clients = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:3::1"]
    async with serve(rate_limit_requests=1, rate_limit_ipv6_prefix=prefix, trusted_proxies=("127.0.0.1",)) as api:
        answers = [await api.get("/version", headers={"X-Forwarded-For": client}) for client in clients]

    assert [answer.status_code for answer in answers] == statuses
    assert [line["client"] for line in logged("http.request")] == clients


async def test_a_spoofer_behind_a_proxy_gets_one_window_more_at_most(serve: Serve) -> None:
    """A header that the proxy does not write leads to the proxy's own window, which all who try this share."""
    async with serve(rate_limit_requests=2, trusted_proxies=("127.0.0.1",)) as api:
        statuses = []
        for number in range(20):
            headers = {"X-Forwarded-For": CLIENT} | ({"Forwarded": f"for=203.0.113.{number}"} if number % 2 else {})
            statuses.append((await api.get("/version", headers=headers)).status_code)

    assert statuses.count(200) == 4


@pytest.fixture
def path() -> Iterator[Path]:
    """Where a socket can be: the folders of tests have longer names than a socket's path may have on some systems."""
    with tempfile.TemporaryDirectory(prefix="tbg-", dir="/tmp") as directory:
        yield Path(directory) / "tbg.sock"


def test_who_comes_through_a_unix_socket_is_not_trusted_unless_named(
    tmp_path: Path, path: Path, postgres_url: str, redis_url: str
) -> None:
    trusted = ("127.0.0.1", "10.0.0.0/8")
    server = gunicorn(tmp_path, postgres_url, redis_url, workers=1, host=f"unix:{path}", trusted_proxies=trusted)
    server._environment.update(EVERYONE_IS_TRUSTED)
    with server:
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert logged_client(server, FORGED) == "unix"
        assert logged_client(server, {"X-Forwarded-For": CLIENT}) == "unix"


def test_a_proxy_on_a_unix_socket_is_believed_when_named(path: Path, start_gunicorn: StartGunicorn) -> None:
    server = start_gunicorn(workers=1, host=f"unix:{path}", trusted_proxies=("unix", "10.0.0.0/8"))

    assert logged_client(server, {"X-Forwarded-For": f"{SPOOFED}, {CLIENT}, 10.1.2.3"}) == CLIENT
    assert logged_client(server, {"X-Forwarded-For": "unix"}) == "unix"
    assert logged_client(server, {}) == "unix"

    psutil.Process(min(server.worker_pids())).terminate()
    server.wait_for_log("Application startup complete.", 2)
    assert logged_client(server, {"X-Forwarded-For": CLIENT}) == CLIENT, "the socket outlives a worker"


def test_a_peer_that_has_reset_its_connection_is_no_trusted_socket(start_gunicorn: StartGunicorn) -> None:
    """It has no address any more when the worker asks for it, but what it sent is read and served."""
    server = start_gunicorn(workers=1, trusted_proxies=("unix",))
    (worker,) = server.worker_pids()
    os.kill(worker, signal.SIGSTOP)
    with Wire(server.port) as wire:
        wire.send(f"GET /health HTTP/1.1\r\nX-Request-Id: gone\r\nX-Forwarded-For: {SPOOFED}\r\n\r\n".encode())
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.kill(worker, signal.SIGCONT)

    assert client_of(server, "gone") == "unknown"


def test_an_ipv4_client_of_an_ipv6_listener_has_its_ipv4_address(start_gunicorn: StartGunicorn) -> None:
    server = start_gunicorn(workers=1, host="::", trusted_proxies=("127.0.0.1",))
    request = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: %s\r\n%s\r\n"

    exchange(server.port, request % (b"mapped", b""))
    exchange(server.port, request % (b"mapped-proxy", b"X-Forwarded-For: 192.0.2.1\r\n"))

    assert client_of(server, "mapped") == "127.0.0.1"
    assert client_of(server, "mapped-proxy") == CLIENT
    assert logged_client(server, FORGED) == "::1"


def test_nothing_makes_gunicorn_or_uvicorn_believe_a_header(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    """Both have their own ideas of proxies, and variables for them; the service gets what the system says."""
    server = gunicorn(tmp_path, postgres_url, redis_url, mirror.APP, workers=1)
    server._environment.update(EVERYONE_IS_TRUSTED)
    with server, server.client() as client:
        told = client.get("/", headers=FORGED).json()

    assert told["scheme"] == "http"
    assert told["client"][0] == "127.0.0.1"
    assert told["server"] == ["127.0.0.1", server.port]
