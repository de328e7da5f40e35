"""Settings: every one good and bad, all mistakes at once, and nothing secret in any message."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import pytest
import typed_settings as ts
from _pytest.mark.structures import ParameterSet

from tbg import __version__
from tbg.config import PROJECT_ROOT, Settings, SettingsError, options, unknown_variables
from tbg.settings_text import kind, shown
from tbg.url_passwords import mask_url

VARIABLES = dict(options())
SAFE_URL = "postgresql+asyncpg://app:Xk9-marker@db.internal:5432/game"

Case = tuple[str, object]

GOOD: dict[str, list[Case]] = {
    "TBG_APP_VERSION": [("1", "1"), ("2.0.0-rc.1+build", "2.0.0-rc.1+build"), ("v" * 64, "v" * 64)],
    "TBG_ENVIRONMENT": [("development", "development"), ("staging-2", "staging-2"), ("a" * 32, "a" * 32)],
    "TBG_DEBUG": [("true", True), ("false", False), ("TRUE", True), ("1", True), ("0", False)],
    "TBG_HOST": [("0.0.0.0", "0.0.0.0"), ("::1", "::1"), ("localhost", "localhost"), ("unix:/a", "unix:/a")],  # noqa: S104 - a value, not bound to
    "TBG_PORT": [("1", 1), ("8080", 8080), ("65535", 65535)],
    "TBG_DATABASE_URL": [(SAFE_URL, SAFE_URL), ("postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d")],
    "TBG_DATABASE_POOL_SIZE": [("1", 1), ("1000", 1000)],
    "TBG_DATABASE_MAX_OVERFLOW": [("0", 0), ("1000", 1000)],
    "TBG_DATABASE_MAX_WAITING": [("0", 0), ("10000", 10000)],
    "TBG_DATABASE_POOL_TIMEOUT_SECONDS": [("0.1", 0.1), ("3600", 3600.0)],
    "TBG_DATABASE_CONNECT_TIMEOUT_SECONDS": [("0.1", 0.1), ("3600", 3600.0)],
    "TBG_DATABASE_STATEMENT_TIMEOUT_SECONDS": [("0.1", 0.1), ("3600", 3600.0)],
    "TBG_DATABASE_LOCK_TIMEOUT_SECONDS": [("0.1", 0.1), ("3600", 3600.0)],
    "TBG_DATABASE_IDLE_TRANSACTION_TIMEOUT_SECONDS": [("0.1", 0.1), ("3600", 3600.0)],
    "TBG_DATABASE_TRANSACTION_POOLER": [("true", True), ("false", False)],
    "TBG_REDIS_URL": [
        ("redis://h", "redis://h"),
        ("rediss://u:p@h:6380/1", "rediss://u:p@h:6380/1"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("rediss://h?ssl_cert_reqs=none", "rediss://h?ssl_cert_reqs=none"),
    ],
    "TBG_REDIS_MAX_CONNECTIONS": [("1", 1), ("10000", 10000)],
    "TBG_REDIS_TIMEOUT_SECONDS": [("0.001", 0.001), ("60", 60.0)],
    "TBG_REDIS_CONNECT_TIMEOUT_SECONDS": [("0.001", 0.001), ("60", 60.0)],
    "TBG_REDIS_FEATURES_MAX_CONNECTIONS": [("1", 1), ("10000", 10000)],
    "TBG_REDIS_FEATURES_TIMEOUT_SECONDS": [("0.001", 0.001), ("60", 60.0)],
    "TBG_CORS_ORIGINS": [
        ("[]", ()),
        ('["*"]', ("*",)),
        ('["https://app.example.com", "http://[::1]:3000"]', ("https://app.example.com", "http://[::1]:3000")),
    ],
    "TBG_RATE_LIMIT_REQUESTS": [("1", 1), ("1000000", 1_000_000)],
    "TBG_RATE_LIMIT_WINDOW_SECONDS": [("1", 1), ("86400", 86400)],
    "TBG_RATE_LIMIT_POLICIES": [("{}", {}), ('{"a": {"requests": 1}}', {"a": {"requests": 1}})],
    "TBG_RATE_LIMIT_IPV6_PREFIX": [("32", 32), ("128", 128)],
    "TBG_TRUSTED_PROXIES": [
        ("[]", ()),
        ('["unix"]', ("unix",)),
        ('["10.0.0.0/8", "192.0.2.1", "fc00::/7", "::1"]', ("10.0.0.0/8", "192.0.2.1", "fc00::/7", "::1")),
    ],
    "TBG_FORWARDED_HEADER": [(name, name) for name in ("either", "forwarded", "x-forwarded-for")],
    "TBG_CONTRACT_PATH": [("other.yaml", Path("other.yaml")), ("/etc/api.yaml", Path("/etc/api.yaml"))],
    "TBG_CONTRACT_RESPONSES": [("enforce", "enforce"), ("report", "report"), ("off", "off")],
    "TBG_MAX_BODY_BYTES": [("1024", 1024), ("1073741824", 2**30)],
    "TBG_BODY_TIMEOUT_SECONDS": [("0.5", 0.5), ("3600", 3600.0)],
    "TBG_MAX_REQUESTS_IN_FLIGHT": [("1", 1), ("100000", 100_000)],
    "TBG_HEADER_TIMEOUT_SECONDS": [("0.5", 0.5), ("3600", 3600.0)],
    "TBG_WRITE_TIMEOUT_SECONDS": [("0.5", 0.5), ("3600", 3600.0)],
    "TBG_MAX_CONNECTIONS": [("16", 16), ("1000000", 1_000_000)],
    "TBG_READY_TIMEOUT_SECONDS": [("0.5", 0.5), ("60", 60.0)],
    "TBG_READY_CACHE_SECONDS": [("0", 0.0), ("60", 60.0)],
    "TBG_DRAIN_SECONDS": [("0", 0.0), ("600", 600.0)],
    "TBG_GRACEFUL_TIMEOUT_SECONDS": [("1", 1), ("3600", 3600)],
    "TBG_LOG_LEVEL": [(level, level) for level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")],
    "TBG_LOG_FORMAT": [("json", "json"), ("console", "console")],
}

_WHOLE = ["x", "1.5", "1e3", "1_0", "0x10", "nan", " ", "9" * 30]
_NUMBER = ["x", "0", "-1", "nan", "inf", "-inf", "3601"]

BAD: dict[str, list[str]] = {
    "TBG_APP_VERSION": ["v" * 65, "a\nb"],
    "TBG_ENVIRONMENT": ["Production", "a b", "1st", "a" * 33, "dev\n"],
    "TBG_DEBUG": ["maybe", "2"],
    "TBG_HOST": ["a b", "unix:", "unix:tbg.sock", "unix://", "unix:/a b", "unix:/" + "a" * 103],
    "TBG_PORT": [*_WHOLE, "0", "-1", "65536"],
    "TBG_DATABASE_URL": [
        "nonsense",
        "postgresql://u:Xk9-marker@h/d",
        "mysql://u:Xk9-marker@h/d",
        "postgresql+asyncpg://",
        "postgresql+asyncpg:///d",
        "postgresql+asyncpg://u:Xk9-marker@h:port/d",
        "postgresql+asyncpg://u:Xk9-marker@h:99999/d",
        "postgresql+asyncpg://u:Xk9/marker@h/d",
        "postgresql+asyncpg://u:Xk9-marker@[::1/d",
    ],
    "TBG_DATABASE_POOL_SIZE": [*_WHOLE, "0", "1001"],
    "TBG_DATABASE_MAX_OVERFLOW": [*_WHOLE, "-1", "1001"],
    "TBG_DATABASE_MAX_WAITING": [*_WHOLE, "-1", "10001"],
    "TBG_DATABASE_POOL_TIMEOUT_SECONDS": _NUMBER,
    "TBG_DATABASE_CONNECT_TIMEOUT_SECONDS": _NUMBER,
    "TBG_DATABASE_STATEMENT_TIMEOUT_SECONDS": _NUMBER,
    "TBG_DATABASE_LOCK_TIMEOUT_SECONDS": _NUMBER,
    "TBG_DATABASE_IDLE_TRANSACTION_TIMEOUT_SECONDS": _NUMBER,
    "TBG_DATABASE_TRANSACTION_POOLER": ["maybe", "2"],
    "TBG_REDIS_URL": [
        "localhost:6379",
        "http://u:Xk9-marker@h",
        "redis://",
        "unix://",
        "redis://:Xk9-marker@h:port",
    ],
    "TBG_REDIS_MAX_CONNECTIONS": [*_WHOLE, "0", "10001"],
    "TBG_REDIS_TIMEOUT_SECONDS": [*_NUMBER, "61"],
    "TBG_REDIS_CONNECT_TIMEOUT_SECONDS": [*_NUMBER, "61"],
    "TBG_REDIS_FEATURES_MAX_CONNECTIONS": [*_WHOLE, "0", "10001"],
    "TBG_REDIS_FEATURES_TIMEOUT_SECONDS": [*_NUMBER, "61"],
    "TBG_CORS_ORIGINS": [
        "https://app.example.com",
        "*",
        '"*"',
        "[1]",
        "{}",
        "null",
        '["app.example.com"]',
        '["https://app.example.com/"]',
        '["https://app.example.com/path"]',
        '["ftp://app.example.com"]',
        '["*", "https://app.example.com"]',
        '["https://*.example.com"]',
        '["null"]',
        '["https://app.example.com\\r\\nX: y"]',
        '["https://a.example",]',
    ],
    "TBG_RATE_LIMIT_REQUESTS": [*_WHOLE, "0", "1000001"],
    "TBG_RATE_LIMIT_WINDOW_SECONDS": [*_WHOLE, "0", "86401"],
    "TBG_RATE_LIMIT_POLICIES": ["[]", '{"a": 1}', '{"a": '],
    "TBG_RATE_LIMIT_IPV6_PREFIX": [*_WHOLE, "31", "129"],
    "TBG_TRUSTED_PROXIES": [
        "10.0.0.0/8",
        '"10.0.0.0/8"',
        "[1]",
        "null",
        '["10.0.0.0/8",]',
        '[""]',
        '["*"]',
        '["proxy.internal"]',
        '["10.0.0.1/8"]',
        '["10.0.0.0/33"]',
        '["10.0.0.0/8", "UNIX"]',
        '["0.0.0.0/0"]',
        '["::/0"]',
        '["8.0.0.0/7"]',
        '["2000::/3"]',
        '["::ffff:10.0.0.1"]',
        '["fe80::1%eth0"]',
        '["[::1]"]',
        '["127.0.0.1:80"]',
    ],
    "TBG_FORWARDED_HEADER": ["Forwarded", "x-real-ip", "both"],
    "TBG_CONTRACT_PATH": [],  # any text is a path; whether a contract is there is found out by reading it
    "TBG_CONTRACT_RESPONSES": ["on", "ENFORCE"],
    "TBG_MAX_BODY_BYTES": [*_WHOLE, "1023", "1073741825"],
    "TBG_BODY_TIMEOUT_SECONDS": _NUMBER,
    "TBG_MAX_REQUESTS_IN_FLIGHT": [*_WHOLE, "0", "100001"],
    "TBG_HEADER_TIMEOUT_SECONDS": _NUMBER,
    "TBG_WRITE_TIMEOUT_SECONDS": _NUMBER,
    "TBG_MAX_CONNECTIONS": [*_WHOLE, "15", "1000001"],
    "TBG_READY_TIMEOUT_SECONDS": [*_NUMBER, "61"],
    "TBG_READY_CACHE_SECONDS": ["x", "-0.1", "60.1", "nan", "inf"],
    "TBG_DRAIN_SECONDS": ["-1", "601", "soon", "nan"],
    "TBG_GRACEFUL_TIMEOUT_SECONDS": [*_WHOLE, "0", "3601"],
    "TBG_LOG_LEVEL": ["info", "TRACE", "20"],
    "TBG_LOG_FORMAT": ["JSON", "xml"],
}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("TBG_"):
            monkeypatch.delenv(name)


def cases(table: Mapping[str, Sequence[Case | str]]) -> list[ParameterSet]:
    """Return a test case for each value in the table."""
    return [
        pytest.param(variable, *((value,) if isinstance(value, str) else value), id=f"{variable}={value!r:.40}")
        for variable, values in table.items()
        for value in values
    ]


def test_the_tables_cover_every_setting() -> None:
    assert GOOD.keys() == BAD.keys() == VARIABLES.keys()


@pytest.mark.parametrize(("variable", "text", "value"), cases(GOOD))
def test_a_good_value_is_taken(monkeypatch: pytest.MonkeyPatch, variable: str, text: str, value: object) -> None:
    monkeypatch.setenv(variable, text)

    settings = Settings.load(None)

    taken = getattr(settings, VARIABLES[variable].name)
    assert taken == value
    assert isinstance(taken, type(value))


@pytest.mark.parametrize(("variable", "text"), cases(BAD))
def test_a_bad_value_is_refused_with_what_is_allowed(monkeypatch: pytest.MonkeyPatch, variable: str, text: str) -> None:
    monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsError) as refused:
        Settings.load(None)

    (finding,) = refused.value.findings
    assert finding.startswith(f"{variable}: ")
    assert f"it must be {VARIABLES[variable].metadata['allowed']}" in finding
    assert "marker" not in str(refused.value)
    assert "\n" not in finding


def test_all_bad_values_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = {variable: texts[0] for variable, texts in BAD.items() if texts}
    for variable, text in bad.items():
        monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsError) as refused:
        Settings.load(None)

    assert [finding.partition(":")[0] for finding in refused.value.findings] == list(bad)
    assert str(refused.value).startswith("The settings cannot be used:\n  - TBG_APP_VERSION: ")


def test_the_defaults_are_those_of_the_design() -> None:
    settings = Settings.load(None)

    assert settings == Settings()
    assert attrs.asdict(settings) == {
        "app_version": __version__,
        "environment": "development",
        "debug": False,
        "host": "127.0.0.1",
        "port": 8000,
        "database_url": "postgresql+asyncpg://tbg:tbgdev2026@localhost:5432/thebitcoingame",
        "database_pool_size": 20,
        "database_max_overflow": 10,
        "database_max_waiting": 20,
        "database_pool_timeout_seconds": 5.0,
        "database_connect_timeout_seconds": 5.0,
        "database_statement_timeout_seconds": 30.0,
        "database_lock_timeout_seconds": 5.0,
        "database_idle_transaction_timeout_seconds": 60.0,
        "database_transaction_pooler": False,
        "redis_url": "redis://localhost:6379/0",
        "redis_max_connections": 50,
        "redis_timeout_seconds": 0.25,
        "redis_connect_timeout_seconds": 5.0,
        "redis_features_max_connections": 50,
        "redis_features_timeout_seconds": 1.0,
        "cors_origins": ("http://localhost:5173", "http://localhost:3000"),
        "rate_limit_requests": None,  # the contract says 100 in 60 seconds
        "rate_limit_window_seconds": None,
        "rate_limit_policies": {},
        "rate_limit_ipv6_prefix": 64,
        "trusted_proxies": (),
        "forwarded_header": "either",
        "contract_path": PROJECT_ROOT / "openapi.yaml",
        "contract_responses": "enforce",
        "max_body_bytes": 1024 * 1024,
        "max_connections": 10_000,
        "max_requests_in_flight": 16,
        "header_timeout_seconds": 15.0,
        "write_timeout_seconds": 15.0,
        "body_timeout_seconds": 30.0,
        "ready_timeout_seconds": 2.0,
        "ready_cache_seconds": 1.0,
        "drain_seconds": 3.0,
        "graceful_timeout_seconds": 30,
        "log_level": "INFO",
        "log_format": "json",
    }


def test_settings_are_frozen() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]  # that it cannot be done is the point


def test_a_secret_is_in_no_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TBG_DATABASE_URL", SAFE_URL)
    monkeypatch.setenv("TBG_REDIS_URL", "redis://:Xk9-marker@h")

    settings = Settings.load(None)

    assert "marker" not in repr(settings) + str(settings)
    assert not [variable for variable, field in options() if "marker" in shown(settings, field)]
    assert settings.secrets == ("Xk9-marker", "Xk9-marker")


class TestEnvFile:
    def test_it_fills_what_the_environment_leaves_open(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        env_file = tmp_path / ".env"
        env_file.write_text("# a comment\nTBG_PORT=1234\nexport TBG_DEBUG=true\nTBG_CORS_ORIGINS='[\"*\"]'\n")
        monkeypatch.setenv("TBG_PORT", "4321")

        settings = Settings.load(env_file)

        assert (settings.port, settings.debug, settings.cors_origins) == (4321, True, ("*",))

    def test_a_bad_value_in_it_is_refused(self, tmp_path: Path) -> None:
        env_file = tmp_path / ".env"
        env_file.write_text("TBG_PORT=many\nTBG_DEBUG=perhaps\n")

        with pytest.raises(SettingsError, match=r"(?s)TBG_DEBUG: 'perhaps'.*TBG_PORT: 'many'"):
            Settings.load(env_file)

    def test_a_good_value_of_the_environment_hides_a_bad_one_in_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        env_file = tmp_path / ".env"
        env_file.write_text("TBG_PORT=many\n")
        monkeypatch.setenv("TBG_PORT", "4321")

        assert Settings.load(env_file).port == 4321

    def test_it_need_not_exist(self, tmp_path: Path) -> None:
        assert Settings.load(tmp_path / ".env") == Settings()


class TestProduction:
    @pytest.fixture(autouse=True)
    def _production(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TBG_ENVIRONMENT", "production")
        monkeypatch.setenv("TBG_DATABASE_URL", SAFE_URL)
        monkeypatch.setenv("TBG_REDIS_URL", "redis://cache")
        monkeypatch.setenv("TBG_CORS_ORIGINS", '["https://app.example.com"]')

    def test_it_runs_with_settings_of_its_own(self) -> None:
        assert Settings.load(None).environment == "production"

    @pytest.mark.parametrize(
        ("variable", "text"),
        [
            ("TBG_DATABASE_URL", "postgresql+asyncpg://tbg:tbgdev2026@db:5432/game"),
            ("TBG_REDIS_URL", "redis://:tbgdev2026@cache"),
            ("TBG_DEBUG", "true"),
            ("TBG_CORS_ORIGINS", '["*"]'),
            ("TBG_CORS_ORIGINS", '["http://localhost:3000"]'),
            ("TBG_CORS_ORIGINS", '["https://app.example.com", "http://localhost"]'),
            ("TBG_CORS_ORIGINS", '["https://shop.localhost"]'),
            ("TBG_CORS_ORIGINS", '["http://127.0.0.1:3000"]'),
            ("TBG_CORS_ORIGINS", '["http://127.9.9.9"]'),
            ("TBG_CORS_ORIGINS", '["http://0.0.0.0:8000"]'),
            ("TBG_CORS_ORIGINS", '["http://[::1]:3000"]'),
            ("TBG_CORS_ORIGINS", '["http://[::]"]'),
            ("TBG_CORS_ORIGINS", '["http://[::ffff:7f00:1]"]'),
            ("TBG_CORS_ORIGINS", ""),
            ("TBG_REDIS_URL", ""),
            ("TBG_DATABASE_URL", ""),
        ],
    )
    def test_it_refuses_what_is_for_development(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, text: str
    ) -> None:
        monkeypatch.setenv(variable, text)

        with pytest.raises(SettingsError) as refused:
            Settings.load(None)

        assert len(refused.value.findings) == 1
        assert refused.value.findings[0].startswith(f"{variable}: ")
        assert "production" in refused.value.findings[0]
        assert "tbgdev2026" not in str(refused.value)

    @pytest.mark.parametrize("variable", ["TBG_DATABASE_URL", "TBG_REDIS_URL", "TBG_CORS_ORIGINS"])
    def test_it_refuses_a_default_that_is_right_in_development_only(
        self, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.delenv(variable)

        with pytest.raises(SettingsError) as refused:
            Settings.load(None)

        assert [finding.partition(":")[0] for finding in refused.value.findings] == [variable]

    @pytest.mark.parametrize(
        ("variable", "text"),
        [
            ("TBG_REDIS_URL", "redis://localhost:6379/0"),
            ("TBG_DATABASE_URL", "postgresql+asyncpg://tbg:Xk9-marker@localhost/game"),
            ("TBG_CORS_ORIGINS", "[]"),
            ("TBG_CORS_ORIGINS", '["https://localhost.example.com", "https://10.0.0.1"]'),
        ],
    )
    def test_it_takes_what_was_chosen(self, monkeypatch: pytest.MonkeyPatch, variable: str, text: str) -> None:
        """A Redis on the same machine may be what a deployment has; it has to say so."""
        monkeypatch.setenv(variable, text)

        assert Settings.load(None).environment == "production"

    def test_it_refuses_the_default_database(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("TBG_DATABASE_URL")

        with pytest.raises(SettingsError, match="development password"):
            Settings.load(None)

    def test_it_refuses_everything_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("TBG_DATABASE_URL")
        monkeypatch.setenv("TBG_DEBUG", "true")
        monkeypatch.setenv("TBG_CORS_ORIGINS", '["*"]')

        with pytest.raises(SettingsError) as refused:
            Settings.load(None)

        assert len(refused.value.findings) == 3


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://:pw@h:1/0", "redis://:***@h:1/0"),
        ("redis://user:p@w:d@h/0", "redis://user:***@h/0"),
        ("redis://user@h/0", "redis://user@h/0"),
        ("postgresql+asyncpg://u:p%40w@h/d?password=other", "postgresql+asyncpg://u:***@h/d"),
        ("unix://u:pw@/run/redis.sock", "unix://u:***@/run/redis.sock"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, masked: str) -> None:
    assert mask_url(url) == masked


def test_the_password_is_a_secret_as_written_and_as_meant() -> None:
    """A library may put either into a message."""
    settings = Settings(database_url=ts.SecretStr("postgresql+asyncpg://u:p%40ss%22word@h/d?password=also%20secret"))

    assert set(settings.secrets) >= {"p%40ss%22word", 'p@ss"word', "also secret"}


def test_every_setting_can_be_explained() -> None:
    assert {kind(field) for _, field in options()} == {
        "text",
        "true | false",
        "whole number",
        "number",
        "secret URL",
        "path",
        "JSON list",
        "JSON object",
        "enforce | report | off",
        "DEBUG | INFO | WARNING | ERROR | CRITICAL",
        "json | console",
        "either | forwarded | x-forwarded-for",
    }
    assert all(field.metadata["meaning"] and field.metadata["allowed"] for _, field in options())
    assert all(re.fullmatch("TBG_[A-Z0-9_]+", variable) for variable, _ in options())


def test_unknown_variables_are_most_likely_misspelt() -> None:
    environment = {
        "TBG_PORT": "1",
        "TBG_PROT": "1",
        "TBG_": "",
        "TBG_TEST_DATABASE_URL": "x",
        "TBG_DEV_RELOAD": "1",
        "PATH": "/bin",
    }

    assert unknown_variables(environment) == ["TBG_", "TBG_PROT"]


def test_the_drivers_own_password_is_a_secret_and_no_way_around_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "tbgdev2026")
    monkeypatch.setenv("TBG_ENVIRONMENT", "production")
    monkeypatch.setenv("TBG_CORS_ORIGINS", '["https://app.example.com"]')
    monkeypatch.setenv("TBG_DATABASE_URL", "postgresql+asyncpg://tbg@db/game")
    monkeypatch.setenv("TBG_REDIS_URL", "redis://redis:6379/0")

    with pytest.raises(SettingsError, match="PGPASSWORD: is the development password"):
        Settings.load(None)
    monkeypatch.setenv("PGPASSWORD", "Xk9-marker")
    assert "Xk9-marker" in Settings.load(None).secrets
