"""Whatever a client is told is true: who waits so long passes, if nobody spends the quota in the meantime.

Any contract, costs, shadows, scopes and order of requests; two workers with memories of their own, on the real server,
at times of the test's choosing.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import attrs
import httpx
import pytest
import redis
from hypothesis import example, given, settings
from hypothesis import strategies as st
from redis.commands.core import Script

from tbg.rate_limiting import ADDRESS, SCRIPT, RateLimits, Rule
from tbg.rate_limiting.headers import fields, retry_after
from tbg.rate_limiting.policies import MICROSECONDS, Policy
from tests.conftest import StartGunicorn
from tests.integration.probe.app import APP
from tests.support.declaring import contract
from tests.support.limiting import Limiter, limiter_on

START: Final = 1_800_000_000 * MICROSECONDS
ACCOUNT: Final = "account"
CLOCK: Final = "clock"  # where the server's time is

_numbers = count()


@attrs.frozen
class Ask:
    """One request, and what its client makes of the answer.

    Attributes:
        microseconds: How long after what came before.
        client: Who asks: an address, and an account.
        heeds: Which one of the numbers of seconds that it is told, if any, it waits for before it asks again.
        then: The worker that it asks then.
        impatience: If it is refused, how much of that time it waits before it asks in vain, if at all.
    """

    microseconds: int
    operation: int
    client: tuple[int, int]
    worker: int
    heeds: int | None
    then: int
    impatience: float | None


@attrs.frozen
class Scenario:
    policies: Mapping[str, Mapping[str, object]]
    operations: Sequence[object]
    asks: Sequence[Ask]


@attrs.frozen
class Answer:
    """What one request was told.

    Attributes:
        waits: Each number of seconds after which such a request should pass.
        refused_for: ``Retry-After``.
    """

    headers: Mapping[str, str]
    remaining: Mapping[str, int]
    waits: tuple[int, ...]
    refused_for: int | None


@attrs.define
class World:
    """Two workers over one server, and the time, which passes for all of them alike."""

    script: Script
    rules: Sequence[Rule]
    workers: Sequence[Limiter] = ()
    now: int = 0
    number: int = attrs.field(factory=lambda: next(_numbers))

    def pass_time(self, microseconds: int) -> None:
        self.now += microseconds
        self.script.registered_client.set(CLOCK, START + self.now)

    def clock(self) -> float:
        return self.now / MICROSECONDS

    async def ask(self, ask: Ask, worker: int) -> Answer:
        """Ask, and hold what every answer promises."""
        rule = self.rules[ask.operation]
        clients = {ADDRESS: f"{self.number}-{ask.client[0]}", ACCOUNT: f"{self.number}-account-{ask.client[1]}"}
        verdict = await self.workers[worker].check(rule, **clients)
        if not rule.can_refuse:
            assert (verdict.outcome, verdict.states) == ("admitted", ())
            return Answer({}, {}, (0,), None)
        headers = dict(fields(rule, verdict.states))
        if verdict.outcome == "refused":
            headers["Retry-After"] = retry_after(verdict.states)
        answer, too_little = read(headers), []
        for charge in rule.charges:
            if not charge.policy.shadow:
                left = self.left(charge.policy, charge.key(clients[charge.policy.scope]))
                told = answer.remaining[charge.policy.name]
                too_little.append(left < charge.cost)
                assert told == left or told < left < charge.cost, "as many as are left, or as good as"
        assert answer.refused_for is None or any(too_little), "never without need"
        return answer

    def left(self, policy: Policy, key: str) -> int:
        """Return how many are left; asking costs nothing."""
        arguments = [policy.requests, policy.window_seconds * MICROSECONDS, 0, 0]
        return self.script([key], arguments)[2]  # type: ignore[no-any-return]  # what the script returns


def read(headers: Mapping[str, str]) -> Answer:
    """Read the headers as strictly as a client could: Lists of Strings with two Integers each (RFC 9651)."""
    headers = httpx.Headers(headers)
    items = headers["RateLimit"].split(", ")
    limits = [re.fullmatch(r'"([a-z0-9_-]+)";r=(\d+);t=(\d+)', item) for item in items]
    policies = re.findall(r'"([a-z0-9_-]+)";q=\d+;w=\d+', headers["RateLimit-Policy"])
    assert [limit and limit[1] for limit in limits] == policies, "each policy, in order"
    remaining = {limit[1]: int(limit[2]) for limit in limits if limit}
    windows = [int(limit[3]) for limit in limits if limit]
    reset = int(headers["X-RateLimit-Reset"])
    if "Retry-After" not in headers:
        return Answer(headers, remaining, (reset, *windows), None)
    refused_for = int(headers["Retry-After"])
    assert refused_for >= max(windows), "not before the end of an effective window (draft -11, section 6)"
    return Answer(headers, remaining, (refused_for, reset, *windows), refused_for)


def with_clock(source: str) -> str:
    """Return the script with the time from a key, and nothing else changed."""
    line, substitute = "local time = redis.call('TIME')\n", f"local time = {{0, redis.call('GET', '{CLOCK}')}}\n"
    assert source.count(line) == 1
    return source.replace(line, substitute)


@pytest.fixture(scope="module")
def script(valkey_url: str) -> Iterator[Script]:
    with redis.Redis.from_url(valkey_url) as server:
        yield server.register_script(with_clock(SCRIPT))


@asynccontextmanager
async def world(script: Script, url: str, rules: Sequence[Rule]) -> AsyncIterator[World]:
    world = World(script, rules)
    world.pass_time(0)
    worker = partial(limiter_on, url, source=with_clock(SCRIPT), clock=world.clock)
    async with worker() as one, worker() as two:
        world.workers = one, two
        yield world


async def live(world: World, asks: Sequence[Ask]) -> None:
    """Let each client ask, and wait as it was told: then it passes."""
    for ask in asks:
        world.pass_time(ask.microseconds)
        answer = await world.ask(ask, ask.worker)
        if ask.heeds is None:
            continue
        if answer.refused_for and ask.impatience is not None:
            waited = int((answer.refused_for - 1) * ask.impatience * MICROSECONDS)
            world.pass_time(waited)
            told, answer = answer.refused_for, await world.ask(ask, ask.then)
            assert answer.refused_for, "it was told no more than it needs"
            assert -1 < waited / MICROSECONDS + answer.refused_for - told < 1, "both mean one moment"
        # The answer takes a microsecond to arrive.
        world.pass_time(1 + answer.waits[ask.heeds % len(answer.waits)] * MICROSECONDS)
        again = await world.ask(ask, ask.then)
        assert again.refused_for is None, f"told {answer.headers}, it waited, and was told {again.headers}"


def rules_of(scenario: Scenario, directory: Path) -> list[Rule]:
    operations = {f"op{number}": value for number, value in enumerate(scenario.operations)}
    loaded = contract(directory, scenario.policies, **operations)
    limits = RateLimits.load(loaded, {}, [ACCOUNT])
    rules = [limits.of(loaded.find("GET", f"/{name}")) for name in operations]
    return [rule for rule in rules if rule is not None]


async def play(script: Script, url: str, scenario: Scenario, rules: Sequence[Rule]) -> None:
    async with world(script, url, rules) as running:
        await live(running, scenario.asks)


def policies() -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries(
        {
            "requests": st.integers(1, 5),
            "window_seconds": st.sampled_from([60, 61, 90, 300, 3_600]),
            "scope": st.sampled_from([ADDRESS, ADDRESS, ACCOUNT]),
            "shadow": st.sampled_from([False, False, False, True]),
        }
    )


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    names = ["default", "m1", "login", "m2"][: draw(st.integers(1, 4))]
    declared = {name: draw(policies()) for name in names}
    costs = {name: st.just(1) | st.integers(1, int(str(values["requests"]))) for name, values in declared.items()}
    charges = {name: st.fixed_dictionaries({"policy": st.just(name), "cost": costs[name]}) for name in names}
    operation = st.lists(st.sampled_from(names), min_size=1, unique=True).flatmap(
        lambda some: st.tuples(*(charges[name] for name in some)).map(list)
    )
    operations = draw(st.lists(operation, min_size=1, max_size=3))
    windows = [int(str(values["window_seconds"])) * MICROSECONDS for values in declared.values()]
    moves = st.sampled_from([0, 0, 0, 1, 700_000, 4_000_000, *(window // 12 for window in windows), *windows])
    asks = st.builds(
        Ask,
        microseconds=moves,
        operation=st.integers(0, len(operations) - 1),
        client=st.tuples(st.integers(0, 4).map(lambda some: some // 4), st.integers(0, 4).map(lambda some: some // 4)),
        worker=st.integers(0, 1),
        heeds=st.none() | st.none() | st.integers(0, 5),
        then=st.integers(0, 1),
        impatience=st.none() | st.floats(0, 1),
    )
    return Scenario(declared, operations, draw(st.lists(asks, min_size=1, max_size=40)))


def asked(operation: int, times: int = 1, *, worker: int = 0, seconds: int = 0, heeds: int | None = None) -> list[Ask]:
    return [Ask(seconds * MICROSECONDS, operation, (0, 0), worker, heeds, worker, None)] * times


# What uses `m1` up is another operation: who then waits for `m1` alone is refused by `login`.
USED_UP_ELSEWHERE = Scenario(
    {"m1": {"requests": 10, "window_seconds": 60}, "login": {"requests": 5, "window_seconds": 225}},
    [["m1", "login"], ["m1"]],
    [*asked(0, 5), *asked(1, 6), *asked(0, heeds=0)],
)
# The same through another worker, of which this one's memory knows nothing.
USED_UP_BY_ANOTHER_WORKER = attrs.evolve(
    USED_UP_ELSEWHERE,
    policies={"m1": {"requests": 10, "window_seconds": 225}, "login": {"requests": 5, "window_seconds": 60}},
    asks=[*asked(0, 6), *asked(1, 6, worker=1), *asked(0, heeds=0)],
)
# A cheaper request, through another worker, takes what the dear one was waiting for.
SPENT_ON_SOMETHING_CHEAP = Scenario(
    {"m1": {"requests": 3, "window_seconds": 60}},
    [[{"policy": "m1", "cost": 3}], ["m1"]],
    [*asked(1), *asked(0), *asked(1, worker=1, seconds=30), *asked(0, heeds=0)],
)
# A dear one has to wait for longer than a cheap one that was refused.
DEARER_THAN_WHAT_WAS_REFUSED = attrs.evolve(
    SPENT_ON_SOMETHING_CHEAP, asks=[*asked(1), *asked(1, seconds=30), *asked(1, 2), *asked(0, heeds=0)]
)


@settings(max_examples=120, deadline=None)
@example(scenario=USED_UP_ELSEWHERE)
@example(scenario=USED_UP_BY_ANOTHER_WORKER)
@example(scenario=SPENT_ON_SOMETHING_CHEAP)
@example(scenario=DEARER_THAN_WHAT_WAS_REFUSED)
@given(scenario=scenarios())
def test_who_waits_as_told_passes(
    script: Script, valkey_url: str, tmp_path_factory: pytest.TempPathFactory, scenario: Scenario
) -> None:
    asyncio.run(play(script, valkey_url, scenario, rules_of(scenario, tmp_path_factory.getbasetemp())))


@pytest.mark.parametrize("scenario", [SPENT_ON_SOMETHING_CHEAP, DEARER_THAN_WHAT_WAS_REFUSED])
def test_a_refusal_that_does_not_stand_would_be_found(
    script: Script, valkey_url: str, tmp_path: Path, scenario: Scenario
) -> None:
    """Such as a remembered one of a request that is not the cheapest."""
    rules = [
        Rule(tuple(attrs.evolve(charge, is_cheapest=True) for charge in rule.charges))
        for rule in rules_of(scenario, tmp_path)
    ]

    with pytest.raises(AssertionError, match=r"it waited|as many as are left"):
        asyncio.run(play(script, valkey_url, scenario, rules))


# In the probe's contract `/probe/account` costs 1 under `default` and 2 under `account`; `/version` the former only.
OVER_HTTP = {
    "default is used up by another operation": [*["/probe/account"] * 2, *["/version"] * 6, "/probe/account"],
    "default is used up and known to be": [*["/version"] * 8, *["/probe/account"] * 2],
    "account is used up and known to be": [*["/probe/account"] * 3, *["/version"] * 6, "/probe/account"],
    "both are": ["/version", *["/probe/account"] * 3, *["/version"] * 6, *["/probe/account"] * 2],
}


async def wait_as_told(url: str, client: str, paths: Sequence[str], heeds: int) -> int:
    """Ask, each time on another connection and so of any worker; return what the last request got after its wait."""
    headers = {"X-Forwarded-For": client, "X-Api-Key": client, "Connection": "close"}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30, headers=headers) as api:
        for path in paths:
            answer = read((told := await api.get(path)).headers)
        assert told.status_code == 429
        await asyncio.sleep(answer.waits[heeds % len(answer.waits)])
        return (await api.get(path)).status_code


async def test_who_waits_as_told_passes_over_http(start_gunicorn: StartGunicorn) -> None:
    """With two workers, for whichever number a client heeds; all of them at once."""
    policies = {"account": {"requests": 4, "window_seconds": 3}, "default": {"requests": 6, "window_seconds": 2}}
    url = start_gunicorn(APP, trusted_proxies=["127.0.0.1"], rate_limit_policies=policies).url
    cases = [(paths, heeds) for paths in OVER_HTTP.values() for heeds in range(4)]

    statuses = await asyncio.gather(
        *(wait_as_told(url, f"192.0.2.{number}", *case) for number, case in enumerate(cases))
    )

    assert statuses == [200] * len(cases)
