"""Origins as browsers write them; the examples are the URL standard's and its test suite's."""

import pytest

from tbg.config import Settings, SettingsError
from tbg.origins import browser_origin

SENT = {
    "https://app.example.com": "https://app.example.com",
    "https://A.example": "https://a.example",
    "HTTPS://a.example": "https://a.example",
    "https://a.example:443": "https://a.example",
    "http://a.example:80": "http://a.example",
    "http://a.example:443": "http://a.example:443",
    "https://a.example:": "https://a.example",
    "https://a.example:08443": "https://a.example:8443",
    "https://a.example/": "https://a.example",
    "https://a.example/path?query#fragment": "https://a.example",
    "https://user:password@a.example": "https://a.example",
    "https://a.example.": "https://a.example.",
    "https://a_b.example": "https://a_b.example",
    "https://b\u00fccher.example": "https://xn--bcher-kva.example",
    "https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
    "http://localhost:65535": "http://localhost:65535",
    "http://127.0.0.1:3000": "http://127.0.0.1:3000",
    "http://127.1": "http://127.0.0.1",
    "http://2130706433": "http://127.0.0.1",
    "http://0x7f.0.0.01": "http://127.0.0.1",
    "http://192.0.2.1.": "http://192.0.2.1",
    "http://[::1]:3000": "http://[::1]:3000",
    "http://[0:0:0:0:0:0:0:1]": "http://[::1]",
    "http://[::]": "http://[::]",
    "http://[2001:DB8::0:1]": "http://[2001:db8::1]",
    "http://[1:0:0:2:0:0:0:3]": "http://[1:0:0:2::3]",
    "http://[1:0:0:2:0:0:3:4]": "http://[1::2:0:0:3:4]",
    "http://[1:2:3:4:5:6:0:7]": "http://[1:2:3:4:5:6:0:7]",
    "http://[10:0:0:2:20:0:0:3]": "http://[10::2:20:0:0:3]",
    "http://[::ffff:192.0.2.1]": "http://[::ffff:c000:201]",
}
NO_ORIGIN = [
    "https://a.example:99999",
    "https://a.example:0",
    "https://a.example:http",
    "https://a.example:-1",
    "https://",
    "https://:443",
    "a.example",
    "//a.example",
    "ftp://a.example",
    "file:///a",
    "null",
    "https://*.example",
    "https://a b.example",
    "https://a..example",
    "https://.example",
    "https://-a.example",
    "https://a%2eexample",
    "https://xn--.example",
    "https://xn--a-.example",
    "https://1.2.3.4.5",
    "https://256.1.1.1",
    "https://1.2.3.09",
    "https://a.example.1",
    "https://[::1",
    "https://::1",
    "https://[::1%25eth0]",
    "https://[1.2.3.4]",
    "https://stra\u00dfe.example",
    f"https://{'a' * 64}.example",
    f"https://{'a.' * 127}example",
]


@pytest.mark.parametrize(("url", "origin"), SENT.items())
def test_what_a_browser_sends(url: str, origin: str) -> None:
    assert browser_origin(url) == origin
    assert browser_origin(origin) == origin


@pytest.mark.parametrize("url", NO_ORIGIN)
def test_what_no_browser_sends(url: str) -> None:
    assert browser_origin(url) is None


@pytest.mark.parametrize("text", [url for url, origin in SENT.items() if url != origin] + NO_ORIGIN)
def test_only_what_a_browser_sends_may_be_set(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TBG_CORS_ORIGINS", f'["{text}"]')

    with pytest.raises(SettingsError) as refused:
        Settings.load(None)

    instead = f"; browsers send {SENT[text]} instead of {text!r}" if text in SENT else ""
    assert str(refused.value).endswith(f'or ["*"]{instead}')


@pytest.mark.parametrize("end", ["\\n", "\\t", " ", "\\u0000", "\\ud800", "\\u200b", "\\\\"])
def test_nothing_stands_beside_an_origin(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """What Python's own parser drops or takes without a word."""
    for text in (f"https://a.example{end}", f"{end}https://a.example", f"https://a{end}.example"):
        monkeypatch.setenv("TBG_CORS_ORIGINS", f'["{text}"]')

        with pytest.raises(SettingsError, match="TBG_CORS_ORIGINS: "):
            Settings.load(None)
