"""Signals that come before anybody handles them, in processes of their own."""

import signal
import subprocess
import sys

import pytest

from tbg.server.signals import started_with

FORKS = """
import os, signal, sys, time
from tbg.server.signals import FORK_GUARD

noted = []
number = int(sys.argv[1])
signal.signal(number, lambda *_: noted.append(1))  # as gunicorn's master does
FORK_GUARD.install()
FORK_GUARD.install()
for _ in range(100):
    child = os.fork()
    if not child:
        time.sleep(10)
        os._exit(9)
    os.kill(child, number)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the child has only noted the signal"
os.kill(os.getpid(), number)
assert noted == [1], "the parent still heeds it"

child = os.fork()
if not child:
    signal.signal(number, lambda *_: None)
    if not os.fork():
        os._exit(7 if callable(signal.getsignal(number)) and not signal.pthread_sigmask(signal.SIG_BLOCK, []) else 8)
    os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7, "what a worker forks is its own business"
"""

EARLY = """
import os, signal
from tbg.server.signals import end_early

end_early(143)
end_early(0)
{then}
os.kill(os.getpid(), signal.SIGTERM)
os._exit(9)
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_that_reaches_a_new_worker_is_not_lost(number: signal.Signals) -> None:
    result = run(FORKS, str(int(number)))

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("then", "status"),
    [
        ("", 0),
        ("signal.signal(signal.SIGTERM, lambda *_: os._exit(5)); end_early(0)", 5),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN); end_early(0)", 9),
    ],
    ids=["nobody else handles it", "somebody does", "it is ignored on purpose"],
)
def test_an_early_end_is_for_the_time_without_a_handler(then: str, status: int) -> None:
    """gunicorn reads its configuration again on SIGHUP: then its own handlers are there."""
    assert run(EARLY.format(then=then)).returncode == status


def test_another_master_is_started_like_this_one() -> None:
    assert started_with()["args"] == sys.orig_argv
