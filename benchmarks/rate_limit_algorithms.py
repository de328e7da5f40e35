"""Compare ways to limit a rate: time inside the server, memory per busy client, and what an adversary gets admitted.

All are Lua scripts with one key per client, and are told the time, so that a minute needs no minute.
"""

import secrets
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import redis

from tbg.dev.valkey import EmbeddedValkey
from tbg.rate_limiting import SCRIPT

LIMITS: Final = (100, 10_000)
ROUNDS: Final = 9
CALLS: Final = 2_000
SECOND: Final = 1_000_000
WINDOW: Final = 60 * SECOND
START: Final = 30_000_000 * WINDOW  # where a fixed window begins

CLOCK: Final = "local time = redis.call('TIME')\n"
_HEAD: Final = (
    CLOCK
    + """
local clock = time[1] * 1000000 + time[2]
local key, limit, window, cost = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local index = math.floor(clock / window)
"""
)

FIXED_WINDOW: Final = (
    _HEAD
    + """
local packed, used = redis.call('GET', key), 0
if packed then
  local last, count = struct.unpack('>I7I4', packed)
  if last == index then used = count end
end
if used + cost > limit then return {0} end
redis.call('SET', key, struct.pack('>I7I4', index, used + cost), 'PX', window / 1000)
return {1}
"""
)

SLIDING_COUNTER: Final = (
    _HEAD
    + """
local packed, before, used = redis.call('GET', key), 0, 0
if packed then
  local last, older, newer = struct.unpack('>I7I4I4', packed)
  if last == index then before, used = older, newer elseif last == index - 1 then before = newer end
end
if before * (1 - clock % window / window) + used + cost > limit then return {0} end
redis.call('SET', key, struct.pack('>I7I4I4', index, before, used + cost), 'PX', 2 * window / 1000)
return {1}
"""
)

LOG: Final = (
    _HEAD
    + """
redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('(%.0f', clock - window))
local used = redis.call('ZCARD', key)
if used + cost > limit then return {0} end
for i = 1, cost do
  redis.call('ZADD', key, string.format('%.0f', clock), string.format('%.0f-%d', clock, used + i))
end
redis.call('PEXPIRE', key, window / 1000)
return {1}
"""
)

GCRA: Final = (
    _HEAD
    + """
local arrival = math.max(clock, tonumber(redis.call('GET', key) or 0)) + cost * window / limit
if arrival - window > clock then return {0} end
redis.call('SET', key, string.format('%.0f', arrival), 'PX', math.ceil((arrival - clock) / 1000))
return {1}
"""
)

SOURCES: Final[Mapping[str, str]] = {
    "fixed window": FIXED_WINDOW,
    "sliding counter": SLIDING_COUNTER,
    "sorted-set log": LOG,
    "GCRA": GCRA,
    "buckets (ours)": SCRIPT,
}


class Algorithm:
    """One script and the clients that it has been asked for."""

    def __init__(self, client: redis.Redis, source: str) -> None:
        """Register the script with the time as its last argument; asking for the real one stays, and is measured."""
        if source.count(CLOCK) != 1:
            raise ValueError("the script does not read the clock in the line that is known")
        self._client = client
        self._script = client.register_script(source.replace(CLOCK, CLOCK + "time = {0, ARGV[#ARGV]}\n"))
        self.key = ""

    def begin(self) -> None:
        """Go on with a new client."""
        if self.key:
            self._client.delete(self.key)
        self.key = f"ratelimit:{{{secrets.token_hex(6)}}}:default"

    def ask(self, clocks: Sequence[int], limit: int) -> list[int]:
        """Ask once per time, and return the times at which a request was admitted."""
        pipeline = self._client.pipeline(transaction=False)
        for clock in clocks:
            self._script([self.key], [limit, WINDOW, 1, 0, clock], pipeline)
        return [clock for clock, answer in zip(clocks, pipeline.execute(), strict=True) if answer[0]]

    def time(self, clocks: Sequence[int], limit: int, *, admits: bool) -> float:
        """Return the microseconds per call inside the server; all of the calls must have the same answer."""
        self._client.config_resetstat()
        admitted = len(self.ask(clocks, limit))
        if admitted != (len(clocks) if admits else 0):
            raise AssertionError(f"{admitted} of {len(clocks)} were admitted")
        return float(self._client.info("commandstats")["cmdstat_evalsha"]["usec_per_call"])

    def bytes_used(self) -> int:
        """Return what the server needs for this client."""
        return int(self._client.memory_usage(self.key, samples=0) or 0)


def measure(algorithm: Algorithm, limit: int) -> tuple[float, float]:
    """Return the microseconds per admitted and per refused call, for a client that is busy."""
    spacing = WINDOW * 5 // (4 * limit)  # four fifths of the limit, which all of them admit for ever
    full, end = START + limit * spacing, START + (limit + CALLS) * spacing
    algorithm.begin()
    algorithm.ask(range(START, full, spacing), limit)
    admitted = algorithm.time(range(full, end, spacing), limit, admits=True)
    while algorithm.ask([end] * limit, limit):
        pass
    return admitted, algorithm.time([end] * CALLS, limit, admits=False)


def worst_case(algorithm: Algorithm, limit: int) -> int:
    """Return the most that was admitted in an interval of a window's length, to one who knows the algorithm.

    Everything at the very end of a fixed window, then a try after each half of the time that one request refills in.
    """
    algorithm.begin()
    burst = [START - 1] * limit
    tries = [START + number * WINDOW // (2 * limit) for number in range(2 * limit)]
    times = algorithm.ask([*burst, *tries], limit)
    most = first = 0
    for last, time in enumerate(times):
        while times[first] < time - WINDOW:
            first += 1
        most = max(most, last - first + 1)
    return most


@contextmanager
def valkey() -> Iterator[redis.Redis]:
    """Run an embedded Valkey for the block."""
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedValkey(Path(directory) / "valkey")
        try:
            with server, redis.Redis.from_url(server.url) as client:
                yield client
        finally:
            server.discard()


def table(client: redis.Redis, limit: int) -> Iterator[Sequence[Any]]:
    """Yield a row for each algorithm; their rounds alternate, so that a busy moment hits all of them."""
    algorithms = {name: Algorithm(client, source) for name, source in SOURCES.items()}
    rounds = [{name: measure(algorithm, limit) for name, algorithm in algorithms.items()} for _ in range(ROUNDS)]
    for name, algorithm in algorithms.items():
        admitted, refused = (statistics.median(each[name][column] for each in rounds) for column in (0, 1))
        yield name, limit, f"{admitted:.1f}", f"{refused:.1f}", algorithm.bytes_used(), worst_case(algorithm, limit)


def main() -> None:
    """Print one table in Markdown."""
    heads = ("algorithm", "limit", "µs admitted", "µs refused", "bytes per client", "most in one window")
    print("|", " | ".join(heads), "|")
    print("|", " | ".join("---" for _ in heads), "|")
    with valkey() as client:
        for limit in LIMITS:
            for row in table(client, limit):
                print("|", " | ".join(map(str, row)), "|")


if __name__ == "__main__":
    main()
