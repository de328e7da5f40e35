"""Every form of `TBG_REDIS_URL`: what it says, and that its passwords stay secret."""

import pytest
import typed_settings as ts

from tbg.config import Settings, SettingsError
from tbg.redis.url import RedisUrl, parse_redis_url
from tbg.url_passwords import mask_url


@pytest.mark.parametrize(
    ("url", "meaning"),
    [
        ("redis://h:1/2", RedisUrl("one", ("redis://h:1/2",))),
        ("unix:///run/redis.sock", RedisUrl("one", ("unix:///run/redis.sock",))),
        ("redis+sentinel://h/main", RedisUrl("sentinel", ("redis://h:26379/0",), "main")),
        (
            "rediss+sentinel://u:p@h:1,[::1]/main/3?ssl_ca_certs=/ca.crt",
            RedisUrl(
                "sentinel",
                ("rediss://u:p@h:1/3?ssl_ca_certs=/ca.crt", "rediss://u:p@[::1]:26379/3?ssl_ca_certs=/ca.crt"),
                "main",
            ),
        ),
        ("redis+cluster://[::1]:7000,h", RedisUrl("cluster", ("redis://[::1]:7000/0", "redis://h:6379/0"))),
        ("rediss+cluster://:p%40@h/0", RedisUrl("cluster", ("rediss://:p%40@h:6379/0",))),
    ],
)
def test_a_url_means_servers(url: str, meaning: RedisUrl) -> None:
    assert parse_redis_url(url) == meaning


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://u:Xk9-marker@h",
        "redis+sentinel://u:Xk9-marker@h/main/first",
        "redis+sentinel://u:Xk9-marker@h/main/0/more",
        "redis+sentinel://u:Xk9-marker@/main",
        "redis+sentinel://u:Xk9-marker@h:port/main",
        "redis+sentinel://u:Xk9-marker@h:99999/main",
        "redis+cluster://u:Xk9-marker@h/1",
        "redis+cluster://u:Xk9-marker@h,,h",
        "redis+cluster://u:Xk9-marker@h,",
        "redis+cluster://",
        "unix+sentinel://u:Xk9-marker@h/main",
        "redis+nonsense://u:Xk9-marker@h",
        "redis+cluster://u:Xk9-marker@h#0",
        "redis://u:Xk9-marker@h1,h2",
        "rediss://u:Xk9-marker@h1:1,h2:2/0",
    ],
)
def test_what_is_no_such_url_stops_the_boot(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TBG_REDIS_URL", url)

    with pytest.raises(SettingsError, match=r"TBG_REDIS_URL: \*\*\* is not allowed; it must be a URL like") as refused:
        Settings.load(None)

    assert "marker" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis+sentinel://u:p,@h:1,h:2/main/0?sentinel_password=s", "redis+sentinel://u:***@h:1,h:2/main/0"),
        ("rediss+cluster://:p@h:1,[::1]:2?ssl_password=s", "rediss+cluster://:***@h:1,[::1]:2"),
        ("redis+cluster://h:1,h:2", "redis+cluster://h:1,h:2"),
    ],
)
def test_the_url_of_several_servers_is_shown_without_its_password(url: str, masked: str) -> None:
    assert mask_url(url) == masked


@pytest.mark.parametrize("hosts", ["h1:1,h2:2", "h1,[::1]:1", "[::1]:1,[::2]:2"])
def test_every_password_for_several_servers_is_a_secret(hosts: str) -> None:
    url = f"rediss+sentinel://u:p%40ss@{hosts}/main?sentinel_password=other&ssl_password=third"

    assert {"p%40ss", "p@ss", "other", "third"} <= set(Settings(redis_url=ts.SecretStr(url)).secrets)


def test_production_refuses_the_development_password_for_several_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TBG_ENVIRONMENT", "production")
    monkeypatch.setenv("TBG_DATABASE_URL", "postgresql+asyncpg://u:p@h/d")
    monkeypatch.setenv("TBG_CORS_ORIGINS", "[]")
    monkeypatch.setenv("TBG_REDIS_URL", "redis+cluster://:tbgdev2026@h1,h2")

    with pytest.raises(SettingsError, match="TBG_REDIS_URL: has the development password"):
        Settings.load(None)
