"""What a client is told, from where it stands under each policy."""

from tbg.rate_limiting import Rule, State
from tbg.rate_limiting.headers import fields, retry_after
from tbg.rate_limiting.policies import Charge
from tests.support.limiting import policy

BURST = policy(10, 2, name="burst")
DAILY = policy(5_000, 86_400, name="daily")
BOTH = Rule((Charge(BURST), Charge(DAILY, 20)))


def test_one_number_says_how_long_to_wait() -> None:
    """Each policy's own would not do: who waits for the shorter one is refused by the other."""
    states = [
        State(BURST, admits=False, remaining=0, wait_seconds=1.2),
        State(DAILY, admits=False, remaining=3, wait_seconds=4.5),
    ]

    assert dict(fields(BOTH, states)) == {
        "X-RateLimit-Limit": "5000",
        "X-RateLimit-Remaining": "3",
        "X-RateLimit-Reset": "5",
        "RateLimit-Policy": '"burst";q=10;w=2, "daily";q=5000;w=86400',
        "RateLimit": '"burst";r=0;t=5, "daily";r=3;t=5',
    }
    assert retry_after(states) == "5"


def test_a_policy_with_room_does_not_outlast_a_refusal() -> None:
    """Draft -11, section 6: Retry-After SHOULD NOT lie before the end of an effective window."""
    states = [
        State(BURST, admits=False, remaining=0, wait_seconds=1.2),
        State(DAILY, admits=True, remaining=80, wait_seconds=0.0),
    ]

    assert dict(fields(BOTH, states))["RateLimit"] == '"burst";r=0;t=2, "daily";r=80;t=2'
    assert retry_after(states) == "2"


def test_who_could_ask_again_at_once_is_told_when_the_quota_is_whole_again() -> None:
    states = [
        State(BURST, admits=True, remaining=9, wait_seconds=0.0),
        State(DAILY, admits=True, remaining=80, wait_seconds=0.0),
    ]

    assert dict(fields(BOTH, states))["RateLimit"] == '"burst";r=9;t=2, "daily";r=80;t=86400'


def test_the_last_one_that_is_admitted_is_told_when_the_next_one_passes() -> None:
    states = [
        State(BURST, admits=True, remaining=9, wait_seconds=0.0),
        State(DAILY, admits=True, remaining=0, wait_seconds=70.5),
    ]

    assert dict(fields(BOTH, states))["RateLimit"] == '"burst";r=9;t=71, "daily";r=0;t=71'


def test_the_tightest_policy_is_the_one_that_admits_the_fewest_more() -> None:
    """Which is a matter of the cost: 80 are four requests at 20, and 9 are nine."""
    states = [
        State(BURST, admits=True, remaining=9, wait_seconds=0.0),
        State(DAILY, admits=True, remaining=80, wait_seconds=0.0),
    ]

    told = dict(fields(BOTH, states))
    assert (told["X-RateLimit-Limit"], told["X-RateLimit-Remaining"], told["X-RateLimit-Reset"]) == ("5000", "80", "0")
