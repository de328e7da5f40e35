"""What a client is told about its limits.

``RateLimit-Policy`` and ``RateLimit`` are those of draft-ietf-httpapi-ratelimit-headers-10, Lists of structured fields
(RFC 9651): ``"default";q=100;w=60`` and ``"default";r=99;t=60``. The older ``X-RateLimit-…`` speak of the one policy
that leaves the least.
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
    tightest = states[0] if len(states) == 1 else min(states, key=_room)
    return [
        ("X-RateLimit-Limit", str(tightest.policy.requests)),
        ("X-RateLimit-Remaining", str(tightest.remaining)),
        ("X-RateLimit-Reset", str(math.ceil(tightest.wait_seconds))),
        ("RateLimit-Policy", rule.policy_field),
        ("RateLimit", ", ".join(map(_service_limit, states))),
    ]


def _room(state: State) -> tuple[bool, float, int]:
    return state.admits, -state.wait_seconds, state.remaining


def retry_after(states: Sequence[State]) -> str:
    """Return after how many seconds a request passes that is refused now: what the slowest policy says."""
    return str(max(1, *(math.ceil(state.wait_seconds) for state in states if not state.admits)))


def _service_limit(state: State) -> str:
    # As long as something is left, the quota is whole again one window after this request, if none follows.
    seconds = math.ceil(state.wait_seconds) or state.policy.window_seconds
    return f'"{state.policy.name}";r={state.remaining};t={seconds}'
