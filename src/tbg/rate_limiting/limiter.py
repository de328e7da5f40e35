"""The rate limiter: what is charged to whom, asked of Redis, and remembered when it was refused."""

import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final, NamedTuple

import structlog

from tbg.rate_limiting.cluster_lanes import ClusterLanes
from tbg.rate_limiting.lanes import OneLane, Probing
from tbg.rate_limiting.metrics import Outcome, RateLimitMetrics
from tbg.rate_limiting.policies import MICROSECONDS, Charges, Policy, Rule
from tbg.rate_limiting.questions import UncountedError
from tbg.rate_limiting.refusals import Clock, Refusal, Refusals
from tbg.redis.connector import Connector

SCRIPT: Final = files("tbg.rate_limiting").joinpath("sliding_window.lua").read_text(encoding="utf-8")

_PROBING: Final = Probing([f"ratelimit:{{probe-{number}}}" for number in range(1000)], [1, MICROSECONDS, 0, 0])


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
        connector: Connects to Redis.
        timeout_seconds: How long a request may wait for its check.
        metrics: What it has done.
        script: What is run there.
        clock: Seconds that never run backwards.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        timeout_seconds: float,
        metrics: RateLimitMetrics,
        script: str = SCRIPT,
        clock: Clock = time.monotonic,
    ) -> None:
        kind = ClusterLanes if connector.topology == "cluster" else OneLane
        self._lanes = kind(connector, script, _PROBING, timeout_seconds=timeout_seconds, metrics=metrics)
        self._metrics = metrics
        self._clock = clock
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

    async def start(self) -> None:
        """Connect before the first request; return when that is done or has failed, after two seconds in any case."""
        await self._lanes.start()

    async def ping(self) -> None:
        """Find out whether requests are counted now; nobody is charged.

        Raises:
            UncountedError: Redis does not answer in time, or a server of it refuses to count.
        """
        await self._lanes.ping()

    async def close(self) -> None:
        """Close all connections; later requests are not counted."""
        await self._lanes.close()

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
            answer = await self._lanes.ask((keys, rule.script_arguments))
        except UncountedError as error:
            self._metrics.uncounted(error.cause)
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
