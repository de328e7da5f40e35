"""What `tbg dev --reload` runs: gunicorn that follows every change, and survives a mistake."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tbg.dev.ports import free_port
from tests.support.environments import ROOT, full_environment
from tests.support.gunicorn import Gunicorn, wait_until


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    copy = tmp_path / "openapi.yaml"
    copy.write_text((ROOT / "openapi.yaml").read_text())
    return copy


@pytest.fixture
def service(tmp_path: Path, contract: Path, redis_url: str) -> Iterator[Gunicorn]:
    environment = full_environment(
        port=free_port(),
        redis_url=redis_url,
        contract_path=contract,
        rate_limit_requests=1_000_000,
        graceful_timeout_seconds=2,
    )
    gunicorn = Gunicorn(tmp_path / "gunicorn", {**environment, "WEB_CONCURRENCY": "1", "TBG_DEV_RELOAD": "1"})
    gunicorn.start()
    yield gunicorn
    gunicorn.stop()


def _answer(service: Gunicorn, path: str) -> tuple[int, str]:
    try:
        response = httpx.get(service.url + path, trust_env=False, timeout=5)
    except httpx.TransportError:  # between two workers
        return 0, ""
    return response.status_code, response.text


def test_a_change_of_the_contract_is_followed_and_a_mistake_is_shown(service: Gunicorn, contract: Path) -> None:
    original = contract.read_text()
    assert _answer(service, "/version")[0] == 200

    contract.write_text(original.replace("title: The Bitcoin Game API", "title: Another title"))
    wait_until(lambda: "Another title" in _answer(service, "/openapi.yaml")[1], 15, "the change")

    contract.write_text(original.replace("operationId: getVersion", "operationId: getVersion\n      deprecated: {"))
    wait_until(lambda: "cannot be used" in _answer(service, "/version")[1], 15, "the message about the mistake")
    assert _answer(service, "/health")[0] == 500

    contract.write_text(original)
    wait_until(lambda: _answer(service, "/version")[0] == 200, 15, "the repair")
