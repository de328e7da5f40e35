"""Lines on their way out: whole, in order, and never in a request's way."""

import contextlib
import io
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tbg.log_stream import LogStream
from tbg.log_target import LogTarget, _write_if_there_is_room

SECONDS = 10.0


@attrs.frozen
class Pipe:
    """A pipe: what to read from, and what a stream writes to."""

    reader: int
    file: io.TextIOWrapper

    def read(self, until: bytes, seconds: float = SECONDS) -> bytes:
        """Return what is there as soon as it ends in ``until``."""
        received, deadline = b"", time.monotonic() + seconds
        while not received.endswith(until) and time.monotonic() < deadline:
            if select.select([self.reader], [], [], 0.1)[0]:
                received += os.read(self.reader, 65536)
        return received


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as file:
        yield Pipe(reader, file)
    os.close(reader)


def line(number: int) -> bytes:
    return b'{"number": %d}\n' % number


def numbers(text: bytes) -> list[int]:
    """Return the lines' numbers; each line must be whole."""
    return [json.loads(each)["number"] for each in text.splitlines() if b"number" in each]


def test_a_line_is_written_at_once_before_the_start(pipe: Pipe) -> None:
    stream = LogStream(pipe.file)
    stream.put(line(1))

    assert os.read(pipe.reader, 100) == line(1)


def test_all_lines_come_in_order(pipe: Pipe) -> None:
    stream = LogStream(pipe.file)
    stream.start()
    for number in range(1000):
        stream.put(line(number))

    assert numbers(pipe.read(line(999))) == list(range(1000))


def test_flush_waits_until_all_is_written(pipe: Pipe) -> None:
    stream = LogStream(pipe.file)
    stream.start()
    stream.put(line(1))
    stream.flush()
    os.set_blocking(pipe.reader, False)

    assert os.read(pipe.reader, 100) == line(1)


def test_nobody_waits_for_a_reader_that_has_stopped(pipe: Pipe) -> None:
    """A pipe holds 64 KB; beyond that a write waits for its reader."""
    stream = LogStream(pipe.file, max_waiting=50_000)
    stream.start()
    begun = time.monotonic()
    for number in range(20_000):
        stream.put(line(number))
    took = time.monotonic() - begun

    assert took < 2
    assert numbers(pipe.read(line(19_999))) == list(range(20_000))


def test_flush_gives_up_on_a_reader_that_has_stopped(pipe: Pipe) -> None:
    stream = LogStream(pipe.file)
    stream.start()
    stream.put(b"x" * 100_000 + b"\n")
    begun = time.monotonic()
    stream.flush(0.2)

    assert 0.15 < time.monotonic() - begun < 2
    pipe.read(b"\n")


def test_what_does_not_fit_is_dropped_and_counted(pipe: Pipe) -> None:
    stream = LogStream(pipe.file, max_waiting=10)
    stream.start()
    stream.put(b"x" * 100_000 + b"\n")  # the thread is busy with it from now on
    time.sleep(0.1)
    for number in range(15):
        stream.put(line(number))
    for number in range(100, 112):
        stream.put(line(number), important=True)
    received = pipe.read(b'Z"}\n')

    assert numbers(received) == [*range(10), *range(100, 110)], "important lines may take as much again"
    note = json.loads(received.splitlines()[-1])
    assert (note["event"], note["lines"], note["level"]) == ("log.dropped", 7, "warning")


def test_a_reader_that_is_gone_hurts_nobody(pipe: Pipe) -> None:
    stream = LogStream(pipe.file)
    stream.start()
    os.dup2(os.open(os.devnull, os.O_RDONLY), pipe.reader)
    begun = time.monotonic()
    for number in range(2):
        stream.put(line(number))
        stream.flush()

    assert time.monotonic() - begun < 1, "the thread lives"


def test_a_full_disk_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    """Half a line that could still be written must not spoil the next one."""
    target = tmp_path / "log"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with target.open("w") as file:
        stream = LogStream(file)
        stream.put(line(1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(line(1)) + 5, hard))
        stream.put(line(2))
        stream.put(line(3))
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        stream.put(line(4))

    assert target.read_bytes() == line(1) + line(2)[:5] + b"\n" + line(4)


def test_a_non_blocking_pipe_is_waited_for(pipe: Pipe) -> None:
    """Whoever shares a terminal or a pipe can make it so, for all of them."""
    os.set_blocking(pipe.file.fileno(), False)
    stream = LogStream(pipe.file)
    stream.start()
    stream.put(b"x" * 200_000 + b"\n")
    stream.put(line(1))

    assert pipe.read(line(1)).endswith(b"x\n" + line(1))


def test_a_file_without_a_descriptor_will_do() -> None:
    file = io.StringIO()
    stream = LogStream(file)
    stream.start()
    stream.put(line(1))

    assert file.getvalue() == line(1).decode()


