"""A checkout with a stand-in service, and `tbg dev` started in it as a process of its own."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import psutil

from tbg.dev.state import clean

SERVICE = """
import http.server, os, sys
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            await send({"type": event["type"] + ".complete"})
            if event["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": os.environ["WEB_CONCURRENCY"].encode()})
"""
GUNICORN = """
import os
bind = f"{os.environ['TBG_HOST']}:{os.environ['TBG_PORT']}"
worker_class = "uvicorn_worker.UvicornWorker"
wsgi_app = "standin:app"
control_socket_disable = True
"""
STARTER = """
import json, sys
from pathlib import Path
from tbg.dev.options import Commands, DevOptions
from tbg.dev.supervisor import run
order = json.loads(sys.argv[1])
commands = Commands(**{name: tuple(argv) for name, argv in order.pop("commands").items()})
sys.exit(run(DevOptions(root=Path(order.pop("root")), commands=commands, **order)))
"""
READY_SECONDS = 30.0
END_SECONDS = 10.0


def eventually(condition: Callable[[], bool], seconds: float = READY_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@attrs.define
class Run:
    """One `tbg dev`."""

    process: subprocess.Popen[bytes]
    output: Path
    family: list[psutil.Process] = attrs.Factory(list)

    @property
    def text(self) -> str:
        return self.output.read_text()

    def ready(self) -> "Run":
        assert eventually(lambda: "\n  Redis " in self.text or self.ended()), self.text
        assert not self.ended(), self.text
        self.note_family()
        return self

    def ended(self) -> bool:
        return self.process.poll() is not None

    def note_family(self) -> None:
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def of_each[Answer](self, question: Callable[[psutil.Process], Answer]) -> list[Answer]:
        """Ask each process of the family; some, as PostgreSQL's autovacuum workers, come and go."""
        answers = []
        for process in self.family:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                answers.append(question(process))
        return answers

    def programs(self) -> list[tuple[str, psutil.Process]]:
        """Return the command line of each process that is not a guard."""
        lines = self.of_each(lambda process: (" ".join(process.cmdline()), process))
        return [(line, process) for line, process in lines if "_guard.py" not in line]

    def named(self, name: str) -> psutil.Process:
        """Return the first process, but for guards, whose command line has a word."""
        return next(process for line, process in self.programs() if name in line)

    def address(self, name: str) -> str:
        """Return where something is, as the banner says it."""
        return next(line.split()[1] for line in self.text.splitlines() if line.startswith(f"  {name}"))

    def url(self, name: str) -> str:
        """Return where a server is, with the password from the file that the banner names."""
        line = next(line for line in self.text.splitlines() if line.startswith(f"  {name}"))
        words, _, path = line.removesuffix(")").partition(" (password: ")
        url, written = words.split()[1], Path(path).read_text().splitlines()[-1]
        password = written.rpartition(":")[2]
        return url.replace("@", f":{password}@") if "@" in url else url.replace("//", f"//:{password}@")

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS)

    def survivors(self, seconds: float = END_SECONDS) -> list[psutil.Process]:
        """Return what still runs after a time at most; a zombie is over, only its new parent has not looked yet."""
        assert self.family
        eventually(lambda: not any(map(_runs, self.family)), seconds)
        return [process for process in self.family if _runs(process)]

    def fails(self) -> str:
        """Wait for it to fail and return the one sentence it says."""
        assert self.process.wait(READY_SECONDS) == 1, self.text
        assert "Traceback" not in self.text
        sentences = [line for line in self.text.splitlines() if line.startswith("error: ")]
        assert len(sentences) == 1
        return sentences[0]


class Checkout:
    """A directory like this repository, with what `tbg dev` needs of it.

    Args:
        root: Where it is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runs: list[Run] = []
        root.mkdir(exist_ok=True)
        (root / "standin.py").write_text(SERVICE)
        (root / "gunicorn.conf.py").write_text(GUNICORN)

    def start(
        self,
        *,
        prefix: Sequence[str] = (),
        migrate: Sequence[str] = ("/bin/true",),
        environment: dict[str, str] | None = None,
        **options: object,
    ) -> Run:
        output = Path(tempfile.mkstemp(prefix="tbg-output-")[1])
        order = {"root": str(self.root), "port": 0, "commands": {"migrate": migrate}} | options
        with output.open("wb") as stream:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-c", STARTER, json.dumps(order)],
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.root,
                env={name: value for name, value in os.environ.items() if not name.startswith(("TBG_", "COV"))}
                | (environment or {}),
            )
        self.runs.append(Run(process, output))
        return self.runs[-1]

    def end_runs(self) -> None:
        while self.runs:
            run = self.runs.pop()
            if not run.ended():
                run.note_family()
                run.process.kill()
                run.process.wait()
                run.survivors()
            run.output.unlink()

    def remove(self) -> None:
        self.end_runs()
        for full in self.root.parent.glob("ballast"):  # not even the lock can be written
            full.unlink()
        clean(self.root)
        shutil.rmtree(self.root, ignore_errors=True)
