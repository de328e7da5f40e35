"""Logging: every line in one format, whoever wrote it, and without secrets."""

import logging
import warnings
from collections.abc import Callable
from datetime import UTC, datetime

import attrs
import pytest
import structlog
import typed_settings as ts

from tbg.config import Settings
from tbg.logs import Redactor, RequestLine, configure_logging, request_log
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


# What a client sends must neither steer a terminal, nor reorder or hide what is around it, nor look like another line.

NASTY = "a\x1b[31m\x07\x00\x9b\x85\u202e\u2066\u200b\u2028\ufeff\ud800\x7f\r\nforged"


@pytest.mark.parametrize("format_", ["json", "console"])
def test_nothing_steers_a_terminal(
    configure: Callable[..., None], capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    configure(log_format=format_)
    log = structlog.stdlib.get_logger("tbg.own")
    log.info(NASTY, value=NASTY, nested={NASTY: [NASTY]}, raw=NASTY.encode(errors="replace"), **{NASTY: 1})
    logging.getLogger(NASTY).warning("theirs %s", NASTY, extra={"own": NASTY, "thing": Nasty()})
    try:
        fail(ValueError(NASTY))
    except ValueError as error:
        log.exception("own.failure", error=error)
        logging.getLogger("library").exception("theirs", stack_info=True)
    write_line(format_, RequestLine(NASTY, NASTY, NASTY, 200, 1.0, NASTY, NASTY, datetime.now(UTC)))

    output = capsys.readouterr().out
    assert output.count("forged") > 10
    assert all(line.isprintable() for line in output.split("\n"))
    assert output.isascii()


class Nasty:
    def __repr__(self) -> str:
        return NASTY


def write_line(format_: str, line: RequestLine) -> None:
    request_log(attrs.evolve(SETTINGS, log_format=format_))(line)  # type: ignore[arg-type]  # one of the two


def test_a_terminal_shows_no_line_that_is_forged(
    configure: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    configure(log_format="console")
    other = "2026-01-01T00:00:00.000000Z [info     ] forged"
    structlog.stdlib.get_logger("tbg.own").info(f"first\n{other}", value=f"a\n{other}")
    try:
        fail(ValueError(f"a\n{other}"))
    except ValueError:
        logging.getLogger("library").exception("second\n%s", other)

    lines = capsys.readouterr().out.splitlines()
    assert sum("forged" in line for line in lines) == 4
    assert [line for line in lines if line.startswith("20")] == [lines[0], lines[2]]
    assert ["first" in lines[0], "second" in lines[2]] == [True, True]


def test_a_terminal_shows_other_scripts(configure: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    configure(log_format="console")
    structlog.stdlib.get_logger("tbg.own").info("größer", value="שלום", nested={"名": 1}, number=1.5, nothing=None)

    output = capsys.readouterr().out
    assert "größer" in output
    assert "value=שלום" in output
    assert "nested={'名': 1}" in output
    assert "number=1.5" in output
    assert "nothing=None" in output


@pytest.mark.parametrize("text", [NASTY, "é", "\x7f", "plain", "\udfff"])
def test_a_request_line_holds_whatever_was_sent(configure: Callable[..., None], logged: Logged, text: str) -> None:
    configure()
    write_line("json", RequestLine(text, text, None, 200, 1.0, "127.0.0.1", "id", datetime.now(UTC)))

    (line,) = logged("http.request")
    assert (line["method"], line["path"], line["operation"], line["status"]) == (text, text, None, 200)