def fill(pipe: Pipe) -> None:
    """Leave no room in the pipe."""
    os.set_blocking(pipe.file.fileno(), False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(pipe.file.fileno(), b"x" * 4095 + b"\n")
    os.set_blocking(pipe.file.fileno(), True)


class TestBeforeTheStart:
    """What gunicorn's master needs: it has no thread, and must wait for nobody."""

    def test_a_reader_that_has_stopped_is_waited_for_once(self, pipe: Pipe) -> None:
        stream = LogStream(pipe.file)
        fill(pipe)
        begun = time.monotonic()
        for number in range(50):
            stream.put(line(number))
        stream.flush()

        assert time.monotonic() - begun < 1

    def test_what_could_not_be_written_comes_with_the_next_line(self, pipe: Pipe) -> None:
        stream = LogStream(pipe.file)
        fill(pipe)
        for number in range(1000):
            stream.put(line(number))
        pipe.read(b"nothing", 0.3)
        stream.put(line(1000))

        assert numbers(pipe.read(line(1000))) == list(range(1001))

    def test_what_does_not_fit_is_dropped_and_counted(self, pipe: Pipe) -> None:
        stream = LogStream(pipe.file, max_waiting=10)
        fill(pipe)
        for number in range(20):
            stream.put(line(number))
        pipe.read(b"nothing", 0.3)
        stream.put(line(20))
        received = pipe.read(line(20))

        assert numbers(received) == [*range(11), 20], "one was on its way, ten waited"
        (note,) = [json.loads(each) for each in received.splitlines() if b"log.dropped" in each]
        assert (note["lines"], note["level"]) == (9, "warning")

    def test_half_a_long_line_spoils_no_other(self, pipe: Pipe) -> None:
        stream = LogStream(pipe.file)
        stream.put(b'"' + b"x" * 100_000 + b'"\n')
        pipe.read(b"nothing", 0.3)
        stream.put(line(1))
        stream.put(line(2))
        received = pipe.read(line(2))

        assert numbers(received) == [1, 2]
        assert b'"lines":1,' in received

    def test_a_child_writes_only_what_is_its_own(self, pipe: Pipe) -> None:
        stream = LogStream(pipe.file)
        fill(pipe)
        stream.put(line(1))
        child = os.fork()
        if not child:
            stream.put(line(2))
            stream.start()
            stream.flush()
            os._exit(0)
        received = pipe.read(line(2))
        os.waitpid(child, 0)
        stream.put(line(3))

        assert numbers(received + pipe.read(line(3))) == [2, 1, 3]

    def test_a_signal_handler_may_write(self, pipe: Pipe) -> None:
        """Its lines are not lost, and end up in no other's."""
        stream = LogStream(pipe.file)
        before = signal.signal(signal.SIGALRM, lambda *_: stream.put(line(0)))
        signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
        for number in range(1, 2001):
            stream.put(line(number))
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        stream.put(line(2001))
        found = numbers(pipe.read(line(2001)))

        assert [number for number in found if number] == list(range(1, 2002))
        assert 0 in found

    def test_it_looks_for_room_where_nothing_better_is_to_be_had(self, pipe: Pipe) -> None:
        assert _write_if_there_is_room(pipe.file.fileno(), b"x" * 5000) == select.PIPE_BUF
        fill(pipe)

        with pytest.raises(BlockingIOError):
            _write_if_there_is_room(pipe.file.fileno(), b"x")


@pytest.fixture
def held(pipe: Pipe) -> Iterator[Pipe]:
    """A pipe on which another process, that is stopped, has its turn."""
    code = "import fcntl, signal; fcntl.lockf(1, fcntl.LOCK_EX); signal.raise_signal(signal.SIGSTOP)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=pipe.file) as other:
        os.waitid(os.P_PID, other.pid, os.WSTOPPED)
        yield pipe
        other.kill()


@pytest.mark.parametrize("is_started", [False, True])
def test_a_turn_that_does_not_come_is_not_waited_for(held: Pipe, *, is_started: bool) -> None:
    stream = LogStream(held.file)
    if is_started:
        stream.start()
    for number in range(1000):
        stream.put(line(number))

    assert numbers(held.read(line(999))) == list(range(1000))


def test_nobody_needs_a_turn_where_the_kernel_gives_one(tmp_path: Path) -> None:
    """So nobody else's lock on a file or a device can stop us."""
    path = tmp_path / "log"
    for place in (os.devnull, path):
        with open(place, "wb") as file, LogTarget(file.fileno()).turn(0):  # noqa: PTH123 - one is a device
            code = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
            assert subprocess.run([sys.executable, "-c", code, place], check=False).returncode == 0


WRITER = """
import sys
from tbg.log_stream import LogStream
stream = LogStream(sys.stdout)
stream.start()
for number in range(3000):
    stream.put(b'{"number": %d, "filler": "' % number + b"x" * 300 + b'"}\\n')
"""


def test_processes_that_share_a_slow_pipe_do_not_mix_their_lines(pipe: Pipe) -> None:
    """The reader is slow, so that the pipe is full all the time; at its end a process writes what waits."""
    writers = [subprocess.Popen([sys.executable, "-c", WRITER], stdout=pipe.file) for _ in range(3)]
    pipe.file.close()
    received = b""
    while piece := os.read(pipe.reader, 16384):
        received += piece
        time.sleep(0.0005)
    for each in writers:
        assert each.wait() == 0

    assert sorted(numbers(received)) == sorted([*range(3000)] * 3)
