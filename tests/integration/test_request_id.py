"""X-Request-Id: made, kept, or replaced; on every answer."""

import uuid

import httpx
import pytest

EVERY_KIND_OF_ANSWER = ["/health", "/nowhere", "/probe/crash", "/probe/refuse", "/probe/breach", "/probe/stream-not"]


async def test_a_request_without_an_id_gets_one(api: httpx.AsyncClient) -> None:
    first, second = [(await api.get("/health")).headers["x-request-id"] for _ in range(2)]

    assert len(first) == 36
    assert uuid.UUID(first).version == 4
    assert first != second


@pytest.mark.parametrize("sent", ["test-123", "a", "A" * 128, "4b1f9c1e-8a3d-4c53-9d3a-2f1f0f6a7c11", "1.2:3_4-5"])
async def test_a_safe_id_is_kept(api: httpx.AsyncClient, sent: str) -> None:
    response = await api.get("/health", headers={"X-Request-Id": sent})

    assert response.headers["x-request-id"] == sent


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"A" * 129,
        b"A" * 10_000,
        b"two words",
        b"tab\there",
        b"<script>alert(1)</script>",
        b'"quoted"',
        b"a,b",
        b"$(reboot)",
        b"../../etc/passwd",
        "ünïcode".encode(),
        "id-٣".encode(),
        b"\xff\xfe",
        b"bell\x07",
        b"test-123\x7f",
        b"caf\xe9",
    ],
)
async def test_an_unsafe_id_is_replaced(api: httpx.AsyncClient, sent: bytes) -> None:
    response = await api.get("/health", headers={b"X-Request-Id": sent})

    received = response.headers["x-request-id"]
    assert response.status_code == 200
    assert str(uuid.UUID(received)) == received


async def test_of_two_ids_neither_is_believed(api: httpx.AsyncClient) -> None:
    response = await api.get("/health", headers=[("X-Request-Id", "one"), ("X-Request-Id", "two")])

    assert response.headers["x-request-id"] not in {"one", "two", "one,two", "one, two"}
    assert len(response.headers["x-request-id"]) == 36


@pytest.mark.parametrize("path", EVERY_KIND_OF_ANSWER)
async def test_every_answer_carries_the_id(api: httpx.AsyncClient, path: str) -> None:
    response = await api.get(path, headers={"X-Request-Id": "test-123"})

    assert response.headers.get_list("x-request-id") == ["test-123"]


async def test_a_wrong_method_carries_it_too(api: httpx.AsyncClient) -> None:
    response = await api.delete("/health", headers={"X-Request-Id": "test-123"})

    assert response.status_code == 405
    assert response.headers["x-request-id"] == "test-123"
