"""However `tbg dev` ends, no process of it is left."""

import os
import signal
import socket
from itertools import chain

import asyncpg
import psutil
import pytest
import redis

from tests.system.dev.checkouts import Checkout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_in_order(checkout: Checkout, number: signal.Signals) -> None:
    run = checkout.start(workers=2).ready()

    status = run.end(number)

    assert status == 0
    assert run.survivors(seconds=0) == []
    assert run.text.rstrip().endswith("stopped")
    assert "Traceback" not in run.text
    assert "Application shutdown complete" in run.text


def test_ctrl_c_reaches_the_whole_process_group(checkout: Checkout) -> None:
    """A terminal sends it to every process of the foreground group: only the supervisor, which ends them in order."""
    run = checkout.start().ready()
    groups = run.of_each(lambda process: os.getpgid(process.pid))

    os.killpg(run.process.pid, signal.SIGINT)

    assert run.process.pid not in groups
    assert run.process.wait(10) == 0
    assert run.survivors(seconds=0) == []


def test_after_sigkill_nothing_is_left_and_the_next_run_works(checkout: Checkout) -> None:
    killed = checkout.start(workers=2).ready()

    killed.end(signal.SIGKILL)
    run = checkout.start().ready()

    assert killed.survivors(seconds=0) == []
    assert run.end() == 0


def test_frozen_servers_die_too_and_the_next_run_waits_for_that(checkout: Checkout) -> None:
    """A frozen process does not see an orderly request, so that it takes a while; its data must not be used before."""
    run = checkout.start().ready()
    for _, process in run.programs():
        process.suspend()

    run.process.kill()
    run.process.wait()
    following = checkout.start().ready()

    assert run.survivors(seconds=0) == []
    assert following.end() == 0


def test_ctrl_c_while_the_data_is_created(fresh_checkout: Checkout) -> None:
    run = fresh_checkout.start()
    postgres = fresh_checkout.root / ".tbg" / "postgres"
    while not (postgres / "cluster.new" / "PG_VERSION").exists():
        assert not run.ended(), run.text
    run.note_family()

    assert run.end() == 0
    assert run.survivors(seconds=0) == []
    assert not (postgres / "cluster").exists()
    assert fresh_checkout.start().ready().end() == 0


@pytest.mark.parametrize(
    ("victim", "name"), [("bin/postgres", "PostgreSQL"), ("valkey-server", "Valkey"), ("gunicorn", "the service")]
)
def test_a_server_that_dies_ends_the_rest(checkout: Checkout, victim: str, name: str) -> None:
    run = checkout.start(workers=2).ready()

    run.named(victim).kill()

    sentence = run.fails()
    assert sentence.startswith(f"error: {name} stopped (")
    assert "see " in sentence
    assert run.survivors(seconds=0) == []


@pytest.mark.skipif("sys.platform != 'linux'", reason="macOS does not tell a process that its parent has died")
def test_a_server_whose_guard_was_killed_ends(checkout: Checkout) -> None:
    run = checkout.start().ready()
    guard = run.named("bin/postgres").parent()
    assert guard is not None

    guard.kill()

    run.fails()
    assert run.survivors() == []


async def test_data_survives_a_restart(checkout: Checkout) -> None:
    run = checkout.start().ready()
    connection = await asyncpg.connect(run.url("PostgreSQL").replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE kept AS SELECT 21 AS number")
    await connection.close()
    with redis.Redis.from_url(run.url("Redis")) as client:
        client.set("kept", "21")
    run.end()

    run = checkout.start().ready()
    connection = await asyncpg.connect(run.url("PostgreSQL").replace("+asyncpg", ""))
    number = await connection.fetchval("SELECT number FROM kept")
    await connection.execute("DROP TABLE kept")
    await connection.close()
    with redis.Redis.from_url(run.url("Redis")) as client:
        text = client.get("kept")
    run.end()

    assert (number, text) == (21, b"21")


def test_servers_listen_on_the_loopback_address_only(checkout: Checkout) -> None:
    run = checkout.start().ready()

    connections = list(chain.from_iterable(run.of_each(lambda process: process.net_connections("all"))))
    listening = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
    named_sockets = [c for c in connections if c.family == socket.AF_UNIX and c.laddr]
    run.end()

    assert listening == {"127.0.0.1"}
    assert named_sockets == []
