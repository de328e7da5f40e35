"""The supervisor in this process, with a service of a few lines."""

import http.client
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from tbg.dev import service, supervisor
from tbg.dev.errors import DevServerError
from tbg.dev.options import Commands, DevOptions
from tbg.dev.signals import Stop

SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer((os.environ["TBG_HOST"], int(os.environ["TBG_PORT"])), Handler).serve_forever()
"""
NOTHING_TO_DO = ("/bin/true",)


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout whose `.env` names a database, so that only Valkey is embedded."""
    for name in [name for name in os.environ if name.startswith("TBG_")]:
        monkeypatch.delenv(name)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        (root / ".env").write_text("TBG_DATABASE_URL=postgresql+asyncpg://me:secret@db/mine\nTBG_DEBUG=true\n")
        yield root


@pytest.fixture
def options(checkout: Path) -> DevOptions:
    serve = (sys.executable, "-c", SERVER)
    return DevOptions(root=checkout, port=0, commands=Commands(migrate=NOTHING_TO_DO, serve=serve))


def sleep_until(condition: Callable[[], bool]) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        if condition():
            raise Stop

    return sleep


def test_says_where_everything_is_but_no_password_of_the_user(
    options: DevOptions, capfd: pytest.CaptureFixture[str]
) -> None:
    settled = supervisor._settled(options)
    output = []

    def said() -> bool:
        output.append(capfd.readouterr().out)
        return "Ready" in "".join(output)

    with pytest.raises(Stop):
        supervisor._supervise(settled, sleep_until(said))

    text = "".join(output)
    assert f"  API        http://127.0.0.1:{settled.port}\n" in text
    assert f"  Docs       http://127.0.0.1:{settled.port}/docs\n" in text
    assert "  PostgreSQL from TBG_DATABASE_URL\n" in text
    assert "  Redis      redis://127.0.0.1:" in text
    assert "secret" not in text


def test_embeds_what_is_not_named(options: DevOptions, capfd: pytest.CaptureFixture[str]) -> None:
    (options.root / ".env").write_text("TBG_REDIS_URL=redis://cache\n")
    output = []

    def said() -> bool:
        output.append(capfd.readouterr().out)
        return "Ready" in "".join(output)

    with pytest.raises(Stop):
        supervisor._supervise(supervisor._settled(options), sleep_until(said))

    assert "  PostgreSQL postgresql+asyncpg://tbg@127.0.0.1:" in "".join(output)
    passwords = [line.rpartition(":")[2] for line in (options.root / ".tbg/postgres.pgpass").read_text().split()]
    assert not [password for password in passwords if password in "".join(output)]
    assert "  Redis      from TBG_REDIS_URL\n" in "".join(output)
    assert "Docs" not in "".join(output)


def test_a_signal_is_a_good_end(options: DevOptions, capfd: pytest.CaptureFixture[str]) -> None:
    migrate = ("/bin/sh", "-c", f"kill -TERM {os.getpid()}; sleep 60")

    status = supervisor.run(attrs.evolve(options, commands=Commands(migrate=migrate)))

    assert status == 0
    assert capfd.readouterr().err == "stopped\n"


def test_a_failure_is_one_sentence(options: DevOptions, capfd: pytest.CaptureFixture[str]) -> None:
    status = supervisor.run(attrs.evolve(options, commands=Commands(migrate=("/bin/false",))))

    assert status == 1
    assert capfd.readouterr().err == "error: the migrations failed (exit status 1): see what they said above\n"


def test_service_that_ends(options: DevOptions) -> None:
    commands = Commands(migrate=NOTHING_TO_DO, serve=("/bin/sh", "-c", "exit 3"))

    with pytest.raises(DevServerError, match=r"the service stopped \(exit status 3\): see what it said above"):
        supervisor._supervise(supervisor._settled(attrs.evolve(options, commands=commands)), time.sleep)


def test_service_that_does_not_answer(options: DevOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_HEALTH_SECONDS", 0.1)
    commands = Commands(migrate=NOTHING_TO_DO, serve=("/bin/sleep", "60"))

    with pytest.raises(DevServerError, match=r"did not answer http://.*/health within 0 s"):
        supervisor._supervise(supervisor._settled(attrs.evolve(options, commands=commands)), time.sleep)


def test_migration_without_end(options: DevOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_MIGRATION_SECONDS", 0.1)
    commands = Commands(migrate=("/bin/sleep", "60"))

    with pytest.raises(DevServerError, match=r"the migrations failed \(it took too long\): see"):
        supervisor._supervise(supervisor._settled(attrs.evolve(options, commands=commands)), time.sleep)


def test_server_that_ends_while_it_serves(options: DevOptions) -> None:
    settled = supervisor._settled(options)
    killed: list[int] = []

    def kill_valkey_once_served(seconds: float) -> None:
        time.sleep(seconds)
        if killed:
            return
        connection = http.client.HTTPConnection("127.0.0.1", settled.port)
        try:
            connection.request("GET", "/health")
        except OSError:
            return
        finally:
            connection.close()
        killed.append(int((options.root / ".tbg" / "valkey.log").read_text().partition(":")[0]))
        os.kill(killed[0], signal.SIGKILL)

    with pytest.raises(DevServerError, match=r"Valkey stopped \(.*Ready to accept connections.*\): see .*valkey\.log"):
        supervisor._supervise(settled, kill_valkey_once_served)


def test_a_terminal_that_is_gone_keeps_nothing_from_being_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", buffering=1, closefd=True) as gone:
        monkeypatch.setattr(sys, "stderr", gone)

        supervisor._say("stopped", to_stderr=True)

        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)
