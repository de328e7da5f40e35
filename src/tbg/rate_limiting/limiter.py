"""The rate limiter: what is charged to whom, asked of Redis, and remembered when it was refused."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final, NamedTuple

import structlog

from tbg.rate_limiting.lane import Lane, UncountedError
from tbg.rate_limiting.metrics import Outcome, RateLimitMetrics
from tbg.rate_limiting.policies import MICROSECONDS, Charges, Policy, Rule
from tbg.rate_limiting.refusals import Clock, Refusal, Refusals
from tbg.redis.script import Call, RedisScript

SCRIPT: Final = files("tbg.rate_limiting").joinpath("sliding_window.lua").read_text(encoding="utf-8")

# So many that each node of a Cluster has some. They live for a second.
_PROBE_KEYS: Final = tuple(f"ratelimit:{{probe-{number}}}" for number in range(200))


class State(NamedTuple):
    """Where a client stands under one policy, after this request.

    Attributes:
        admits: Whether this policy admitted the request.
        remaining: How many requests it would still admit now.
        wait_seconds: How long until it would admit such a request again; 0 when it would now.
    """

    policy: Policy
    admits: bool
    remaining: int
    wait_seconds: float


class Verdict(NamedTuple):
    """The limiter's answer to one request.

    Attributes:
        outcome: Without Redis a request is ``uncounted`` and passes, or ``unavailable`` and must not.
        states: Where the client stands under each policy that can refuse; empty when nothing was counted.
    """

    outcome: Outcome
    states: tuple[State, ...] = ()


class RateLimiter:
    """Charge requests to their clients, in Redis, for all workers and machines together.

    Args:
        script: `SCRIPT`, on the client of Redis.
        timeout_seconds: How long Redis may take.
        metrics: What it has done.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        script: RedisScript,
        *,
        timeout_seconds: float,
        metrics: RateLimitMetrics,
        clock: Clock = time.monotonic,
    ) -> None:
        self._script = script
        self._timeout_seconds = timeout_seconds
        self._metrics = metrics
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
        self._refused = Refusals(clock)
        self._shadowed = Refusals(clock)
        self._log = structlog.stdlib.get_logger("tbg.rate_limit")

    async def check(self, rule: Rule, clients: Mapping[str, str]) -> Verdict:
        """Charge one request.

        Args:
            rule: What it costs.
            clients: Who asks, by scope.
        """
        keys = [charge.key(clients[charge.policy.scope]) for charge in rule.charges]
        verdict = (self._remembered(rule.charges, keys) if self._refused else None) or await self._asked(rule, keys)
        for charge in rule.charges:
            self._metrics.count(charge.policy, verdict.outcome)
        return verdict

    async def ping(self) -> None:
        """Find out whether requests are counted now; nobody is charged.

        A Cluster may have lost a node, whose clients then pass uncounted, as long as another one counts.

        Raises:
            UncountedError: Redis does not answer in time, or a server of it refuses to count.
        """
        names = {self._script.lane(key) for key in _PROBE_KEYS}
        pings = [self._lane(name).ping() for name in names]
        failures = [each for each in await asyncio.gather(*pings, return_exceptions=True) if each is not None]
        errors = [each for each in failures if not isinstance(each, UncountedError) or each.is_refused]
        if errors or len(failures) == len(pings):
            raise (errors or failures)[0]

    def _remembered(self, charges: Charges, keys: Sequence[str]) -> Verdict | None:
        """Refuse who is known to be refused still, by every policy that can: where another one stands, Redis knows."""
        states = []
        for charge, key in zip(charges, keys, strict=True):
            if charge.policy.shadow:
                continue
            if (known := self._refused.find(key) if charge.is_cheapest else None) is None:
                return None
            states.append(State(charge.policy, False, *known))  # noqa: FBT003 - admits; names take twice the time
        return Verdict("refused", tuple(states)) if states else None

    async def _asked(self, rule: Rule, keys: Sequence[str]) -> Verdict:
        charges = rule.charges
        asked = self._clock()
        try:
            answer = await self._lane(self._script.lane(keys[0])).ask((keys, rule.script_arguments))
        except UncountedError:
            return Verdict("unavailable" if rule.fails_closed else "uncounted")
        states = [
            State(charge.policy, bool(answer[at]), answer[at + 1], answer[at + 2] / MICROSECONDS)
            for at, charge in zip(range(1, len(answer), 3), charges, strict=True)
        ]
        if not all(answer[1::3]):
            self._remember(charges, keys, states, asked)
        enforced = tuple([state for state in states if not state.policy.shadow])
        return Verdict("admitted" if answer[0] else "refused", enforced)

    def _remember(self, charges: Charges, keys: Sequence[str], states: Sequence[State], asked: float) -> None:
        """Note who is refused; of a shadow's refusals, the first one is logged."""
        answered = self._clock()
        for charge, key, state in zip(charges, keys, states, strict=True):
            if state.admits:
                continue
            refusal = Refusal(state.remaining, state.wait_seconds)
            if not charge.policy.shadow:
                if charge.is_cheapest:
                    self._refused.note(key, refusal, asked=asked, answered=answered)
                continue
            self._metrics.would_refuse(charge.policy)
            if self._shadowed.find(key) is None:
                self._shadowed.note(key, refusal, asked=asked, answered=answered)
                self._log.warning("rate_limit.would_refuse", policy=charge.policy.name, limit=charge.policy.requests)

    def _lane(self, name: str) -> Lane:
        if name not in self._lanes:
            self._lanes[name] = Lane(
                self._script.run,
                lambda: self._probe(name),
                timeout_seconds=self._timeout_seconds,
                name=name,
                changed=self._metrics.lane_changed,
            )
        return self._lanes[name]

    def _probe(self, lane: str) -> Call:
        """Return a call that costs nothing and yet is written, for a key of nobody's on the server of ``lane``."""
        key = next((key for key in _PROBE_KEYS if self._script.lane(key) == lane), _PROBE_KEYS[0])
        return [key], [1, MICROSECONDS, 0, 0]
