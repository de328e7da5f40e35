"""gunicorn as production runs it: how it starts, refuses to start, lives, and ends."""

import json
import os
import select
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tbg.dev.ports import free_port
from tests.conftest import StartGunicorn, gunicorn
from tests.integration.probe.app import APP
from tests.support.environments import ROOT, full_environment, tbg_command
from tests.support.gunicorn import Gunicorn, wait_until

MARKER = "Xk9-marker-password"
UNREACHABLE = f"postgresql+asyncpg://tbg:{MARKER}@127.0.0.1:9/thebitcoingame"


Refused = Callable[..., tuple[int, Gunicorn]]


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """Start a gunicorn that must end at once; return its exit status and itself."""

    def run(**variables: str) -> tuple[int, Gunicorn]:
        environment = {**full_environment(port=free_port()), **variables}
        server = Gunicorn(tmp_path / "gunicorn", environment)
        server.launch()
        return server.wait(30), server

    return run


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").is_success
    except httpx.TransportError:
        return False


def _read(reader: int) -> bytes:
    """Return what is there, and what comes until nothing has come for half a second."""
    received = b""
    while select.select([reader], [], [], 0.5)[0]:
        received += os.read(reader, 65_536)
    return received


class TestRefusal:
    """The master ends at once, with the reason; no worker is ever started, nothing is tried again."""

    @pytest.mark.parametrize(
        ("variables", "messages"),
        [
            (
                {"TBG_PORT": "many", "TBG_DEBUG": "perhaps", "TBG_DATABASE_URL": f"mysql://u:{MARKER}@h"},
                ["TBG_PORT: 'many'", "TBG_DEBUG: 'perhaps'", "TBG_DATABASE_URL: ***"],
            ),
            ({"TBG_ENVIRONMENT": "production"}, ["TBG_DATABASE_URL: has the development password"]),
            ({"WEB_CONCURRENCY": "0"}, ["WEB_CONCURRENCY: '0' is not allowed"]),
            ({"TBG_CONTRACT_PATH": "/nowhere/openapi.yaml"}, ["/nowhere/openapi.yaml"]),
        ],
    )
    def test_a_bad_setting(self, refused: Refused, variables: dict[str, str], messages: list[str]) -> None:
        status, server = refused(**variables)

        assert status != 0
        for message in messages:
            assert message in server.errors()
        assert_no_attempt(server)

    @pytest.mark.parametrize("text", ["0", "many", "-1", "1.5", "\u0663"])
    def test_a_bad_number_of_workers(self, tmp_path: Path, text: str) -> None:
        """`gunicorn` alone answers some of these with a traceback, before it reads any configuration."""
        environment = {**full_environment(port=free_port()), "WEB_CONCURRENCY": text}
        server = Gunicorn(tmp_path, environment, command=tbg_command("serve"))
        server.launch()

        assert server.wait(30) == 1
        assert (
            server.errors()
            == f"WEB_CONCURRENCY: {text!r} is not allowed; it must be a whole number of workers, from 1\n"
        )
        assert_no_attempt(server)

    def test_a_contract_that_is_no_yaml(self, refused: Refused, tmp_path: Path) -> None:
        (tmp_path / "openapi.yaml").write_text("openapi: [3.1.0\n")
        status, server = refused(TBG_CONTRACT_PATH=str(tmp_path / "openapi.yaml"))

        assert status != 0
        assert "openapi.yaml cannot be used" in server.errors()
        assert_no_attempt(server)

    def test_a_contract_that_promises_something_else(self, refused: Refused, tmp_path: Path) -> None:
        text = (ROOT / "openapi.yaml").read_text()
        (tmp_path / "openapi.yaml").write_text(text.replace("\n  /version:\n", "\n  /versions:\n"))
        status, server = refused(TBG_CONTRACT_PATH=str(tmp_path / "openapi.yaml"))

        assert status != 0
        assert "GET /versions: promised as 'getVersion'" in server.errors()
        assert "GET /version: served by VersionResource.on_get" in server.errors()
        assert_no_attempt(server)


def assert_no_attempt(server: Gunicorn) -> None:
    output = server.output()
    assert "Traceback" not in output
    assert "Booting worker" not in output
    assert output.count("Starting gunicorn") <= 1
    assert MARKER not in output


