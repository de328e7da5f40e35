"""The whole table. It is sent to the service itself here, and through proxies in `tests/proxies`."""

from tests.integration.wire import chunks, fields, framing, lines
from tests.integration.wire.case import Case

ALL = [*framing.CASES, *chunks.CASES, *lines.CASES, *fields.CASES]
CASES: dict[str, Case] = {case.name: case for case in ALL}
assert len(CASES) == len(ALL), "two cases have one name"
