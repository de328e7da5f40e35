"""What the embedded servers have in common, tried with the one that starts faster."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from tbg.dev import ports
from tbg.dev.errors import DevServerError, PortTakenError
from tbg.dev.server import EmbeddedServer
from tbg.dev.valkey import EmbeddedValkey
from tests.support.servers import kill


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey")
    yield server
    server.discard()


def ping(server: EmbeddedValkey) -> bool:
    with redis.Redis.from_url(server.url) as client:
        return bool(client.ping())


def test_valkey_comes_back_on_its_port(valkey: EmbeddedValkey) -> None:
    with valkey:
        port = valkey.port
        assert ping(valkey)
    assert not valkey.alive()

    with valkey:
        kill(valkey)
        valkey.start()

        assert ping(valkey)
        assert valkey.port == port


def test_same_directory_same_port(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    with valkey:
        port = valkey.port
    again = EmbeddedValkey(tmp_path / "valkey")

    with again:
        assert again.port == port


def test_server_that_was_never_started(valkey: EmbeddedValkey) -> None:
    assert not valkey.alive()
    assert valkey.port == 0
    with pytest.raises(DevServerError, match="Valkey was not started"):
        valkey.pid  # noqa: B018 - reading it raises


def test_port_that_was_asked_for_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = EmbeddedValkey(tmp_path / "valkey", taken.getsockname()[1])

        with pytest.raises(PortTakenError):
            server.start()

    assert not server.alive()


@pytest.fixture
def thief() -> Iterator[socket.socket]:
    with socket.socket() as thief:
        yield thief


def take_port_between_look_and_use(server: EmbeddedServer, thief: socket.socket) -> Callable[[], None]:
    run = server._run

    def take_and_run() -> None:
        server._run = run  # type: ignore[method-assign]  # once
        thief.bind(("127.0.0.1", server.port))
        thief.listen()
        run()

    return take_and_run


def test_moves_on_if_its_port_is_taken_at_the_last_moment(
    valkey: EmbeddedValkey, thief: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "_run", take_port_between_look_and_use(valkey, thief))

    with valkey:
        assert valkey.port != thief.getsockname()[1]
        assert ping(valkey)


def test_stays_on_the_port_that_was_asked_for(
    tmp_path: Path, thief: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedValkey(tmp_path / "valkey", ports.free_port())
    monkeypatch.setattr(server, "_run", take_port_between_look_and_use(server, thief))

    with pytest.raises(PortTakenError):
        server.start()


def test_data_that_valkey_cannot_read(valkey: EmbeddedValkey) -> None:
    with valkey:
        pass
    data = valkey.data_dir.resolve()
    (data / "dump.rdb").write_bytes(b"REDIS0011 and then nonsense")

    with pytest.raises(DevServerError, match=f"Valkey cannot read its data in {data}: delete that"):
        valkey.start()


def test_server_that_says_nothing_known(valkey: EmbeddedValkey) -> None:
    assert str(valkey.failure("stopped")) == f"Valkey stopped (it said nothing): see {valkey.log_path}"


def test_server_that_takes_too_long(valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen one has started, but does not answer."""
    monkeypatch.setattr(EmbeddedValkey, "start_seconds", 0.3)
    valkey.launch()
    os.kill(valkey.pid, signal.SIGSTOP)

    with pytest.raises(DevServerError, match="Valkey did not answer within 0 s"):
        valkey.wait_ready()

    assert not valkey.alive()


def test_full_disk_is_noticed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may wait for room in silence; the frozen one here does not answer either."""

    def no_sleep(_seconds: float) -> None:
        pytest.fail("it waited")

    server = EmbeddedValkey(tmp_path / "valkey", sleep=no_sleep)
    server.launch()
    os.kill(server.pid, signal.SIGSTOP)
    monkeypatch.setattr("tbg.dev.server.is_full", lambda _path: True)

    with pytest.raises(DevServerError, match="the disk is full at"):
        server.wait_ready()
