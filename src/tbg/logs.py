"""Logging: structlog renders everything, its own events and those of every library, one line each, nothing twice."""

import json
import logging
import sys
from collections.abc import Sequence

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from tbg.config import MASK, Settings

# These libraries say at INFO what a request line already says, or nothing that anyone acts on.
_QUIET = ("sqlalchemy", "asyncio", "alembic.runtime.plugins")


class Redactor:
    """Replace secrets in a rendered line, wherever a library's message may have picked one up.

    Args:
        secrets: What must never be printed; shorter than four characters is too common a text to search for.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        long = [secret for secret in secrets if len(secret) > 3]  # noqa: PLR2004 - see above
        self._secrets = {form for secret in long for form in (secret, json.dumps(secret)[1:-1])}

    def __call__(self, _logger: WrappedLogger, _method: str, rendered: EventDict | str) -> str:
        """Return the line without the secrets; it comes last, when the renderer has made a line of the event."""
        line = str(rendered)
        for secret in self._secrets:
            line = line.replace(secret, MASK)
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
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_formatter(settings, shared))
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


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
