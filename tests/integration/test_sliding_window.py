"""The limiter's script against an exact log of every request, on the real server, at times of the test's choosing.

Promised: within any interval of the window's length never more than the limit is admitted, and nobody is refused when
less than the limit was admitted in the last window and a twelfth.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from random import Random

import attrs
import pytest
import redis
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from redis.commands.core import Script

from tbg.rate_limiting import SCRIPT

SECOND = 1_000_000
START = 1_800_000_000 * SECOND
BUCKET_BYTES = 16
MOST_BUCKETS = 13  # their beginnings lie a twelfth of the window apart, and the last may be a whole window old

_numbers = count()


@attrs.frozen
class Terms:
    """What one key is asked for."""

    limit: int
    window_seconds: int
    is_shadow: bool = False

    @property
    def window(self) -> int:
        return self.window_seconds * SECOND


@attrs.frozen
class Step:
    """One request: how far the server's clock has moved since the last one, and what it costs under each policy."""

    microseconds: int
    costs: tuple[int, ...]


@attrs.frozen
class Scenario:
    policies: tuple[Terms, ...]
    steps: tuple[Step, ...]


@attrs.frozen
class Standing:
    """What the script says of one policy."""

    admits: bool
    remaining: int
    wait: int


@attrs.frozen
class Answer:
    admitted: bool
    standings: tuple[Standing, ...]


@attrs.define
class ExactLog:
    """Every admitted request of one client, and the time as it passes for it: backwards never."""

    entries: list[tuple[int, int]] = attrs.field(factory=list)
    _offset: int = 0

    def time(self, clock: int) -> int:
        """Return the time. When the clock was set back to before the last request, none has passed since that."""
        now = max([clock + self._offset, *(time for time, _ in self.entries[-1:])])
        self._offset = now - clock
        return now

    def admitted_after(self, moment: float) -> int:
        return sum(cost for time, cost in self.entries if time > moment)

    def wait(self, now: int, terms: Terms, cost: int) -> int:
        """Return how long an exact limiter would make such a request wait."""
        moments = [now, *(time + terms.window + 1 for time, _ in self.entries)]
        return next(
            moment - now
            for moment in moments
            if moment >= now and self.admitted_after(moment - terms.window - 1) + cost <= terms.limit
        )


@attrs.define
class Window:
    """Fresh keys on the server, under a script that is told the time."""

    client: redis.Redis
    script: Script
    policies: Sequence[Terms]
    keys: list[str] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.keys = [f"window:{next(_numbers)}" for _ in self.policies]

    def ask(self, clock: int, costs: Sequence[int], through: redis.Redis | None = None) -> list[int]:
        arguments: list[int] = []
        for terms, cost in zip(self.policies, costs, strict=True):
            arguments += terms.limit, terms.window, cost, int(terms.is_shadow)
        return self.script(self.keys, [*arguments, clock], through or self.client)  # type: ignore[no-any-return]  # what the script returns

    def answer(self, clock: int, *costs: int) -> Answer:
        return read(self.ask(clock, costs))

    def run(self, steps: Sequence[Step]) -> list[Answer]:
        """Ask once per step, all in one round trip: no key expires in the time that this takes."""
        pipeline = self.client.pipeline(transaction=False)
        for clock, step in clocked(steps):
            self.ask(clock, step.costs, pipeline)
            for key in self.keys:
                pipeline.strlen(key)
        results = pipeline.execute()
        each = 1 + len(self.keys)
        assert max(size for at, size in enumerate(results) if at % each) <= BUCKET_BYTES * MOST_BUCKETS
        return [read(answer) for answer in results[::each]]


def read(answer: list[int]) -> Answer:
    standings = (Standing(bool(answer[at]), answer[at + 1], answer[at + 2]) for at in range(1, len(answer), 3))
    return Answer(bool(answer[0]), tuple(standings))


def clocked(steps: Sequence[Step]) -> Iterator[tuple[int, Step]]:
    clock = START
    for step in steps:
        clock += step.microseconds
        yield clock, step


def with_clock(source: str) -> str:
    """Return the script with the time as its last argument, and nothing else changed."""
    line, substitute = "local time = redis.call('TIME')\n", "local time = {0, ARGV[#ARGV]}\n"
    assert source.count("TIME'") == source.count(line) == 1
    return source.replace(line, substitute)


