"""Settings: the only reader of ``TBG_*`` variables and of ``.env``.

    SettingsError (RuntimeError)    something is wrong; the message lists every variable at fault

Later sources win: defaults, then ``.env`` at the project's root, then the environment. What is set to nothing is not
set: ``TBG_DEBUG=`` is how compose files hand on a variable that is not there.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import attrs
import cattrs.errors
import typed_settings as ts

from tbg import __version__
from tbg.env_file import read_env_file
from tbg.hosts import host_hint, is_host
from tbg.origins import is_loopback
from tbg.project import PROJECT_ROOT as PROJECT_ROOT  # noqa: PLC0414 - for all who need it and the settings, too
from tbg.setting_fields import seconds as _seconds
from tbg.setting_fields import setting as _setting
from tbg.setting_values import Overrides, absent_or, are_origins, between, converter, is_proxy, origins_hint
from tbg.url_passwords import MASK as MASK  # noqa: PLC0414 - for all who mask
from tbg.url_passwords import is_clear_redis_url, is_database_url, password_hint, passwords

PREFIX: Final = "TBG_"
ENV_FILE: Final = PROJECT_ROOT / ".env"
DEVELOPMENT_PASSWORD: Final = "tbgdev2026"  # noqa: S105 - public on purpose; production refuses it
# Right on a developer's machine only, so production must be told its own; the database's has a password that tells.
_DEVELOPMENT_DEFAULTS: Final = ("redis_url", "cors_origins")
# For docker-compose.api.yml, which reads the same file.
_COMPOSE: Final = frozenset({"TBG_DB_PASSWORD", "TBG_API_PORT", "TBG_API_IMAGE", "TBG_API_CONTEXT"})


class SettingsError(RuntimeError):
    """One or more settings are unusable; a RuntimeError, whose message gunicorn prints without a traceback."""

    def __init__(self, findings: list[str]) -> None:
        self.findings = findings
        super().__init__("\n".join(["The settings cannot be used:", *(f"  - {finding}" for finding in findings)]))


@attrs.frozen(kw_only=True)
class Settings:
    """Everything that an operator can choose. Frozen; read once, at the start."""

    app_version: str = _setting(
        __version__,
        "version that /version reports",
        "1 to 64 characters",
        lambda v: re.fullmatch(r".{1,64}", v) is not None,
    )
    environment: str = _setting(
        "development",
        "name of the deployment; 'production' refuses development defaults",
        "lower-case letters, digits and hyphens, at most 32",
        lambda v: re.fullmatch(r"[a-z][a-z0-9-]{0,31}", v) is not None,
    )
    debug: bool = _setting(False, "serve /docs and /redoc", "true or false")  # noqa: FBT003 - a default
    host: str = _setting(
        "127.0.0.1",
        "address to listen on, or unix:/path of a socket",
        "an address without brackets and port, a host name, or unix: and an absolute path of at most 103 bytes",
        is_host,
        hint=host_hint,
    )
    port: int = _setting(8000, "port to listen on", "a whole number from 1 to 65535", between(1, 65535))
    database_url: ts.SecretStr = _setting(
        ts.SecretStr(f"postgresql+asyncpg://tbg:{DEVELOPMENT_PASSWORD}@localhost:5432/thebitcoingame"),
        "PostgreSQL or TimescaleDB",
        "a URL like postgresql+asyncpg://user:password@host:5432/database",
        is_database_url,
        hint=password_hint,
        secret=True,
    )
    database_pool_size: int = _setting(
        20, "connections kept open per worker", "a whole number from 1 to 1000", between(1, 1000)
    )
    database_max_overflow: int = _setting(
        10, "connections beyond the pool at peaks", "a whole number from 0 to 1000", between(0, 1000)
    )
    database_max_waiting: int = _setting(
        20,
        "requests per worker that may wait for a connection; more fail at once",
        "a whole number from 0 to 10000",
        between(0, 10000),
    )
    database_pool_timeout_seconds: float = _seconds(5.0, "longest wait for a connection of the pool")
    database_connect_timeout_seconds: float = _seconds(5.0, "longest wait for a new connection")
    database_statement_timeout_seconds: float = _seconds(30.0, "longest statement")
    database_lock_timeout_seconds: float = _seconds(5.0, "longest wait for a lock")
    database_idle_transaction_timeout_seconds: float = _seconds(60.0, "longest pause inside a transaction")
    database_transaction_pooler: bool = _setting(
        False,  # noqa: FBT003 - a default
        "the database is behind PgBouncer or another pooler in transaction mode",
        "true or false",
    )
    redis_url: ts.SecretStr = _setting(
        ts.SecretStr("redis://localhost:6379/0"),
        "Redis or Valkey",
        "a URL like redis://host:6379/0, rediss://…, unix://…, redis+sentinel://host,host/service "
        "or redis+cluster://host,host",
        is_clear_redis_url,
        hint=password_hint,
        secret=True,
    )
    redis_max_connections: int = _setting(
        50, "the rate limiter's connections per worker", "a whole number from 1 to 10000", between(1, 10000)
    )
    redis_timeout_seconds: float = _seconds(0.25, "longest wait of a request for its rate-limit check", 60)
    redis_connect_timeout_seconds: float = _seconds(
        5.0, "longest time until the rate limiter can use a new connection, and for which one may be silent", 60
    )
    redis_features_max_connections: int = _setting(
        50,
        "connections to Redis per worker for all features together",
        "a whole number from 1 to 10000",
        between(1, 10000),
    )
    redis_features_timeout_seconds: float = _seconds(
        1.0, "longest wait of a feature for a connection to Redis or for an answer", 60
    )
    cors_origins: tuple[str, ...] = _setting(
        ("http://localhost:5173", "http://localhost:3000"),
        "origins whose pages may call this API",
        'a JSON list of origins like ["https://app.example.com"], or ["*"]',
        are_origins,
        hint=origins_hint,
    )
    rate_limit_requests: int | None = _setting(
        None,
        "requests per client and window under the default policy, instead of the contract's",
        "a whole number from 1 to 1000000",
        absent_or(1, 1_000_000),
    )
    rate_limit_window_seconds: int | None = _setting(
        None,
        "length of the default policy's window, in seconds, instead of the contract's",
        "a whole number from 1 to 86400",
        absent_or(1, 86400),
    )
    rate_limit_policies: Overrides = _setting(
        {},
        "what to change in the contract's rate-limit policies, by name",
        'a JSON object of objects, like {"default": {"requests": 200, "shadow": true}}',
    )
    rate_limit_ipv6_prefix: int = _setting(
        64, "bits of an IPv6 address that make a client", "a whole number from 32 to 128", between(32, 128)
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (),
        "proxies that are believed whom they act for",
        'a JSON list of addresses and networks like ["10.1.2.0/24", "2001:db8::1"], none wider than /8 (IPv6: /7) or '
        'with host bits, and "unix" for a Unix socket',
        lambda v: all(map(is_proxy, v)),
    )
    forwarded_header: Literal["either", "forwarded", "x-forwarded-for"] = _setting(
        "either", "header in which they say it", "one of either, forwarded, x-forwarded-for"
    )
    contract_path: Path = _setting(PROJECT_ROOT / "openapi.yaml", "the contract", "a path")
    contract_responses: Literal["enforce", "report", "off"] = _setting(
        "enforce", "what becomes of a response that breaks the contract", "one of enforce, report, off"
    )
    max_body_bytes: int = _setting(
        1024 * 1024, "largest request body", "a whole number from 1024 to 1073741824", between(1024, 2**30)
    )
    body_timeout_seconds: float = _seconds(30.0, "longest time a request body may take to arrive")
    max_requests_in_flight: int = _setting(
        16,
        "most requests that a worker works on at the same time; the rest is answered 503 at once",
        "a whole number from 1 to 100000",
        between(1, 100_000),
    )
    header_timeout_seconds: float = _seconds(15.0, "longest time the header of a request may take to arrive")
    write_timeout_seconds: float = _seconds(15.0, "longest time a client may read next to nothing of a response")
    max_connections: int = _setting(
        10_000,
        "most connections of clients per worker; fewer if there are not enough file descriptors",
        "a whole number from 16 to 1000000",
        between(16, 1_000_000),
    )
    ready_timeout_seconds: float = _seconds(2.0, "longest time a readiness check may take", 60)
    ready_cache_seconds: float = _setting(
        1.0, "how long a readiness answer is remembered, in seconds", "a number from 0 to 60", between(0, 60)
    )
    drain_seconds: float = _setting(
        3.0,
        "how long the service goes on after SIGTERM, not ready any more, before it stops listening, in seconds",
        "a number from 0 to 600",
        between(0, 600),
    )
    graceful_timeout_seconds: int = _setting(
        30, "how long requests may finish after SIGTERM, in seconds", "a whole number from 1 to 3600", between(1, 3600)
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = _setting(
        "INFO", "least severe event to log", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"
    )
    log_format: Literal["json", "console"] = _setting(
        "json", "log lines for machines or for people", "one of json, console"
    )

    @classmethod
    def load(cls, env_file: Path | None = ENV_FILE) -> "Settings":
        """Read ``env_file`` (when it exists) and the environment.

        Raises:
            SettingsError: Some values are not allowed; the message names each variable and what it may be.
        """
        file = read_env_file(env_file, PREFIX)
        written = {name: value.encode(errors="surrogateescape") for name, value in file.values.items()}
        values, findings = _convert({**_set(written), **_set(_environment())})
        if file.findings or findings:
            raise SettingsError([*file.findings, *findings])
        settings = cls(**values)
        if findings := list(_refused_in_production(settings, values)):
            raise SettingsError(findings)
        return settings

    @property
    def secrets(self) -> tuple[str, ...]:
        """The passwords inside the URLs, as written and as meant, and the driver's own, which must never be printed."""
        return (*passwords(self.database_url), *passwords(self.redis_url), *_driver_passwords())


