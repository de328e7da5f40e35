"""Numbers of any size have a verdict, and the right one (JSON Schema 2020-12 validation, section 6.2)."""

from decimal import Decimal, getcontext, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tbg.contract.keywords import is_multiple
from tests.unit.contract.schema_engine import Engine
from tests.unit.contract.support import Document


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"multipleOf": 0.01}, [0.07, 19.99, 1e300, 1e308, 0, -0.0, 10**400, "a"], [0.075, 1e-300, 5e-324]),
        ({"multipleOf": 0.1}, [0.3, 1.1, 3], [0.35]),
        ({"multipleOf": 0.123456789}, [0.123456789, 0], [1e308, 10**400]),
        ({"multipleOf": 3}, [3, 3.0, -9, 3 * 10**400, 2**53 + 1], [1, 3.5, 10**400, 2**53 + 2]),
        ({"multipleOf": 1e-300}, [1, 1e300], [1e-301]),
        ({"multipleOf": 2**60}, [2**60, 2**61], [2**60 + 1]),
        ({"type": "integer"}, [1.0, -0.0, 1e300, 10**400], [1.5, True, "1"]),
        ({"maximum": 2**53}, [2**53, 2.0**53], [2**53 + 1, 10**400, 1e308]),
        ({"exclusiveMinimum": -(2**63)}, [-(2**63) + 1], [-(2**63), -(2.0**63)]),
        ({"maximum": 1e18}, [10**18], [10**18 + 1]),
        ({"minimum": 10**400}, [10**400], [10**400 - 1, 1e308]),
        ({"const": 1}, [1, 1.0], [True, "1"]),
        ({"const": 2**53 + 1}, [2**53 + 1], [2**53, 2.0**53]),
        ({"enum": [0, True, [1]]}, [0, 0.0, -0.0, True, [1.0]], [1, False, [True]]),
        ({"uniqueItems": True}, [[1, True], [0, False], [2**53, 2**53 + 1]], [[1, 1.0], [{"a": 1}, {"a": 1.0}]]),
    ],
    ids=str,
)
def test_numbers_are_exact(schema: Document, good: list[Any], bad: list[Any]) -> None:
    engine = Engine({"schema": schema})

    assert [value for value in good if not engine.verdict(schema, value)] == []
    assert [value for value in bad if engine.verdict(schema, value)] == []


FINITE = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**30), 10**30)


@settings(database=None, derandomize=True, deadline=None, max_examples=500)
@given(value=FINITE, wanted=st.floats(1e-300, 1e300) | st.integers(1, 10**20))
def test_a_multiple_is_one_by_decimals(value: float, wanted: float) -> None:
    with localcontext(getcontext(), prec=1500):
        expected = Decimal(repr(value)) % Decimal(repr(wanted)) == 0

    assert is_multiple(wanted, value) == expected