@pytest.fixture(scope="module")
def server(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as client:
        yield client


@pytest.fixture(scope="module")
def script(server: redis.Redis) -> Script:
    return server.register_script(with_clock(SCRIPT))


def durations(window: int) -> st.SearchStrategy[int]:
    """Return movements of a clock, most of them about a multiple of a window's twelfth, where everything happens."""
    twelfths = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 6, 11, 12, 13, -1, -12, -40])
    about = st.tuples(twelfths, st.integers(-2, 2)).map(lambda some: some[0] * window // 12 + some[1])
    return about | st.integers(0, window // 4) | st.integers(0, 3)


@st.composite
def scenarios(draw: st.DrawFn, most_policies: int = 3) -> Scenario:
    seconds = st.sampled_from([60, 61, 3_600, 86_400]) | st.integers(60, 86_400)
    shadows = st.booleans() if most_policies > 1 else st.just(value=False)
    policies = draw(
        st.lists(st.builds(Terms, st.integers(1, 12), seconds, shadows), min_size=1, max_size=most_policies)
    )
    costs = st.tuples(*(st.integers(1, terms.limit) | st.just(1) for terms in policies))
    moves = st.one_of([durations(terms.window) for terms in policies])
    steps = draw(st.lists(st.builds(Step, moves, costs), min_size=1, max_size=60))
    return Scenario(tuple(policies), tuple(steps))


def check(scenario: Scenario, answers: Sequence[Answer]) -> None:
    """Hold the promises against the log."""
    logs = [ExactLog() for _ in scenario.policies]
    for (clock, step), answer in zip(clocked(scenario.steps), answers, strict=True):
        enforced = [
            standing.admits
            for terms, standing in zip(scenario.policies, answer.standings, strict=True)
            if not terms.is_shadow
        ]
        assert answer.admitted == all(enforced), "all or none, and a shadow refuses nobody"
        for terms, log, standing, cost in zip(scenario.policies, logs, answer.standings, step.costs, strict=True):
            now = log.time(clock)
            recent = log.admitted_after(now - terms.window - 1)
            with_a_twelfth = log.admitted_after(now - terms.window * 13 / 12)
            if standing.admits:
                assert recent + cost <= terms.limit, "never more than the limit"
            else:
                assert with_a_twelfth + cost > terms.limit, "never without need"
            if standing.admits and answer.admitted:
                log.entries.append((now, cost))
                recent, with_a_twelfth = recent + cost, with_a_twelfth + cost
            assert terms.limit - with_a_twelfth <= standing.remaining <= terms.limit - recent
            assert standing.remaining >= 0
            exact = log.wait(now, terms, cost)
            assert exact <= standing.wait <= exact + terms.window / 12, "and told how long"


@settings(max_examples=150, deadline=None)
@given(scenario=scenarios())
def test_the_promise_is_kept(server: redis.Redis, script: Script, scenario: Scenario) -> None:
    """Whatever the arrivals, costs and steps of the clock: under each policy, all are charged or none."""
    check(scenario, Window(server, script, scenario.policies).run(scenario.steps))


@settings(max_examples=100, deadline=None)
@given(scenario=scenarios(most_policies=1), cost=st.integers(1, 12))
def test_the_wait_is_exact(server: redis.Redis, script: Script, scenario: Scenario, cost: int) -> None:
    """A microsecond less is refused, and the wait itself admitted."""
    (terms,) = scenario.policies
    cost = min(cost, terms.limit)
    window = Window(server, script, scenario.policies)
    window.run(scenario.steps)
    clock = START + sum(step.microseconds for step in scenario.steps)
    told = window.answer(clock, cost)
    while told.admitted:
        told = window.answer(clock, cost)
    wait = told.standings[0].wait

    early, in_time = window.answer(clock + wait - 1, cost), window.answer(clock + wait, cost)

    assert 0 < wait <= terms.window * 13 / 12
    assert (early.admitted, early.standings[0].wait) == (False, 1)
    assert in_time.admitted


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("first + span + window < clock", "first + span + window <= clock"),
        ("first + span + window < clock", "first + window < clock"),
        ("first + span + window < clock", "first + span + window * 7 / 6 < clock"),
        ("window / 12 then", "window / 6 then"),
        ("used + cost <= limit, is_moved}", "used + cost <= limit + 1, is_moved}"),
        ("used + cost <= limit, is_moved}", "used < limit, is_moved}"),
        ("used + cost <= limit, is_moved}", "used + cost < limit, is_moved}"),
        ("(is_shadow or used + cost <= limit)", "(used + cost <= limit)"),
        ("if admitted and admits then", "if admits then"),
        ("if admitted and admits then", "if admitted then"),
        ("clock - first, count + cost)", "0, count + cost)"),
        ("clock - first, count + cost)", "clock - first, cost)"),
        ("shift = math.max(0, first + span - clock)", "shift = 0"),
        ("elseif is_moved then", "elseif false then"),
        ("first - shift, span", "math.min(first, clock), span"),
        ("if excess <= 0 then break end", ""),
        ("+ window - clock + 1", "+ window - clock"),
        ("for at = #packed - SIZE + 1, 1, -SIZE do", "for at = #packed - SIZE + 1, SIZE + 1, -SIZE do"),
        ("packed, first, count = string.sub(packed, 1, -SIZE - 1), newest, sum", "first, count = newest, sum"),
    ],
)
def test_a_mistake_in_the_script_would_be_found(server: redis.Redis, line: str, mistake: str) -> None:
    """Otherwise the promise would be kept only because nobody looks."""
    source = SCRIPT.replace(line, mistake)
    wrong = server.register_script(with_clock(source))

    def breaks(scenario: Scenario) -> bool:
        try:
            check(scenario, Window(server, wrong, scenario.policies).run(scenario.steps))
        except (AssertionError, StopIteration):
            return True
        return False

    assert source != SCRIPT
    try:
        find(scenarios(), breaks, settings=settings(max_examples=2000, phases=[Phase.generate]), random=Random(0))
    except NoSuchExample:
        pytest.fail("nobody has noticed")


