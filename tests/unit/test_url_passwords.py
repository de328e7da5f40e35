"""A password is what the libraries use, or the URL is refused; and no form of it is ever shown."""

import contextlib
import json
import logging
from collections.abc import Callable
from typing import Literal
from urllib.parse import quote

import pytest
import structlog
import typed_settings as ts
from redis.asyncio.connection import parse_url
from sqlalchemy.engine import make_url

from tbg.config import Settings, SettingsError, options
from tbg.logs import Redactor, configure_logging
from tbg.settings_text import shown
from tbg.url_passwords import passwords

RESERVED = "/?#@:%[]!$&'()*+,;= \"\\<>^`{|}~\t\n\0\u00e4\u20bf"
DATABASE = "postgresql+asyncpg://tbg:{}@db.internal:5432/game"
REDIS = "redis://tbg:{}@cache.internal:6379/0"
SENTINEL = "redis+sentinel://tbg:{}@one:1,two:2/main/0"


CASES: dict[str, tuple[str, Callable[[str], object]]] = {
    "TBG_DATABASE_URL": (DATABASE, lambda url: make_url(url).password),
    "TBG_REDIS_URL": (REDIS, lambda url: parse_url(url).get("password")),
}
FIELDS = dict(options())


def as_loaded(monkeypatch: pytest.MonkeyPatch, variable: str, url: str) -> Settings | None:
    """Return the settings with this URL, None if it is refused; the refusal shows no part of it."""
    monkeypatch.setenv(variable, url)
    with contextlib.suppress(SettingsError):
        return Settings.load(None)
    with pytest.raises(SettingsError, match=rf"{variable}: \*\*\* is not allowed") as refused:
        Settings.load(None)
    assert "Xk9" not in str(refused.value)
    return None


@pytest.mark.parametrize("character", RESERVED.replace("\0", ""))  # which no environment can hold
@pytest.mark.parametrize("variable", CASES)
@pytest.mark.parametrize("password", ["Xk9{}marker", "12{}Xk9", "{}Xk9marker", "Xk9marker{}", "1{0}2{0}Xk9@h{0}"])
def test_a_raw_character_is_refused_or_masked_as_it_is_used(
    monkeypatch: pytest.MonkeyPatch, variable: str, password: str, character: str
) -> None:
    template, used = CASES[variable]
    url = template.format(password.format(character))

    settings = as_loaded(monkeypatch, variable, url)

    if settings is not None:
        assert used(url) in settings.secrets
        assert "Xk9" not in shown(settings, FIELDS[variable])


@pytest.mark.parametrize("character", "/?#@")
@pytest.mark.parametrize("template", [DATABASE, REDIS, SENTINEL])
def test_what_ends_a_part_of_a_url_is_refused_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, template: str, character: str
) -> None:
    variable = "TBG_DATABASE_URL" if template == DATABASE else "TBG_REDIS_URL"
    monkeypatch.setenv(variable, template.format(f"12{character}3"))

    with pytest.raises(SettingsError, match="percent-encode each character of a user's name or password"):
        Settings.load(None)


@pytest.mark.parametrize("template", [DATABASE, REDIS, SENTINEL])
def test_every_password_can_be_percent_encoded(monkeypatch: pytest.MonkeyPatch, template: str) -> None:
    variable = "TBG_DATABASE_URL" if template == DATABASE else "TBG_REDIS_URL"

    settings = as_loaded(monkeypatch, variable, template.format(quote(RESERVED, safe="")))

    assert settings is not None
    assert RESERVED in settings.secrets


@pytest.mark.parametrize(
    "url",
    [
        f"{REDIS.format('x')}?password=",
        f"{SENTINEL.format('x')}?sentinel_password=",
        f"{REDIS.format('x')}?ssl_password=",
        "unix:///run/redis.sock?password=",
    ],
)
@pytest.mark.parametrize("written", ["Xk9%2Fmarker", "Xk9+marker", "Xk9%2520marker", "Xk9%C3%A4marker"])
def test_a_password_in_the_query_is_a_secret_in_each_of_its_readings(url: str, written: str) -> None:
    settings = Settings(redis_url=ts.SecretStr(url + written))

    meant = {"Xk9%2Fmarker": "Xk9/marker", "Xk9+marker": "Xk9 marker", "Xk9%2520marker": "Xk9%20marker"}
    assert {written, meant.get(written, "Xk9\u00e4marker")} <= set(settings.secrets)


SECRET = "Xk9/?#@:% \"'\\\n\u00e4\u20bfmarker"
FORMS = {
    "as it is": SECRET,
    "percent-encoded": quote(SECRET, safe=""),
    "repr": repr(SECRET)[1:-1],
    "repr of bytes": repr(SECRET.encode())[2:-1],
    "JSON": json.dumps(SECRET)[1:-1],
    "JSON in UTF-8": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "repr in JSON": json.dumps(repr(SECRET)[1:-1])[1:-1],
    "repr of a repr": repr(repr(SECRET)[1:-1])[1:-1],
    "JSON in JSON": json.dumps(json.dumps(SECRET)[1:-1])[1:-1],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_each_form_is_masked(form: str) -> None:
    redact = Redactor([SECRET])

    assert redact.text(f"a {form} b") == "a *** b"
    assert redact.bytes(f"a {form} b".encode()) == b"a *** b"


def test_a_secret_within_another_leaves_nothing_behind() -> None:
    assert Redactor(["abcd", "abcdefgh", "xabcdefghx"]).text("xabcdefghx abcdefgh abcd") == "*** *** ***"


def fail() -> None:
    raise ValueError(SECRET)


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("template", [DATABASE, f"{DATABASE.format('x')}?password={{}}"])
def test_no_line_holds_a_password_in_any_form(
    capsys: pytest.CaptureFixture[str], log_format: Literal["json", "console"], template: str
) -> None:
    url = template.format(quote(SECRET, safe=""))
    configure_logging(Settings(database_url=ts.SecretStr(url), log_format=log_format))
    log = structlog.stdlib.get_logger("tbg.own")
    log.warning("own.event", plain=SECRET, nested={"key": [SECRET]}, data=SECRET.encode(), shown=repr(SECRET), url=url)
    try:
        fail()
    except ValueError:
        logging.getLogger("library").exception("%r and %s", SECRET, SECRET)

    output = capsys.readouterr().out
    assert "own.event" in output
    assert "Xk9" not in output
    assert "marker" not in output


def test_passwords_of_a_url_without_any() -> None:
    assert passwords("redis://h?ssl_keyfile=/etc/key&db=1") == []
