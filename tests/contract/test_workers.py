"""The workers feature, end to end in process: it proves that the engine carries a real feature."""

import uuid
from typing import Any

from falcon.testing import ASGIConductor

NODE = "02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619"


def worker(**changes: object) -> dict[str, Any]:
    return {
        "name": f"rig-{uuid.uuid4().hex[:8]}",
        "region": "eu-north",
        "ipv4_address": "192.0.2.7",
        "hashrate": 120.5,
        "difficulty": 65536,
        "payout": {"kind": "lightning", "node": NODE},
        "hardware_id": "5d0a1f4c-9c0f-4a53-8d3e-0c6a0f0d8a11",
        "installed_at": "2026-01-03T18:15:05+02:00",
        "firmware": "2.1",
        "tags": ["asic", "shed-2"],
    } | changes


async def create(client: ASGIConductor, **changes: object) -> dict[str, Any]:
    result = await client.simulate_post("/workers", json=worker(**changes))
    assert result.status_code == 201, result.text
    created: dict[str, Any] = result.json
    return created


async def test_a_created_worker_is_answered_with_its_location(client: ASGIConductor) -> None:
    sent = worker()

    result = await client.simulate_post("/workers", json=sent)

    assert result.status_code == 201
    assert result.headers["location"] == f"/workers/{result.json['id']}"
    assert result.json["payout"] == {"kind": "lightning", "node": NODE, "max_fee_sats": 10}
    assert result.json["installed_at"] == "2026-01-03T16:15:05Z"
    assert {name: result.json[name] for name in ("name", "tags", "hardware_id", "difficulty")} == {
        name: sent[name] for name in ("name", "tags", "hardware_id", "difficulty")
    }
    assert (await client.simulate_get(result.headers["location"])).json == result.json
