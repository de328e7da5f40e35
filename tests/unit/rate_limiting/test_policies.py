"""What the contract and the settings may say about rate limits, and what becomes of it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tbg.contract import Contract, MismatchError
from tbg.rate_limiting import Policy, RateLimits
from tests.support.declaring import contract

ERROR = {"description": "Error."}


def limits(contract: Contract, overrides: Mapping[str, Mapping[str, object]] | None = None, *scopes: str) -> RateLimits:
    return RateLimits.load(contract, overrides or {}, scopes)


def findings(contract: Contract, overrides: Mapping[str, Mapping[str, object]] | None = None) -> tuple[str, ...]:
    with pytest.raises(MismatchError) as refused:
        limits(contract, overrides)
    assert str(contract.document.path) in str(refused.value)
    return refused.value.findings


POLICIES = {
    "default": {"requests": 100, "window_seconds": 60},
    "burst": {"requests": 10, "window_seconds": 1},
    "login": {"requests": 5, "window_seconds": 300, "scope": "account", "fail_closed": True},
}


def test_an_operation_names_its_policies_in_any_form(tmp_path: Path) -> None:
    loaded = contract(
        tmp_path,
        POLICIES,
        a="nothing",
        b="burst",
        c=["default", {"policy": "burst", "cost": 3}],
        d={"policy": "burst", "cost": 10},
        e=False,
    )
    rules = limits(loaded, None, "account")

    charged = {}
    for operation in loaded.operations.values():
        rule = rules.of(operation)
        charged[operation.operation_id] = rule and [(charge.policy.name, charge.cost) for charge in rule.charges]
    assert charged == {
        "a": [("default", 1)],
        "b": [("burst", 1)],
        "c": [("default", 1), ("burst", 3)],
        "d": [("burst", 10)],
        "e": None,
    }
    assert [(charge.policy.name, charge.cost) for charge in rules.unmatched.charges] == [("default", 1)]


def test_a_contract_that_says_nothing_has_the_default(tmp_path: Path) -> None:
    rules = limits(contract(tmp_path, a="nothing"))

    assert rules.policies == {"default": Policy(name="default", requests=100, window_seconds=60)}


def test_the_settings_change_values_of_a_policy(tmp_path: Path) -> None:
    overrides = {"default": {"requests": 7}, "burst": {"shadow": True, "window_seconds": 2}}
    rules = limits(contract(tmp_path, POLICIES), overrides, "account")

    assert rules.policies["default"] == Policy(name="default", requests=7, window_seconds=60)
    assert rules.policies["burst"] == Policy(name="burst", requests=10, window_seconds=2, shadow=True)


@pytest.mark.parametrize(
    ("value", "finding"),
    [
        ("nobody", "there is no policy 'nobody' in x-rate-limit-policies"),
        (True, "must be false, a policy's name"),
        (3, "must be false, a policy's name"),
        (None, "must be false, a policy's name"),
        ([], "names no policy, or one twice"),
        (["default", "default"], "names no policy, or one twice"),
        ({"cost": 2}, "must be false, a policy's name"),
        ({"policy": "default", "costs": 2}, "must be false, a policy's name"),
        ({"policy": ["default"]}, "there is no policy"),
        ({"policy": "default", "cost": 0}, "the cost must be a whole number from 1 to 100, which is all"),
        ({"policy": "default", "cost": 101}, "the cost must be"),
        ({"policy": "default", "cost": 1.5}, "the cost must be"),
        ({"policy": "default", "cost": True}, "the cost must be"),
    ],
)
def test_an_operation_that_makes_no_sense_is_named(tmp_path: Path, value: object, finding: str) -> None:
    (found,) = findings(contract(tmp_path, a=value))

    assert found.startswith(f"GET /a: x-rate-limit: {finding}")


@pytest.mark.parametrize(
    ("policies", "finding"),
    [
        (["default"], "x-rate-limit-policies: must be a mapping of policies by name"),
        ({"Default!": {}}, "x-rate-limit-policies: 'Default!': a name is"),
        ({"a": 5}, "x-rate-limit-policies: a: must be a mapping"),
        (
            {"a": {"requests": 5}},
            "x-rate-limit-policies: a: missing 1 required keyword-only argument: 'window_seconds'",
        ),
        (
            {"a": {"requests": 0, "window_seconds": 1}},
            "x-rate-limit-policies: a: requests must be a whole number from 1",
        ),
        ({"a": {"requests": "5", "window_seconds": 1}}, "x-rate-limit-policies: a: requests must be"),
        ({"a": {"requests": True, "window_seconds": 1}}, "x-rate-limit-policies: a: requests must be"),
        ({"a": {"requests": 1, "window_seconds": 86401}}, "x-rate-limit-policies: a: window_seconds must be"),
        ({"a": {"requests": 1, "window_seconds": 1, "shadow": 1}}, "x-rate-limit-policies: a: shadow must be true or"),
        (
            {"a": {"requests": 1, "window_seconds": 1, "scop": "x"}},
            "x-rate-limit-policies: a: got an unexpected keyword",
        ),
        ({"a": {"requests": 1, "window_seconds": 1, "scope": "key"}}, "x-rate-limit-policies: a: no feature supplies"),
    ],
)
def test_a_policy_that_makes_no_sense_is_named(tmp_path: Path, policies: object, finding: str) -> None:
    (found,) = findings(contract(tmp_path, policies))

    assert found.startswith(finding)


@pytest.mark.parametrize(
    ("overrides", "finding"),
    [
        ({"nobody": {"requests": 1}}, "the settings change a policy 'nobody'"),
        ({"default": {"requests": -1}}, "x-rate-limit-policies: default: requests must be"),
        ({"default": {"colour": 1}}, "x-rate-limit-policies: default: got an unexpected keyword argument 'colour'"),
    ],
)
def test_settings_that_make_no_sense_are_named(
    tmp_path: Path, overrides: Mapping[str, Mapping[str, object]], finding: str
) -> None:
    (found,) = findings(contract(tmp_path, {"default": POLICIES["default"]}), overrides)

    assert found.startswith(finding)


def test_settings_for_the_default_of_a_contract_that_says_nothing_are_checked_too(tmp_path: Path) -> None:
    assert findings(contract(tmp_path), {"default": {"requests": 0}})


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    assert len(findings(contract(tmp_path, {"default": POLICIES["default"]}, a="x", b="y"))) == 2


def test_keys_of_one_request_lie_in_one_slot(tmp_path: Path) -> None:
    """Of one scope: with their client. Of several: together, and so is whatever meets one of these."""
    policies = {
        **POLICIES,
        "alone": {"requests": 1, "window_seconds": 1},
        "met": {"requests": 1, "window_seconds": 1},
    }
    loaded = contract(tmp_path, policies, a=["default", "login"], b=["default", "met"], c=["alone", "burst"])
    rules = limits(loaded, None, "account")
    client = {"address": "192.0.2.1", "account": "b0b"}

    keys = {}
    for operation in loaded.operations.values():
        rule = rules.of(operation)
        assert rule is not None
        keys[operation.operation_id] = [charge.key(client[charge.policy.scope]) for charge in rule.charges]
    assert keys == {
        "a": ["ratelimit:{default+login+met}:default:192.0.2.1", "ratelimit:{default+login+met}:login:b0b"],
        "b": ["ratelimit:{default+login+met}:default:192.0.2.1", "ratelimit:{default+login+met}:met:192.0.2.1"],
        "c": ["ratelimit:{192.0.2.1}:alone", "ratelimit:{192.0.2.1}:burst"],
    }
    assert rules.unmatched.charges[0].key("192.0.2.1") == keys["a"][0]


def test_the_cheapest_charges_of_each_policy_are_known(tmp_path: Path) -> None:
    """Only their refusals may be remembered."""
    loaded = contract(
        tmp_path,
        POLICIES,
        a={"policy": "default", "cost": 2},
        b=[{"policy": "burst", "cost": 3}, "login"],
        c={"policy": "burst", "cost": 2},
    )
    rules = limits(loaded, None, "account")

    cheapest = {
        name: [charge.is_cheapest for charge in rule.charges]
        for name in "abc"
        if (rule := rules.of(loaded.find("GET", f"/{name}")))
    }
    assert cheapest == {"a": [False], "b": [False, True], "c": [True]}, "what has no route costs one of the default"
    assert [charge.is_cheapest for charge in rules.unmatched.charges] == [True]
