"""The application of `tbg dev --reload`, where the service cannot be built."""

import os
import time
from pathlib import Path

import pytest
from falcon.testing import ASGIConductor

from tbg.dev.reloading import PromptReloader, create_app


async def test_a_mistake_is_answered_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TBG_PORT", "eighty")

    async with ASGIConductor(create_app()) as client:
        result = await client.simulate_get("/anything")

    assert result.status_code == 500
    assert "TBG_PORT: 'eighty' is not allowed" in result.text


def test_a_save_while_the_worker_loads_is_seen(tmp_path: Path) -> None:
    """Before the first look: gunicorn's own reloader would take it for the state that the worker has loaded."""
    old, edited, skewed = (str(tmp_path / name) for name in ("old", "edited", "skewed"))
    for path in (old, edited, skewed):
        Path(path).touch()
    now = time.time()
    os.utime(old, (now - 60, now - 60))
    os.utime(skewed, (now + 3600, now + 3600))
    reloader = PromptReloader([old, edited, skewed])
    os.utime(edited, (now + 0.01, now + 0.01))
    time.sleep(0.02)

    first, second = list(reloader.changed()), list(reloader.changed())
    os.utime(old)
    third = list(reloader.changed())

    assert (first, second, third) == ([edited], [], [old])
