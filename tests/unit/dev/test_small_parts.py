"""The parts of `tbg dev` that start no server."""

import errno
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tbg.dev import ports, state
from tbg.dev.environment import configured, service_environment
from tbg.dev.errors import DevServerError, PortTakenError, is_full, says_disk_full, writing
from tbg.dev.options import DevOptions
from tbg.dev.packages import package_directory, program
from tbg.dev.process import Command, GuardedProcess
from tbg.dev.service import Address
from tbg.dev.signals import Stop, stop_when_asked

NO_PROCESS = 2**22 + 1  # above every system's largest


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full at /place: free some space there"),
        (errno.EDQUOT, "the disk is full at /place"),
        (errno.EROFS, "cannot write to /place (Read-only file system): make it writable"),
        (errno.EACCES, "cannot write to /place (Permission denied): make it writable"),
        (errno.ENOTDIR, "cannot use /place: "),
    ],
)
def test_what_the_system_says_becomes_a_sentence(number: int, words: str) -> None:
    with pytest.raises(DevServerError) as raised, writing(Path("/place")):
        raise OSError(number, os.strerror(number))

    assert str(raised.value).startswith(words)


def test_knows_a_full_disk(tmp_path: Path) -> None:
    assert says_disk_full("FATAL:  could not write: No space left on device")
    assert not says_disk_full("FATAL:  something else")
    assert not is_full(tmp_path)


def test_missing_package_means_a_production_install() -> None:
    with pytest.raises(DevServerError, match="no_such_package is missing: install the development requirements"):
        package_directory("no_such_package")


def test_package_without_a_program_for_this_system(tmp_path: Path) -> None:
    with pytest.raises(DevServerError, match="carries no server for this system: set TBG_DATABASE_URL"):
        program(tmp_path, "bin/server")


def test_prefers_the_port_that_is_asked_for(listener: socket.socket) -> None:
    taken, free = listener.getsockname()[1], ports.free_port()

    assert ports.free_port(free) == free
    assert ports.free_port(taken) != taken


def test_no_port_is_free(monkeypatch: pytest.MonkeyPatch, listener: socket.socket) -> None:
    monkeypatch.setattr(ports, "_FIRST", listener.getsockname()[1])
    monkeypatch.setattr(ports, "_COUNT", 1)

    with pytest.raises(DevServerError, match=r"no free port .* on 127\.0\.0\.1"):
        ports.free_port()


def test_taken_port_has_its_own_error(listener: socket.socket) -> None:
    port = listener.getsockname()[1]

    with pytest.raises(PortTakenError, match=f"port {port} for Valkey is taken by another program: .* choose another"):
        ports.require_free(port, "Valkey")


def test_address_that_is_not_of_this_machine() -> None:
    with pytest.raises(DevServerError, match=r"cannot listen on 192\.0\.2\.1:8000 \(.+\): choose another address"):
        ports.require_free(8000, "the service", "192.0.2.1")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104 - nothing is bound
        ("::", "http://[::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_address_for_a_browser_on_this_machine(host: str, url: str) -> None:
    assert Address(host, 80).url == url


def test_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TBG_REDIS_URL=redis://file\nTBG_DEBUG=true\nTBG_EMPTY\n")

    variables = configured(tmp_path, {"TBG_REDIS_URL": "redis://environment"})

    assert variables == {"TBG_REDIS_URL": "redis://environment", "TBG_DEBUG": "true"}


def test_service_gets_the_servers_and_the_options(tmp_path: Path) -> None:
    options = DevOptions(root=tmp_path, host="::", port=1234, reload=True, workers=3)

    environment = service_environment(options, {}, {"TBG_REDIS_URL": "redis://here"}, {"HOME": "/home/me"})

    assert environment == {
        "HOME": "/home/me",
        "TBG_REDIS_URL": "redis://here",
        "TBG_HOST": "::",
        "TBG_PORT": "1234",
        "TBG_LOG_FORMAT": "console",
        "TBG_DRAIN_SECONDS": "0",
        "TBG_DEV_RELOAD": "1",
        "WEB_CONCURRENCY": "3",
    }


def test_defaults_do_not_replace_what_the_user_chose(tmp_path: Path) -> None:
    """Neither in the environment nor in the file, which the service reads itself."""
    chosen = {"TBG_LOG_FORMAT": "json", "WEB_CONCURRENCY": "4"}

    from_file = service_environment(DevOptions(root=tmp_path), chosen, {}, {})
    from_environment = service_environment(DevOptions(root=tmp_path), chosen, {}, chosen)

    assert not chosen.keys() & from_file.keys()
    assert chosen.items() <= from_environment.items()


def test_compiled_modules_are_kept_even_if_the_source_tree_must_stay_clean(tmp_path: Path) -> None:
    environment = service_environment(DevOptions(root=tmp_path), {}, {}, {"PYTHONDONTWRITEBYTECODE": "1"})

    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["PYTHONPYCACHEPREFIX"] == f"{tmp_path}/.tbg/pycache"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_noticed_at_the_next_wait(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    with stop_when_asked() as sleep:
        sleep(0)
        os.kill(os.getpid(), number)
        with pytest.raises(Stop):
            sleep(0)

    assert signal.getsignal(number) is before


def test_nohup_is_respected() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with stop_when_asked() as sleep:
        os.kill(os.getpid(), signal.SIGHUP)
        sleep(0)

    signal.signal(signal.SIGHUP, before)


def test_program_that_cannot_be_run() -> None:
    with pytest.raises(DevServerError, match=r"cannot run /nowhere: .*No such file"):
        GuardedProcess(Command(argv=["/nowhere"]))


def test_waiting_has_an_end() -> None:
    process = GuardedProcess(Command(argv=["/bin/sleep", "60"]))

    status = process.wait(0.05)
    process.stop()

    assert status is None
    assert process.poll() == 128 + signal.SIGTERM


def test_a_checkout_is_held_once(tmp_path: Path) -> None:
    with (
        state.hold(tmp_path, "http://here"),
        pytest.raises(DevServerError, match=f"already runs in {tmp_path} .process {os.getpid()}, http://here."),
        state.hold(tmp_path, "http://there"),
    ):
        pass


def test_waits_for_the_servers_of_a_run_that_was_killed(tmp_path: Path) -> None:
    """Its guards hold the lock until they have ended them, and what is written there is a process that is gone."""
    naps = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        os.close(leftover)

    with state.hold(tmp_path, "killed") as held:
        leftover = os.dup(held.lock)
    (tmp_path / ".tbg" / "lock").write_text(json.dumps({"pid": NO_PROCESS, "address": "gone"}))
    with state.hold(tmp_path, "next", sleep):
        pass

    assert len(naps) == 1


def test_clean_deletes_what_is_in_the_checkout(tmp_path: Path) -> None:
    state.clean(tmp_path)
    with state.hold(tmp_path, "") as held:
        held.valkey.mkdir()

    state.clean(tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("pid", "runs"), [(1, True), (NO_PROCESS, False), (0, False)])
def test_knows_whether_a_process_runs(pid: int, *, runs: bool) -> None:
    assert state._runs(pid) is runs
