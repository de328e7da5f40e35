"""Lines on their way out: whole, in order, and never in a request's way."""

import io
import json
import os
import resource
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tbg.log_stream import LogStream

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