def options() -> Iterator[tuple[str, "attrs.Attribute[Any]"]]:
    """Yield each variable's name with the attrs field it fills."""
    for field in attrs.fields(Settings):
        yield PREFIX + field.name.upper(), field


def unknown_variables(environment: Iterable[str] = os.environ, env_file: Path | None = None) -> list[str]:
    """Return the ``TBG_*`` names in ``environment`` and ``env_file`` that nothing reads: most likely misspelt."""
    names = {*environment, *read_env_file(env_file, PREFIX).values}
    known = {name for name, _ in options()} | _COMPOSE
    internal = (f"{PREFIX}TEST_", f"{PREFIX}DEV_")
    return sorted(
        name for name in names if name.startswith(PREFIX) and name not in known and not name.startswith(internal)
    )


def _environment() -> dict[str, bytes]:
    """Return the environment as bytes: as text it would depend on the locale."""
    return {os.fsdecode(name): value for name, value in os.environb.items()}


def _set(variables: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the settings that are set, by variable; one that is set to nothing is not."""
    return {name: variables[name] for name, _ in options() if variables.get(name)}


def _driver_passwords() -> list[str]:
    """Return what the driver itself takes for a database URL without a password, as every PostgreSQL client does."""
    return [password] if (password := os.environ.get("PGPASSWORD")) else []


def _convert(raw: Mapping[str, bytes]) -> tuple[dict[str, Any], list[str]]:
    """Convert and check every value that is set; return them by field, and one finding per bad one.

    typed-settings could do it, but its messages quote the values, and a database URL is one.
    """
    values: dict[str, Any] = {}
    findings: list[str] = []
    for variable, field in options():
        if variable not in raw:
            continue
        try:
            text = raw[variable].decode()
        except UnicodeError:
            findings.append(f"{variable}: is not UTF-8 text; it must be {field.metadata['allowed']}")
            continue
        try:
            values[field.name] = converter.structure(text, field.type)  # type: ignore[arg-type]  # every field has a type
            field.validator(None, field, values[field.name])  # type: ignore[misc]  # and a validator
        except (ValueError, TypeError, cattrs.errors.CattrsError):
            findings.append(f"{variable}: {_refusal(text, field)}")
    return values, findings


def _refusal(text: str, field: "attrs.Attribute[Any]") -> str:
    shown = MASK if field.type is ts.SecretStr else repr(text[:100])
    hint = field.metadata["hint"](text)
    return f"{shown} is not allowed; it must be {field.metadata['allowed']}{f'; {hint}' if hint else ''}"


def _refused_in_production(settings: Settings, chosen: Mapping[str, object]) -> Iterator[str]:
    if settings.environment != "production":
        return
    for name in _DEVELOPMENT_DEFAULTS:
        if name not in chosen:
            yield f"{PREFIX}{name.upper()}: must be set in production; its default is for development"
    for variable, url in (("TBG_DATABASE_URL", settings.database_url), ("TBG_REDIS_URL", settings.redis_url)):
        if DEVELOPMENT_PASSWORD in passwords(url):
            yield f"{variable}: has the development password, which production refuses"
    if not passwords(settings.database_url) and DEVELOPMENT_PASSWORD in _driver_passwords():
        yield "PGPASSWORD: is the development password, which production refuses"
    if settings.debug:
        yield "TBG_DEBUG: must be false in production"
    if "*" in settings.cors_origins:
        yield 'TBG_CORS_ORIGINS: must name its origins in production, not "*"'
    elif "cors_origins" in chosen and (local := [each for each in settings.cors_origins if is_loopback(each)]):
        yield f"TBG_CORS_ORIGINS: must not name a developer's machine in production, as {', '.join(local)} does"
