"""What a client is told about its limits: who waits as it was told passes, if it spends nothing in the meantime.

``RateLimit-Policy`` and ``RateLimit`` are those of draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4, Lists of
structured fields (RFC 9651): ``"default";q=100;w=60`` and ``"default";r=99;t=60``. The older ``X-RateLimit-…`` speak of
the one policy that leaves the least. Why each ``t`` of an answer is the same, see ADR 4.
"""

import math
from collections.abc import Sequence
from typing import Final

from tbg.rate_limiting.limiter import State
from tbg.rate_limiting.policies import Rule

NAMES: Final = (
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "RateLimit-Policy",
    "RateLimit",
    "Retry-After",
)


def fields(rule: Rule, states: Sequence[State]) -> list[tuple[str, str]]:
    """Return the headers of an answer to a request that was counted, or refused."""
    tightest = states[0] if len(states) == 1 else _tightest(rule, states)
    wait = math.ceil(tightest.wait_seconds)
    return [
        ("X-RateLimit-Limit", str(tightest.policy.requests)),
        ("X-RateLimit-Remaining", str(tightest.remaining)),
        ("X-RateLimit-Reset", str(wait)),
        ("RateLimit-Policy", rule.policy_field),
        ("RateLimit", ", ".join([_service_limit(state, wait, tightest.admits) for state in states])),
    ]


def retry_after(states: Sequence[State]) -> str:
    """Return after how many seconds a request passes that is refused now: what the slowest policy says."""
    return str(max(1, *(math.ceil(state.wait_seconds) for state in states)))


def _tightest(rule: Rule, states: Sequence[State]) -> State:
    """Return where a request like this one has to wait longest, or may else be made the fewest times more."""
    return min(zip(states, rule.costs, strict=True), key=_room)[0]


def _room(state_and_cost: tuple[State, int]) -> tuple[float, int]:
    state, cost = state_and_cost
    return -state.wait_seconds, state.remaining // cost


def _service_limit(state: State, wait: int, is_admitted: bool) -> str:  # noqa: FBT001 - a state
    # No effective window ends later than Retry-After (section 6). Without a refusal, and as long as something is left,
    # the quota is whole again one window after this request, if none follows.
    seconds = max(wait, state.policy.window_seconds) if is_admitted and not state.wait_seconds else wait
    return f'"{state.policy.name}";r={state.remaining};t={seconds}'
