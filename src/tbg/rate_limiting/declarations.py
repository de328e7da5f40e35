"""What the contract declares about rate limits, and what is wrong with it.

At the root, all but the first two values optional:

    x-rate-limit-policies:
      default: { requests: 100, window_seconds: 60, scope: address, fail_closed: false, shadow: false }

At an operation: ``x-rate-limit: false``, a policy's name, ``{policy, cost}``, or a list of these; `default` without it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tbg.contract import Operation
from tbg.rate_limiting.policies import DEFAULT, Charge, Charges, Policy

POLICIES: Final = "x-rate-limit-policies"
OPERATION: Final = "x-rate-limit"

_UNDECLARED: Final = {"requests": 100, "window_seconds": 60}  # of `default`, in a contract that says nothing

Values = Mapping[str, object]
"""Attributes of a policy by name."""


def wrong_policies(declared: object, overrides: Mapping[str, Values]) -> Iterator[str]:
    """Find what is wrong with the policies, as declared and as the settings change them."""
    if not isinstance(declared, dict):
        yield f"{POLICIES}: must be a mapping of policies by name"
        return
    for name in overrides.keys() - declared.keys() - {DEFAULT}:
        yield f"the settings change a policy {name!r}, which {POLICIES} does not declare"
    for name, values in {DEFAULT: _UNDECLARED, **declared}.items():
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", str(name)):
            yield f"{POLICIES}: {str(name)[:40]!r}: a name is 1 to 32 of a-z, 0-9, - and _, and begins with a letter"
        elif not isinstance(values, dict):
            yield f"{POLICIES}: {name}: must be a mapping"
        else:
            yield from _wrong_policy(name, {**values, **overrides.get(name, {})})


def _wrong_policy(name: str, values: Mapping[str, object]) -> Iterator[str]:
    try:
        Policy(name=name, **values)  # type: ignore[arg-type]  # that is what it finds out
    except (TypeError, ValueError) as error:
        reason = str(error).removeprefix("Policy.__init__() ")
        yield f"{POLICIES}: {name}: {reason}"


def merged(declared: Mapping[str, Mapping[str, Any]], overrides: Mapping[str, Mapping[str, Any]]) -> dict[str, Policy]:
    """Return the policies, `default` among them in any case."""
    with_default = {DEFAULT: _UNDECLARED, **declared}
    return {name: Policy(name=name, **{**values, **overrides.get(name, {})}) for name, values in with_default.items()}


def charges_of(operation: Operation, policies: Mapping[str, Policy]) -> tuple[Charges, list[str]]:
    """Return what ``operation`` is charged, and what is wrong with it."""
    value = operation.extensions.get(OPERATION, DEFAULT)
    if value is False:
        return (), []
    items: list[Any] = [
        {"policy": item} if isinstance(item, str) else item for item in (value if isinstance(value, list) else [value])
    ]
    wrong = [f"{OPERATION}: {problem}" for item in items for problem in _wrong_charge(item, policies)]
    names = [item["policy"] for item in items if not wrong]
    if len(names) != len(set(names)) or not items:
        wrong.append(f"{OPERATION}: names no policy, or one twice")
    return tuple(Charge(policies[item["policy"]], item.get("cost", 1)) for item in items if not wrong), wrong


def _wrong_charge(item: object, policies: Mapping[str, Policy]) -> Iterator[str]:
    if not isinstance(item, dict) or not {"policy"} <= item.keys() <= {"policy", "cost"}:
        yield f"must be false, a policy's name, {{policy, cost}} or a list of these, not {str(item)[:60]!r}"
    elif not isinstance(item["policy"], str) or item["policy"] not in policies:
        yield f"there is no policy {str(item['policy'])[:60]!r} in {POLICIES}"
    else:
        cost, most = item.get("cost", 1), policies[item["policy"]].requests
        if type(cost) is not int or not 1 <= cost <= most:
            yield f"the cost must be a whole number from 1 to {most}, which is all that the policy ever admits"
