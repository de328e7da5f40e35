"""Policies of the contract over HTTP: several at once, per API key, as a shadow, closed without Redis; headers."""

import re

import httpx
import pytest
import redis
import typed_settings as ts

from tests.conftest import Logged
from tests.integration.conftest import Serve

NOBODY = ts.SecretStr("redis://127.0.0.1:9/0")


async def test_the_headers_are_structured_fields(api: httpx.AsyncClient) -> None:
    first = await api.get("/version")

    assert first.headers["ratelimit-policy"] == '"default";q=100;w=60'
    assert first.headers["ratelimit"] == '"default";r=99;t=60'
    assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == ("100", "99")


async def test_a_refusal_says_the_same_in_every_header(serve: Serve) -> None:
    """Also when it comes from memory, without asking Redis."""
    async with serve(rate_limit_requests=1) as api:
        await api.get("/version")
        refused = [await api.get("/version") for _ in range(2)]

    for response in refused:
        seconds = response.headers["retry-after"]
        assert 58 <= int(seconds) <= 60
        assert response.headers["ratelimit"] == f'"default";r=0;t={seconds}'
        assert response.headers["ratelimit-policy"] == '"default";q=1;w=60'
        assert response.headers["x-ratelimit-reset"] == seconds


async def test_several_policies_are_told_and_the_tightest_counts(api: httpx.AsyncClient) -> None:
    response = await api.get("/probe/account", headers={"X-Api-Key": "alice"})

    assert response.headers["ratelimit-policy"] == '"default";q=100;w=60, "account";q=10;w=30'
    assert response.headers["ratelimit"] == '"default";r=99;t=60, "account";r=8;t=30'
    assert (response.headers["x-ratelimit-limit"], response.headers["x-ratelimit-remaining"]) == ("10", "8")


async def test_all_policies_are_charged_or_none(serve: Serve) -> None:
    async with serve() as api:
        alice = [await api.get("/probe/account", headers={"X-Api-Key": "alice"}) for _ in range(7)]
        version = await api.get("/version")

    assert [response.status_code for response in alice] == [200] * 5 + [429] * 2
    assert 28 <= int(alice[-1].headers["retry-after"]) <= 30
    assert version.headers["x-ratelimit-remaining"] == "94", "five admitted, and this one"


async def test_an_api_key_has_a_limit_of_its_own(serve: Serve, redis_url: str) -> None:
    async with serve() as api:
        for _ in range(5):
            await api.get("/probe/account", headers={"X-Api-Key": "secret-of-alice"})
        statuses = {
            name: (await api.get("/probe/account", headers=headers)).status_code
            for name, headers in {
                "alice": {"X-Api-Key": "secret-of-alice"},
                "bob": {"X-Api-Key": "bob"},
                "nobody": {},
            }.items()
        }
    with redis.Redis.from_url(redis_url) as client:
        keys = client.keys()

    assert statuses == {"alice": 429, "bob": 200, "nobody": 200}
    assert "secret" not in str(keys)
    assert b"ratelimit:{account+default}:default:127.0.0.1" in keys


async def test_a_shadow_counts_and_logs_and_never_refuses(serve: Serve, logged: Logged) -> None:
    async with serve() as api:
        answers = [await api.get("/probe/shadow") for _ in range(10)]

    assert [answer.status_code for answer in answers] == [200] * 10
    assert not [answer for answer in answers if any("ratelimit" in name for name in answer.headers)]
    (line,) = logged("rate_limit.would_refuse")
    assert (line["policy"], line["limit"]) == ("shadow", 2)


async def test_the_settings_change_a_policy(serve: Serve) -> None:
    policies = {"shadow": {"shadow": False, "requests": 1}, "account": {"window_seconds": 7}}
    async with serve(rate_limit_policies=policies) as api:
        statuses = [(await api.get("/probe/shadow")).status_code for _ in range(2)]
        account = await api.get("/probe/account")

    assert statuses == [200, 429]
    assert '"account";q=10;w=7' in account.headers["ratelimit-policy"]


@pytest.mark.parametrize(("path", "status"), [("/probe/strict", 503), ("/version", 200), ("/probe/shadow", 200)])
async def test_a_policy_may_fail_closed(serve: Serve, path: str, status: int) -> None:
    async with serve(redis_url=NOBODY) as api:
        answers = [await api.get(path) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {status}
    assert not [answer for answer in answers if any("ratelimit" in name for name in answer.headers)]
    if status == 503:
        assert answers[0].json() == {"detail": "Temporarily unavailable. Try again later."}
        assert re.fullmatch("[1-9]", answers[0].headers["retry-after"])


async def test_who_is_one_client_is_a_setting(serve: Serve) -> None:
    """Addresses of one /64 are one client; of a /128, two."""
    headers = [{"X-Forwarded-For": f"2001:db8::{n}"} for n in (1, 2)]
    remaining = []
    for prefix in (64, 128):
        async with serve(trusted_proxies=("127.0.0.1",), rate_limit_ipv6_prefix=prefix) as api:
            answers = [await api.get("/version", headers=each) for each in headers]
            remaining.append([answer.headers["x-ratelimit-remaining"] for answer in answers])

    assert remaining == [["99", "98"], ["99", "99"]]
