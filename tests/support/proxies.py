"""Real proxies with caches, as they are by default, in front of a server on this machine."""

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tbg.dev.ports import free_port
from tests.support.gunicorn import wait_until

_NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache keys_zone=all:1m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{target};
            proxy_cache all;
            proxy_cache_valid any 1m;
        }}
    }}
}}
"""


def program(name: str) -> str:
    """Return the path of a program; the test fails where there is none: it is asked for on purpose."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail(f"there is no {name} here: apt-get install nginx varnish")
    return found


@contextmanager
def nginx(folder: Path, target: int) -> Iterator[str]:
    """Run nginx with a cache for everything that may be stored, for a minute unless the response says otherwise."""
    port = free_port()
    folder.mkdir(parents=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, port=port, target=target))
    with _running([program("nginx"), "-p", str(folder), "-c", str(configuration)], folder, port) as url:
        yield url


@contextmanager
def varnish(folder: Path, target: int) -> Iterator[str]:
    """Run Varnish with its built-in rules."""
    port = free_port()
    folder.mkdir(parents=True)
    command = [program("varnishd"), "-F", "-a", f"127.0.0.1:{port}", "-b", f"127.0.0.1:{target}"]
    with _running([*command, "-n", str(folder / "work"), "-s", "malloc,16m", "-j", "none"], folder, port) as url:
        yield url


@contextmanager
def _running(command: Sequence[str], folder: Path, port: int) -> Iterator[str]:
    log = folder / "output.log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            wait_until(lambda: process.poll() is not None or _accepts(port), 30, f"the start of {command[0]}")
            assert process.poll() is None, log.read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def _accepts(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
