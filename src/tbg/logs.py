"""Logging: structlog renders everything, its own events and those of every library, one line each, nothing twice.

Only the line of a request is rendered apart, because there are so many of them.
"""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from tbg.config import MASK, Settings
from tbg.log_stream import LogStream
from tbg.url_passwords import written_forms

REQUEST_EVENT: Final = "http.request"
ACCESS_LOGGER: Final = "tbg.access"

# These libraries say at INFO what a request line already says, or nothing that anyone acts on.
_QUIET = ("sqlalchemy", "asyncio", "alembic.runtime.plugins")


class RequestLine(msgspec.Struct):
    """One request as its line in the log tells it, in this order."""

    method: str
    path: str
    operation: str | None
    status: int
    duration_ms: float
    client: str
    request_id: str
    timestamp: datetime
    event: str = REQUEST_EVENT
    level: Literal["info"] = "info"
    logger: str = ACCESS_LOGGER


class CutRequestLine(RequestLine):
    """The same for a request whose response did not reach its client as a whole."""

    cut: Literal[True] = True


_REQUEST_FIELDS: Final = ("method", "path", "operation", "status", "duration_ms", "client")

RequestLog = Callable[[RequestLine], None]
"""Write the line of one request."""


class LineHandler(logging.Handler):
    """Hand rendered records to a stream."""

    def __init__(self, stream: LogStream) -> None:
        super().__init__()
        self.stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Render and write one record."""
        try:
            line = self.format(record).encode(errors="backslashreplace") + b"\n"
        except Exception:  # noqa: BLE001 - as every handler of the standard library does
            self.handleError(record)
        else:
            self.stream.put(line, important=record.levelno >= logging.WARNING)

    def flush(self) -> None:
        """Write what waits."""
        self.stream.flush()


class Redactor:
    """Replace secrets in a rendered line, wherever a library's message may have picked one up.

    Args:
        secrets: What must never be printed; shorter than four characters is too common a text to search for.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        long = [secret for secret in secrets if len(secret) > 3]  # noqa: PLR2004 - see above
        forms = {form for secret in long for form in written_forms(secret)}
        self._secrets = sorted(forms, key=len, reverse=True)  # what is part of another is replaced after it
        self._encoded = [form.encode(errors="backslashreplace") for form in self._secrets]

    def __call__(self, _logger: WrappedLogger, _method: str, rendered: EventDict | str) -> str:
        """Return the line without the secrets; it comes last, when the renderer has made a line of the event."""
        return self.text(str(rendered))

    def text(self, text: str) -> str:
        """Return any text without the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def bytes(self, line: bytes) -> bytes:
        """Do the same for a line that is encoded already."""
        for secret in self._encoded:
            line = line.replace(secret, MASK.encode())
        return line


def configure_logging(settings: Settings) -> None:
    """Send every log line of this process to standard output, in the format that the settings choose."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        _drop_color_message,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = LineHandler(_stream())
    handler.setFormatter(_formatter(settings, shared))
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def _stream() -> LogStream:
    """Return the stream in use, with what waits in it, as long as it leads to standard output."""
    if sys.stdout is None:  # Python's way to say that it is closed
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
    streams = [handler.stream for handler in line_handlers()]
    return next((stream for stream in streams if stream.file is sys.stdout), None) or LogStream(sys.stdout)


def line_handlers() -> list[LineHandler]:
    """Return what `configure_logging` has installed."""
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, LineHandler)]


def request_log(settings: Settings) -> RequestLog:
    """Return what writes the line of a request, as `configure_logging` has been told before."""
    logger = structlog.stdlib.get_logger(ACCESS_LOGGER)
    handlers = line_handlers()
    if settings.log_format == "json" and handlers:
        return _JsonRequestLog(handlers[0].stream, Redactor(settings.secrets))

    def write(line: RequestLine) -> None:
        cut = {"cut": True} if isinstance(line, CutRequestLine) else {}
        logger.info(line.event, **{name: getattr(line, name) for name in _REQUEST_FIELDS}, **cut)

    return write


class _JsonRequestLog:
    """Render a request's line without structlog, which takes ten times as long."""

    def __init__(self, stream: LogStream, redact: Redactor) -> None:
        self._put = stream.put
        self._encode = msgspec.json.Encoder().encode
        self._redact = redact
        self._logger = logging.getLogger(ACCESS_LOGGER)

    def __call__(self, line: RequestLine) -> None:
        if self._logger.isEnabledFor(logging.INFO):
            self._put(self._redact.bytes(self._encode(line)) + b"\n")


def _drop_color_message(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop uvicorn's second rendering of its own message, which is meant for its own formatter."""
    event.pop("color_message", None)
    return event


def _formatter(settings: Settings, shared: list[Processor]) -> logging.Formatter:
    machine: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    # Plain tracebacks: a rich one shows local variables, and in them whatever must not be logged.
    people: list[Processor] = [
        structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *(machine if settings.log_format == "json" else people),
            Redactor(settings.secrets),
        ],
    )