def test_a_key_holds_at_most_thirteen_buckets(server: redis.Redis, script: Script) -> None:
    window = Window(server, script, [Terms(1_000_000, 60)])
    window.run([Step(SECOND // 20, (1,))] * 1_300)

    assert server.strlen(window.keys[0]) == MOST_BUCKETS * BUCKET_BYTES


@pytest.mark.parametrize("window_seconds", [1, 60, 86_400])
def test_a_key_lives_as_long_as_it_counts(server: redis.Redis, script: Script, window_seconds: int) -> None:
    window = Window(server, script, [Terms(1, window_seconds)])
    window.answer(START, 1)
    left = server.pttl(window.keys[0])
    window.answer(START + 1, 1)

    assert window_seconds * 1000 - 500 < left <= window_seconds * 1000 + 1
    assert server.pttl(window.keys[0]) <= left, "who is refused is not remembered for longer"


@pytest.mark.parametrize(
    "garbage", [b"x", b"x" * 15, b"x" * 16, b"\xff" * 160, b"\x00" * 32, b"0" * 1_000, b"\x00" * 16 + b"\xff" * 16]
)
def test_garbage_in_a_key_is_forgotten_in_a_window(server: redis.Redis, script: Script, garbage: bytes) -> None:
    window = Window(server, script, [Terms(1, 60)])
    server.set(window.keys[0], garbage)

    window.answer(START, 1)
    answers = [window.answer(START + 60 * SECOND + 1, 1) for _ in range(2)]

    assert [answer.admitted for answer in answers] == [True, False]
    assert server.strlen(window.keys[0]) == BUCKET_BYTES
    assert 0 < server.pttl(window.keys[0]) <= 60_001


def test_a_key_of_another_type_is_overwritten(server: redis.Redis, script: Script) -> None:
    window = Window(server, script, [Terms(1, 60)])
    server.lpush(window.keys[0], "x")

    assert [window.answer(START, 1).admitted for _ in range(2)] == [True, False]


def test_what_costs_nothing_is_written_and_changes_nothing(server: redis.Redis, script: Script) -> None:
    """So a server that takes no writes is found out, and nobody pays for it."""
    window = Window(server, script, [Terms(2, 60), Terms(1, 60)])
    window.answer(START, 1, 1)
    before = server.mget(window.keys)
    for key in window.keys:
        server.persist(key)
    answer = window.answer(START + 1, 0, 0)

    assert answer.admitted
    assert [standing.remaining for standing in answer.standings] == [1, 0]
    assert server.mget(window.keys) == before
    assert all(server.pttl(key) > 0 for key in window.keys), "written"


def test_a_clock_that_was_set_back_costs_nobody_more_than_a_window(server: redis.Redis, script: Script) -> None:
    window = Window(server, script, [Terms(1, 60)])
    window.answer(START, 1)
    back = START - 3_600 * SECOND
    refused = window.answer(back, 1)
    wait = refused.standings[0].wait

    assert (refused.admitted, wait) == (False, 60 * SECOND + 1)
    assert window.answer(back + wait // 2, 1).standings[0].wait == wait - wait // 2
    assert window.answer(back + wait, 1).admitted


def test_one_refusal_charges_nobody(server: redis.Redis, script: Script) -> None:
    window = Window(server, script, [Terms(5, 60), Terms(1, 60), Terms(1, 60, is_shadow=True)])
    answers = [window.answer(START, 1, 1, 1) for _ in range(3)]

    assert [answer.admitted for answer in answers] == [True, False, False]
    assert [standing.remaining for standing in answers[-1].standings] == [4, 0, 0]
    assert [standing.admits for standing in answers[-1].standings] == [True, False, False]


def test_a_shadow_admits_and_charges_no_more_than_its_limit(server: redis.Redis, script: Script) -> None:
    window = Window(server, script, [Terms(9, 60), Terms(2, 60, is_shadow=True)])
    answers = [window.answer(START, 1, 1) for _ in range(4)]

    assert [answer.admitted for answer in answers] == [True] * 4
    assert [answer.standings[1].admits for answer in answers] == [True, True, False, False]
    assert answers[-1].standings[0].remaining == 5
