"""URLs with passwords in them: which are clear, what the passwords are, and how the URLs are shown.

A password with a reserved character that is not percent-encoded is one thing for SQLAlchemy, another for redis-py and a
third for us, so that the wrong part would be masked. Such URLs are refused.
"""

import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlsplit

from tbg.redis.url import first_server, is_redis_url

MASK: Final = "***"
_AFTER_SCHEME: Final = re.compile(r"[a-z+]+://(?:(?P<user>[^/?#@]*)@)?[^/?#@]*(?:/[^?#@]*)?(?:\?[^#@]*)?")


def is_clear(url: str) -> bool:
    """Tell whether all programs read the same user, password and host in it.

    One `@` at most, before the host; no fragment; nothing that `urlsplit` drops without a word.
    """
    return _AFTER_SCHEME.fullmatch(url) is not None and re.search(r"[\x00-\x20\x7f\\]", url) is None


def is_database_url(value: str) -> bool:
    """Tell whether the engine can be made from it, and is told the password that is masked."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - slow, and only needed where a URL is set
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415 - the same

    try:
        parts, url = urlsplit(value), make_url(value)
        ours = (unquote(parts.username or ""), unquote(parts.password or ""), parts.hostname, parts.port)
    except (ValueError, ArgumentError):
        return False
    theirs = (url.username or "", url.password or "", (url.host or "").lower(), url.port)
    return is_clear(value) and parts.scheme == "postgresql+asyncpg" and bool(parts.hostname) and ours == theirs


def is_clear_redis_url(value: str) -> bool:
    """Tell whether a client can be made from it, and is told the password that is masked."""
    return is_clear(value) and is_redis_url(value)


def password_hint(url: str) -> str | None:
    """Say what to do about a URL that is refused, if a reserved character before its host may be why."""
    user = url.partition("://")[2].rpartition("@")[0]
    if re.fullmatch(r"[A-Za-z0-9._~%-]*(?::[A-Za-z0-9._~%-]*)?", user):
        return None
    return "percent-encode each character of a user's name or password other than A-Z a-z 0-9 - . _ ~"


def passwords(url: str) -> list[str]:
    """Return the passwords in ``url``, before its host or in its query: as written, and as meant."""
    return [secret for secret in dict.fromkeys(_passwords(url)) if secret]


def _passwords(url: str) -> Iterator[str]:
    parts = urlsplit(first_server(url))
    written = parts.password or ""
    yield from (written, unquote(written))
    for pair in parts.query.split("&"):
        name, _, value = pair.partition("=")
        if _is_secret(unquote_plus(name)):
            yield from (value, unquote(value), unquote_plus(value))
    yield from (value for name, value in parse_qsl(parts.query) if _is_secret(name))


def _is_secret(name: str) -> bool:
    return re.search("pass|secret|token|key$", name, re.IGNORECASE) is not None and not name.endswith(("file", "path"))


def written_forms(secret: str) -> set[str]:
    """Return how a secret may stand in a line: as it is, percent-encoded, in a repr or JSON, or in both."""
    plain = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), quote(secret, safe=" +")}
    once = {form for each in plain for form in _quoted(each)}
    return plain | once | {form for each in once for form in _quoted(each)}


def _quoted(text: str) -> Iterator[str]:
    for quoted in (repr(text + "'\""), repr(text.encode(errors="replace") + b"'\"").removeprefix("b")):
        inside = quoted[1:-4]  # both kinds of quotes at the end make every ' escaped; Python may also do without
        yield from (inside, inside.replace("\\'", "'"))
    yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])


def mask_url(url: str) -> str:
    """Return ``url`` with its password, and anything secret a query might hold, masked."""
    return re.sub(r"//([^/:@]*):.*@", rf"//\1:{MASK}@", url.partition("?")[0])
