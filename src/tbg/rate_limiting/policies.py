"""Rate-limit policies: how often one client may ask."""

from itertools import chain
from typing import Any, Final

import attrs

DEFAULT: Final = "default"
ADDRESS: Final = "address"
MICROSECONDS: Final = 1_000_000

_MAX_REQUESTS: Final = 1_000_000
_MAX_WINDOW_SECONDS: Final = 86_400


def _between(low: int, high: int) -> Any:  # noqa: ANN401 - attrs's own type
    def check(_policy: object, field: "attrs.Attribute[int]", value: object) -> None:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{field.name} must be a whole number from {low} to {high}")

    return check


def _is_bool(_policy: object, field: "attrs.Attribute[bool]", value: object) -> None:
    if type(value) is not bool:
        raise ValueError(f"{field.name} must be true or false")


@attrs.frozen(kw_only=True)
class Policy:
    """How often one client may ask.

    Attributes:
        requests: How many per window.
        window_seconds: The window's length.
        scope: What a client is: its ``address``, or what a feature supplies, such as an API key.
        fail_closed: Whether requests are refused, with 503, while Redis cannot count them.
        shadow: Whether it only counts and logs, and never refuses.
    """

    name: str
    requests: int = attrs.field(validator=_between(1, _MAX_REQUESTS))
    window_seconds: int = attrs.field(validator=_between(1, _MAX_WINDOW_SECONDS))
    scope: str = ADDRESS
    fail_closed: bool = attrs.field(default=False, validator=_is_bool)
    shadow: bool = attrs.field(default=False, validator=_is_bool)


@attrs.frozen
class Charge:
    """What one request costs under one policy.

    Attributes:
        slot: What all keys of this policy share in Redis instead of their client, see `RateLimits`.
        is_cheapest: Whether no operation costs less under this policy. Then nobody whom it refuses can spend anything
            anywhere until the wait is over, so the refusal may be remembered.
    """

    policy: Policy
    cost: int = 1
    slot: str | None = None
    is_cheapest: bool = True

    def key(self, client: str) -> str:
        """Return the client's key in Redis; in a Cluster, what stands in braces decides on the slot."""
        name = self.policy.name
        return f"ratelimit:{{{client}}}:{name}" if self.slot is None else f"ratelimit:{{{self.slot}}}:{name}:{client}"


Charges = tuple[Charge, ...]


@attrs.frozen(eq=False)
class Rule:
    """What a request for some operation costs: at least one charge.

    Attributes:
        costs: Of the charges that can refuse.
        policy_field: The value of ``RateLimit-Policy``; empty if no policy can refuse.
        script_arguments: What the limiter's script is told of the charges.
    """

    charges: Charges
    costs: tuple[int, ...] = attrs.field(init=False)
    policy_field: str = attrs.field(init=False)
    script_arguments: tuple[int, ...] = attrs.field(init=False)

    @costs.default
    def _of_those_that_refuse(self) -> tuple[int, ...]:
        return tuple(charge.cost for charge in self.charges if not charge.policy.shadow)

    @policy_field.default
    def _policies_as_list(self) -> str:
        policies = [charge.policy for charge in self.charges if not charge.policy.shadow]
        return ", ".join(f'"{each.name}";q={each.requests};w={each.window_seconds}' for each in policies)

    @script_arguments.default
    def _four_for_each(self) -> tuple[int, ...]:
        each = [(charge.policy, charge.cost) for charge in self.charges]
        numbers = [(of.requests, of.window_seconds * MICROSECONDS, cost, int(of.shadow)) for of, cost in each]
        return tuple(chain.from_iterable(numbers))

    @property
    def can_refuse(self) -> bool:
        """Whether a request can be answered 429."""
        return any(not charge.policy.shadow for charge in self.charges)

    @property
    def fails_closed(self) -> bool:
        """Whether a request is refused, with 503, while Redis cannot count it."""
        return any(charge.policy.fail_closed and not charge.policy.shadow for charge in self.charges)
