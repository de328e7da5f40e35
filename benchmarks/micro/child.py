"""The process that measures: it builds the application once, and then measures what it is told to.

One JSON value per line: first, the figures of the start; then, for each ``{"name": …, "seconds": …}``, the figures of
its batches, or why there are none. The end of the input is the end of the process.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import TextIO

from benchmarks.micro.catalogue import catalogue
from benchmarks.micro.exchanges import REFUSED
from benchmarks.micro.figures import IMPORT
from benchmarks.micro.measuring import Benchmark, repeat
from benchmarks.micro.subject import Subject, build_subject
from benchmarks.micro.whole import use_up


def divert_output() -> TextIO:
    """Send the log, which goes to standard output, nowhere, as fast as any; return the way to the parent."""
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answers


def answer(subject: Subject, benchmarks: Mapping[str, Benchmark], name: str, seconds: float) -> dict[str, object]:
    """Measure one benchmark, or say why it cannot be."""
    try:
        return {"batches": repeat(subject.loop, benchmarks[name], seconds)}
    except Exception as error:  # noqa: BLE001 - whatever the code of another commit raises
        return {"missing": f"{type(error).__name__}: {error}"}


def main(import_ns: int) -> None:
    """Serve the parent, which has named a Redis on the command line, until it has heard enough.

    Args:
        import_ns: The CPU time that importing the service has taken.
    """
    answers = divert_output()
    subject = build_subject(sys.argv[1])
    benchmarks = catalogue(subject)
    subject.loop.run_until_complete(use_up(subject.strict, REFUSED))
    print(json.dumps({IMPORT: import_ns / 1_000_000, **subject.boot}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(subject, benchmarks, **json.loads(line))), file=answers, flush=True)
