"""Logging: every line in one format, whoever wrote it, and without secrets."""

import logging
import warnings
from collections.abc import Callable

import attrs
import pytest
import structlog
import typed_settings as ts

from tbg.config import Settings
from tbg.logs import Redactor, configure_logging
from tests.conftest import Logged

PASSWORD = 'p@ss"word\\1'
SETTINGS = Settings(
    database_url=ts.SecretStr("postgresql+asyncpg://u:p%40ss%22word%5C1@db/game"),
    redis_url=ts.SecretStr("redis://:Redis-marker@cache"),
)


@pytest.fixture
def configure() -> Callable[..., None]:
    def run(**changes: str) -> None:
        configure_logging(attrs.evolve(SETTINGS, **changes))  # type: ignore[arg-type]  # whatever a test wants

    return run


def fail(error: Exception) -> None:
    raise error


def test_every_library_writes_the_same_format_once(configure: Callable[..., None], logged: Logged) -> None:
    configure()
    structlog.stdlib.get_logger("tbg.own").info("own.event", number=1)
    logging.getLogger("library").warning("%d things of %s", 2, "theirs")
    logging.getLogger("uvicorn.error").info("Started", extra={"color_message": "\x1b[36mStarted"})
    logging.captureWarnings(capture=True)
    warnings.showwarning("old", DeprecationWarning, "file.py", 1)

    own, library, uvicorn, warning = logged()
    assert own.items() >= {"event": "own.event", "number": 1, "level": "info", "logger": "tbg.own"}.items()
    assert library.items() >= {"event": "2 things of theirs", "level": "warning", "logger": "library"}.items()
    assert uvicorn.keys() == {"event", "level", "logger", "timestamp"}
    assert (warning["logger"], warning["level"]) == ("py.warnings", "warning")


def test_a_line_carries_what_is_bound_to_its_request(configure: Callable[..., None], logged: Logged) -> None:
    configure()
    with structlog.contextvars.bound_contextvars(request_id="test-123"):
        logging.getLogger("library").warning("theirs")

    (line,) = logged()
    assert line["request_id"] == "test-123"


def test_a_traceback_is_one_line(configure: Callable[..., None], logged: Logged) -> None:
    configure()
    try:
        fail(ValueError("first\nsecond"))
    except ValueError as error:
        structlog.stdlib.get_logger("tbg.own").error("own.failure", exc_info=error)
        logging.getLogger("library").exception("theirs")

    for line in logged():
        assert line["exception"].startswith("Traceback (most recent call last)")
        assert line["exception"].endswith("ValueError: first\nsecond")


@pytest.mark.parametrize(
    ("level", "expected"), [("DEBUG", ["debug", "info", "error"]), ("INFO", ["info", "error"]), ("ERROR", ["error"])]
)
def test_the_level_is_the_settings_one(
    configure: Callable[..., None], logged: Logged, level: str, expected: list[str]
) -> None:
    configure(log_level=level)
    for logger in (structlog.stdlib.get_logger("tbg.own"), logging.getLogger("library")):
        for name in ("debug", "info", "error"):
            getattr(logger, name)(name)

    assert [line["event"] for line in logged()] == expected * 2


@pytest.mark.parametrize("name", ["sqlalchemy.engine.Engine", "asyncio", "alembic.runtime.plugins"])
def test_chatty_libraries_are_heard_from_warnings_on(configure: Callable[..., None], logged: Logged, name: str) -> None:
    configure(log_level="DEBUG")
    logging.getLogger(name).info("chatter")
    logging.getLogger(name).warning("trouble")

    assert [line["event"] for line in logged()] == ["trouble"]


@pytest.mark.parametrize("format_", ["json", "console"])
@pytest.mark.parametrize("secret", [PASSWORD, "p%40ss%22word%5C1", "Redis-marker"])
def test_no_line_holds_a_password(
    configure: Callable[..., None], capsys: pytest.CaptureFixture[str], format_: str, secret: str
) -> None:
    configure(log_format=format_)
    structlog.stdlib.get_logger("tbg.own").info(f"connect to {secret}", url=f"redis://:{secret}@h", nested=[secret])
    try:
        fail(ConnectionError(f"cannot use {secret}"))
    except ConnectionError:
        logging.getLogger("library").exception("failed with %s", secret)

    output = capsys.readouterr().out
    assert "***" in output
    assert secret not in output


def test_what_is_too_short_to_search_for_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    redact = Redactor(["abc", "abcd"])

    assert redact(None, "", "abc abcd") == "abc ***"
    assert capsys.readouterr().out == ""


def test_people_get_readable_lines(configure: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    configure(log_format="console")
    structlog.stdlib.get_logger("tbg.own").warning("own.event", number=1)

    output = capsys.readouterr().out
    assert "own.event" in output
    assert "number=1" in output
    assert "\x1b" not in output, "colours are for terminals"
    assert not output.startswith("{")


def test_people_get_tracebacks_without_local_variables(
    configure: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Local variables hold whatever the code works with: bodies, addresses, tokens."""
    configure(log_format="console")
    local = "value-of-a-local-variable"
    try:
        fail(ValueError(len(local)))
    except ValueError:
        logging.getLogger("library").exception("failed")

    output = capsys.readouterr().out
    assert "ValueError: 25" in output
    assert local not in output.replace(f'local = "{local}"', "")
