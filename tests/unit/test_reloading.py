"""The application of `tbg dev --reload`, where the service cannot be built."""

import pytest
from falcon.testing import ASGIConductor

from tbg.dev.reloading import create_app


async def test_a_mistake_is_answered_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TBG_PORT", "eighty")

    async with ASGIConductor(create_app()) as client:
        result = await client.simulate_get("/anything")

    assert result.status_code == 500
    assert "TBG_PORT: 'eighty' is not allowed" in result.text
