"""Pages of workers for the lists, as a database would hand them over: rows, each a dict.

Every page has other workers than every other page, so that nothing that remembers an answer can have seen most of them
just before; the service, which remembers digests, changes a worker in each answer, too. ``BENCH_PAGES=1`` makes the
list constant.
"""

import itertools
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

PAGES: Final = int(os.environ.get("BENCH_PAGES", "256"))
PAGE_SIZE: Final = 100
_BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_REGIONS: Final = ("eu-north", "eu-west", "us-east", "ap-south")

Row = dict[str, Any]


def row(number: int) -> Row:
    """Return one worker; all fields are set, half of the payouts are of either kind."""
    return {
        "id": UUID(int=0x4B1F9C1E_8A3D_4C53_9D3A_000000000000 + number),
        "name": f"rig-{number}",
        "region": _REGIONS[number % len(_REGIONS)],
        "ipv4_address": f"198.18.{number // 250 % 250}.{number % 250}",
        "hashrate": 9.5e13 + number,
        "difficulty": 65536 + number,
        "payout": _payout(number),
        "hardware_id": UUID(int=0x9D3A2F1F_0F6A_4C53_8A3D_000000000000 + number),
        "installed_at": _BEGIN - timedelta(minutes=number),
        "firmware": f"cgminer 4.12.{number % 100}",
        "tags": (f"hall-{number % 7}", "asic"),
        "created_at": _BEGIN + timedelta(seconds=number),
    }


def pages() -> Iterator[list[Row]]:
    """Yield the pages."""
    for page in range(PAGES):
        yield [row(page * PAGE_SIZE + number) for number in range(PAGE_SIZE)]


def rotating[Page](made: list[Page]) -> Iterator[Page]:
    """Yield one page after the other, for ever."""
    return itertools.cycle(made)


def _payout(number: int) -> Row:
    if number % 2:
        return {"kind": "lightning", "node": f"02{number:064x}", "max_fee_sats": 25}
    return {"kind": "onchain", "address": f"bc1q{'q' * 38}", "threshold_sats": 100_000 + number}