class TestLife:
    def test_every_line_of_a_whole_run_is_json_and_appears_once(
        self, tmp_path: Path, postgres_url: str, redis_url: str
    ) -> None:
        with gunicorn(tmp_path, postgres_url, redis_url, APP) as server, server.client() as client:
            for number, path in enumerate(("/version", "/nowhere", "/probe/crash", "/probe/refuse", "/probe/breach")):
                client.get(f"{path}?secret=in-the-query", headers={"X-Request-Id": f"whole-{number}"})
            client.delete("/version", headers={"X-Request-Id": "whole-5"})
            httpx.get(server.url, trust_env=False)

        log = server.log()
        assert server.text().endswith("\n")
        assert "secret" not in server.text().replace("s3cret", "")
        for line in log:
            assert line.keys() >= {"event", "level", "logger", "timestamp"}
            assert "color_message" not in line
        twice = [text for text, count in Counter(server.text().splitlines()).items() if count > 1]
        assert twice == []
        events = Counter(line["event"] for line in log)
        assert events["Starting gunicorn 27.0.1"] == 1
        assert events["Application startup complete."] == 2
        assert events["Application shutdown complete."] == 2
        assert events["Shutting down: Master"] == 1
        assert {line["logger"] for line in log} >= {"gunicorn.error", "uvicorn.error", "tbg.access", "tbg.errors"}
        whole = [line for line in log if str(line.get("request_id", "")).startswith("whole-")]
        assert [(line["status"], line["operation"]) for line in whole if line["event"] == "http.request"] == [
            (200, "getVersion"),
            (404, None),
            (500, "crash"),
            (409, "refuse"),
            (500, "breakTheContract"),
            (405, None),
        ]
        for line in whole:
            if line["event"] == "http.request":
                assert line.keys() == {
                    "event", "level", "logger", "timestamp", "request_id",
                    "method", "path", "operation", "status", "duration_ms", "client",
                }  # fmt: skip
                assert 0 < line["duration_ms"] < 5_000
                assert line["client"] == "127.0.0.1"
                assert "?" not in line["path"]

    def test_people_can_read_it_too(self, start_gunicorn: StartGunicorn) -> None:
        server = start_gunicorn(workers=1, log_format="console")
        with server.client() as client:
            client.get("/version")

        assert "http.request" in server.text()
        assert "path=/version" in server.text()
        assert not [line for line in server.text().splitlines() if line.startswith("{")]

    def test_nobody_waits_for_whoever_reads_the_log(self, tmp_path: Path, postgres_url: str, redis_url: str) -> None:
        """A pipe holds 64 KB; when it is full, two workers that wrote to it themselves would stand still."""
        server = gunicorn(tmp_path, postgres_url, redis_url)
        os.mkfifo(server._stdout)
        reader = os.open(server._stdout, os.O_RDONLY | os.O_NONBLOCK)
        server.launch()
        try:
            with server.client() as client:
                wait_until(lambda: _answers(client), 30, "an answer")
                begun = time.monotonic()
                assert {client.get("/health").status_code for _ in range(1_000)} == {200}
                took = time.monotonic() - begun
            lines = _read(reader).splitlines()[:-1]
        finally:
            server.kill()
            os.close(reader)

        assert took < 10
        assert len([line for line in map(json.loads, lines) if line["event"] == "http.request"]) >= 1_000

    def test_variables_that_nothing_reads_are_warned_of(
        self, tmp_path: Path, postgres_url: str, redis_url: str
    ) -> None:
        server = gunicorn(tmp_path, postgres_url, redis_url, workers=1)
        server._environment["TBG_PROT"] = "8000"
        with server:
            (line,) = server.log("settings.unknown")

        assert (line["level"], line["variables"]) == ("warning", ["TBG_PROT"])

    def test_a_killed_worker_is_replaced(self, start_gunicorn: StartGunicorn) -> None:
        server = start_gunicorn()
        victim = min(server.worker_pids())
        psutil.Process(victim).kill()
        wait_until(lambda: victim not in server.worker_pids() and len(server.worker_pids()) == 2, 10, "a replacement")
        wait_until(lambda: len(server.log("Application startup complete.")) == 3, 10, "its start")

        with server.client() as client:
            assert {client.get("/health").status_code for _ in range(10)} == {200}

    def test_a_request_in_flight_is_finished_before_the_end(
        self, tmp_path: Path, postgres_url: str, redis_url: str
    ) -> None:
        server = gunicorn(tmp_path, postgres_url, redis_url, APP)
        answers: list[httpx.Response] = []
        with server:
            url = f"{server.url}/probe/slow"
            threads = [
                threading.Thread(target=lambda: answers.append(httpx.get(url, trust_env=False))) for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            time.sleep(0.4)
            server.stop()
            for thread in threads:
                thread.join(10)

        assert [response.json() for response in answers] == [{"answer": 1}] * 4

    def test_requests_that_take_too_long_do_not_hold_up_the_end(
        self, tmp_path: Path, postgres_url: str, redis_url: str
    ) -> None:
        """Idle keep-alive connections are closed at once."""
        server = gunicorn(tmp_path, postgres_url, redis_url, graceful_timeout_seconds=30)
        with server:
            clients = [server.client() for _ in range(4)]
            for client in clients:
                client.get("/health")
            started = time.monotonic()
            server.stop()
            seconds = time.monotonic() - started
            for client in clients:
                client.close()

        assert seconds < 8

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
    def test_other_signals_end_it_too(
        self, tmp_path: Path, postgres_url: str, redis_url: str, number: signal.Signals
    ) -> None:
        server = gunicorn(tmp_path, postgres_url, redis_url, workers=1)
        server.start()
        workers = server.worker_pids()
        psutil.Process(server.pid).send_signal(number)

        started = time.monotonic()
        assert server.wait(10) == 0
        assert time.monotonic() - started < 4, "the workers had to be killed"
        assert not [pid for pid in workers if psutil.pid_exists(pid)]
        assert "Traceback" not in server.output()

    def test_workers_do_not_outlive_a_killed_master(self, tmp_path: Path, postgres_url: str, redis_url: str) -> None:
        server = gunicorn(tmp_path, postgres_url, redis_url)
        server.start()
        workers = [psutil.Process(pid) for pid in server.worker_pids()]
        psutil.Process(server.pid).kill()
        _, alive = psutil.wait_procs(workers, timeout=10)
        server.kill()
        for worker in alive:
            worker.kill()

        assert alive == []


class TestPasswords:
    @pytest.mark.parametrize("log_format", ["json", "console"])
    def test_none_is_logged_or_answered(self, tmp_path: Path, log_format: str) -> None:
        """At DEBUG, while every connection fails, and where somebody logs the settings."""
        redis_url = f"redis://user:{MARKER}@127.0.0.1:9/0"
        server = gunicorn(
            tmp_path, UNREACHABLE, redis_url, workers=1, log_level="DEBUG", log_format=log_format, ready_cache_seconds=0
        )
        with server, server.client() as client:
            paths = ("/ready", "/version", "/nowhere", "/openapi.yaml")
            answers = [client.get(path) for path in paths]

        assert "127.0.0.1', 9" in server.text() or "127.0.0.1:9" in server.text(), "the failures are in the log"
        assert MARKER not in server.output()
        assert not [answer for answer in answers if MARKER in answer.text + str(answer.headers)]

    def test_a_refused_password_is_not_repeated(self, tmp_path: Path, postgres_url: str, redis_url: str) -> None:
        url = postgres_url.replace(f":{urlsplit(postgres_url).password}@", f":{MARKER}@")
        server = gunicorn(tmp_path, url, redis_url, workers=1, log_level="DEBUG", ready_cache_seconds=0)
        with server, server.client() as client:
            ready = client.get("/ready")

        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "error: unavailable")
        assert "password authentication failed" in server.text()
        assert MARKER not in server.output() + ready.text

    def test_the_settings_may_be_logged(self, tmp_path: Path, postgres_url: str, redis_url: str) -> None:
        with gunicorn(tmp_path, postgres_url, redis_url, APP, workers=1) as server, server.client() as client:
            client.get("/probe/log")

        (line,) = server.log("probe.leak")
        assert ":***@" in line["database"]
        assert str(urlsplit(postgres_url).password) not in server.output()


class TestConfiguration:
    def test_tbg_serve_is_the_same(self, tmp_path: Path, postgres_url: str, redis_url: str) -> None:
        environment = full_environment(port=free_port(), database_url=postgres_url, redis_url=redis_url)
        server = Gunicorn(tmp_path, environment, command=tbg_command("serve"))
        with server, server.client() as client:
            assert client.get("/health").status_code == 200
            assert len(server.worker_pids()) == 2

    def test_web_concurrency_says_how_many_workers(self, start_gunicorn: StartGunicorn) -> None:
        assert len(start_gunicorn(workers=3).worker_pids()) == 3

    def test_it_listens_on_ipv6(self, start_gunicorn: StartGunicorn) -> None:
        server = start_gunicorn(workers=1, host="::1")

        with server.client() as client:
            assert client.get("/health").status_code == 200
