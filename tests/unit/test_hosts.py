"""Hosts as sockets take them: what passes can be bound to, or is a name that may exist."""

import socket
import tempfile

import pytest
from click.testing import CliRunner

from tbg import cli
from tbg.hosts import host_hint, is_host

LISTENABLE = ["127.0.0.1", "0.0.0.0", "::1", "::", "localhost"]  # noqa: S104 - of this test only
GOOD = [
    *LISTENABLE,
    "fe80::1",
    "2001:db8::1",
    "api",
    "api_1",
    "my-host.internal.",
    "a.b",
    f"{'a' * 63}.b",
    "1a",
    "unix:/a",
]
BAD = {
    "[::1]": "write ::1",
    "[::1]:80": "write ::1, and TBG_PORT=80",
    "*": "for every address of this machine write 0.0.0.0, or :: for IPv6, too",
    "localhost:80": "write localhost, and TBG_PORT=80",
    "127.0.0.1:80": "write 127.0.0.1, and TBG_PORT=80",
    ":80": "write 0.0.0.0, and TBG_PORT=80",
    "http://localhost:80/": "write localhost, and TBG_PORT=80",
    " localhost": "write localhost",
    "localhost ": "write localhost",
    "local host": None,
    "": None,
    " ": None,
    "a\nb": None,
    "a/b": None,
    "a,b": None,
    "-a": None,
    "a..b": None,
    "b\u00fccher": None,
    "256.1.1.1": None,
    "127.1": None,
    "1": None,
    "0x7f.1": None,
    "1.2.3.4.5": None,
    "10.0.0.0/8": None,
    ":::1": None,
    "fd://3": None,
    "tcp://a": None,
    "a" * 64: None,
    "a." * 128: None,
    "unix:": None,
    "unix:a": None,
    "unix:/": None,
    "unix:/a/": None,
    "unix://a": None,
    "unix:/a b": None,
    "unix:/a/unix:b": None,
    "unix:/" + "a" * 103: None,
    "unix:/" + "\u00e4" * 52: None,
    "unix:/a\0b": None,
    "UNIX:/a": None,
}


@pytest.mark.parametrize("host", GOOD)
def test_what_can_be_listened_on(host: str) -> None:
    assert is_host(host)


@pytest.mark.parametrize("host", LISTENABLE)
def test_sockets_take_it(host: str) -> None:
    family, kind, *_, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as listener:
        listener.bind(address)


@pytest.mark.parametrize(("host", "hint"), BAD.items())
def test_what_cannot_be_listened_on(host: str, hint: str | None) -> None:
    assert not is_host(host)
    assert host_hint(host) == hint


@pytest.mark.parametrize("letter", ["a", "\u00e4", "\u20bf", "\U0001f600"])
def test_a_socket_s_path_is_measured_in_bytes(letter: str) -> None:
    """The longest that passes can be bound to."""
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as directory, socket.socket(socket.AF_UNIX) as listener:
        room = 103 - len(f"{directory}/")
        path = f"{directory}/{letter * (room // len(letter.encode()))}"

        assert is_host(f"unix:{path}")
        assert not is_host(f"unix:{path}{letter * 2}")
        listener.bind(path)


def test_the_command_line_is_checked_too() -> None:
    result = CliRunner().invoke(cli.main, ["dev", "--host", "[::1]"])

    assert result.exit_code == 2
    assert "'[::1]' cannot be listened on; write ::1" in result.stderr
