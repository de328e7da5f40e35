"""Proxies in front of the service, each in the foreground, on loopback, with its own configuration and its own log."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import httpx
import pytest

from tbg.dev.ports import free_port
from tests.support.gunicorn import wait_until

# What the proxies say of every client; nobody on this machine has it (RFC 5737).
CLIENT: Final = "198.51.100.20"


def program(name: str) -> str:
    """Return the path of a program; fails the test if it is missing."""
    found = shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin")
    if found is None:
        pytest.fail(f"{name} is not installed; on Debian and Ubuntu: apt-get install {name}")
    return found


class Proxy:
    """One proxy.

    Args:
        directory: Where its configuration and its output go.
        command: How to start it in the foreground; ``{}`` stands for the configuration's path.
        configuration: Its text.
        port: Where it listens.
    """

    def __init__(self, directory: Path, command: Sequence[str], configuration: str, port: int) -> None:
        self._log = directory / "log"
        self._path = directory / "configuration"
        self._path.write_text(configuration)
        self._command = [part.replace("{}", str(self._path)) for part in command]
        self._process: subprocess.Popen[bytes] | None = None
        self._seen = 0
        self.port = port

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._serves, 20, f"the start of {self._command}; see {self._log}")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def forwarded(self) -> list[tuple[str, str]]:
        """Return method and raw path of each request that it has forwarded since the last call, by its own log."""
        with self._log.open("rb") as log:
            log.seek(self._seen)
            whole = log.read().rpartition(b"\n")[0]
        self._seen += len(whole)
        lines = [line.split("\t") for line in unescaped(whole.decode("latin-1")).splitlines() if "\t" in line]
        return [
            (method, raw_path(target)) for method, target, upstream in lines if upstream not in {"", "-", "<NOSRV>"}
        ]

    def _serves(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text("latin-1")
        try:
            return httpx.get(f"{self.url}/health", trust_env=False).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def unescaped(text: str) -> str:
    """Return what HAProxy means by ``#22``; a ``#`` of a client's is written so, too."""
    return re.sub("#([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), text)


def raw_path(target: str) -> str:
    """Return the path of a request target; none is ``/`` here, as proxies send it."""
    return re.sub("^[a-z]+://[^/?]*", "", target.partition("?")[0], flags=re.IGNORECASE) or "/"


def haproxy(directory: Path, service_port: int) -> Proxy:
    """Return HAProxy with one pool of connections for all clients, so that what one leaves behind reaches the next."""
    port = free_port()
    configuration = f"""
global
    log stdout format raw local0
defaults
    mode http
    log global
    log-format "%HM\\t%HU\\t%s"
    http-reuse always
    retries 0
    timeout connect 5s
    timeout client 1s
    timeout server 20s
    timeout http-request 1s
    timeout http-keep-alive 1s
frontend clients
    bind 127.0.0.1:{port}
    http-request set-header X-Forwarded-For {CLIENT}
    default_backend services
backend services
    server service 127.0.0.1:{service_port}
"""
    return Proxy(directory, [program("haproxy"), "-db", "-f", "{}"], configuration, port)


def nginx(directory: Path, service_port: int, *, buffers_requests: bool = True) -> Proxy:
    """Return nginx with connections to the service that are kept open."""
    port = free_port()
    configuration = f"""
daemon off;
master_process off;
pid {directory}/pid;
error_log {directory}/errors;
events {{ worker_connections 256; }}
http {{
    log_format forwarded escape=none "$request_method\\t$request_uri\\t$upstream_addr";
    access_log /dev/stdout forwarded;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    client_header_timeout 1s;
    client_body_timeout 1s;
    large_client_header_buffers 8 64k;
    merge_slashes off;
    upstream services {{ server 127.0.0.1:{service_port}; keepalive 1; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://services;
            proxy_http_version 1.1;
            proxy_next_upstream off;
            proxy_request_buffering {"on" if buffers_requests else "off"};
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For {CLIENT};
        }}
    }}
}}
"""
    return Proxy(directory, [program("nginx"), "-e", "stderr", "-c", "{}"], configuration, port)
