"""The workers feature, end to end on real PostgreSQL: the engine carries a real feature."""

import hashlib
import uuid
from typing import Any

import pytest
from falcon.testing import ASGIConductor, Result

NODE = "02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619"
ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
NOWHERE = "/workers/00000000-0000-4000-8000-000000000000"
ONCHAIN = {"kind": "onchain", "address": ADDRESS, "threshold_sats": 100_000}


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


def path(created: dict[str, Any], rest: str = "") -> str:
    return f"/workers/{created['id']}{rest}"


async def names(client: ASGIConductor, query: str = "", **headers: str) -> set[str]:
    result = await client.simulate_get("/workers", query_string=query, headers=headers)
    assert result.status_code == 200, result.text
    return {item["name"] for item in result.json["items"]}


def findings(result: Result) -> list[tuple[str, str, str]]:
    assert result.status_code == 422, result.text
    return [(error["in"], error["pointer"], error["code"]) for error in result.json["errors"]]


# One worker.


async def test_a_created_worker_is_answered_with_its_location(client: ASGIConductor) -> None:
    sent = worker()

    result = await client.simulate_post("/workers", json=sent)

    assert result.status_code == 201
    assert result.headers["location"] == path(result.json)
    assert result.json == sent | {
        "id": result.json["id"],
        "created_at": result.json["created_at"],
        "installed_at": "2026-01-03T16:15:05Z",
        "payout": {"kind": "lightning", "node": NODE, "max_fee_sats": 10},
    }
    assert (await client.simulate_get(result.headers["location"])).json == result.json


async def test_what_is_left_out_of_a_new_worker_falls_back_to_its_default(client: ASGIConductor) -> None:
    optional = ("hardware_id", "installed_at", "firmware", "tags")
    sent = {name: value for name, value in worker().items() if name not in optional}

    created = (await client.simulate_post("/workers", json=sent)).json

    assert [created[name] for name in optional] == [None, None, None, []]


async def test_a_name_belongs_to_one_worker(client: ASGIConductor) -> None:
    first, second = await create(client), await create(client)
    taken = {"detail": "Another worker has this name"}

    created = await client.simulate_post("/workers", json=worker(name=first["name"]))
    replaced = await client.simulate_put(path(second), json=worker(name=first["name"]))
    patched = await client.simulate_patch(path(second), json={"name": first["name"]})

    assert [(result.status_code, result.json) for result in (created, replaced, patched)] == [(409, taken)] * 3
    assert await names(client) == {first["name"], second["name"]}


async def test_put_replaces_everything(client: ASGIConductor) -> None:
    created = await create(client)
    sent = worker(name=created["name"], payout=ONCHAIN)
    del sent["firmware"], sent["tags"]

    result = await client.simulate_put(path(created), json=sent)

    assert result.status_code == 200
    assert (result.json["firmware"], result.json["tags"], result.json["payout"]) == (None, [], ONCHAIN)
    assert result.json["created_at"] == created["created_at"]
    assert (await client.simulate_get(path(created))).json == result.json


@pytest.mark.parametrize(
    ("patch", "changes"),
    [
        ({}, {}),
        ({"firmware": None}, {"firmware": None}),
        ({"hardware_id": None, "installed_at": None}, {"hardware_id": None, "installed_at": None}),
        ({"installed_at": "2026-02-01T00:00:00Z"}, {"installed_at": "2026-02-01T00:00:00Z"}),
        ({"payout": ONCHAIN, "tags": []}, {"payout": ONCHAIN, "tags": []}),
        ({"difficulty": 7.0, "hashrate": 1}, {"difficulty": 7, "hashrate": 1.0}),
    ],
)
@pytest.mark.parametrize("media_type", ["application/json", "application/merge-patch+json"])
async def test_patch_changes_what_it_names_and_null_empties(
    client: ASGIConductor, patch: dict[str, Any], changes: dict[str, Any], media_type: str
) -> None:
    created = await create(client)

    result = await client.simulate_patch(path(created), json=patch, headers={"Content-Type": media_type})

    assert result.status_code == 200
    assert result.json == created | changes
    assert (await client.simulate_get(path(created))).json == result.json


async def test_null_is_refused_where_the_contract_has_none(client: ASGIConductor) -> None:
    created = await create(client)

    result = await client.simulate_patch(path(created), json={"name": None})

    assert findings(result)[0] == ("body", "/name", "type")


async def test_a_deleted_worker_is_gone_with_its_shares(client: ASGIConductor) -> None:
    created = await create(client)
    await client.simulate_post(path(created, "/shares"), body="1b2c3d4e", headers={"Content-Type": "text/plain"})

    deleted = await client.simulate_delete(path(created))

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert "content-type" not in deleted.headers
    assert (await client.simulate_get(path(created, "/shares/1"))).status_code == 404
    assert (await client.simulate_delete(path(created))).status_code == 404


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("GET", "", None),
        ("PUT", "", worker()),
        ("PATCH", "", {"firmware": "3"}),
        ("PATCH", "", {}),
        ("DELETE", "", None),
        ("GET", "/latest-share", None),
        ("GET", "/events", None),
    ],
)
async def test_an_unknown_worker_is_not_found(client: ASGIConductor, method: str, rest: str, body: object) -> None:
    result = await client.simulate_request(method, f"{NOWHERE}{rest}", json=body)

    assert (result.status_code, result.json) == (404, {"detail": "There is no such worker"})


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"name": "-"}, ("/name", "pattern")),
        ({"region": "moon"}, ("/region", "enum")),
        ({"ipv4_address": "192.0.2.300"}, ("/ipv4_address", "format")),
        ({"hashrate": -1}, ("/hashrate", "minimum")),
        ({"hashrate": "1"}, ("/hashrate", "type")),
        ({"difficulty": 2**53}, ("/difficulty", "maximum")),
        ({"difficulty": 1.5}, ("/difficulty", "type")),
        ({"payout": {"kind": "cash"}}, ("/payout/kind", "enum")),
        ({"payout": ONCHAIN | {"node": NODE}}, ("/payout/node", "additionalProperties")),
        ({"hardware_id": "5d0a1f4c"}, ("/hardware_id", "format")),
        ({"installed_at": "2026-01-03"}, ("/installed_at", "format")),
        ({"installed_at": "2026-01-03T18:15:05"}, ("/installed_at", "format")),
        ({"firmware": "a\x00b"}, ("/firmware", "nul")),
        ({"firmware": "a" * 81}, ("/firmware", "maxLength")),
        ({"tags": ["a", "a"]}, ("/tags", "uniqueItems")),
        ({"tags": list("abcdefghi")}, ("/tags", "maxItems")),
        ({"tags": ["a", "B"]}, ("/tags/1", "pattern")),
        ({"owner": "me"}, ("/owner", "additionalProperties")),
    ],
)
async def test_a_worker_that_breaks_the_contract_is_refused(
    client: ASGIConductor, changes: dict[str, Any], finding: tuple[str, str]
) -> None:
    result = await client.simulate_post("/workers", json=worker(**changes))

    assert findings(result) == [("body", *finding)]
    assert await names(client) == set()


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
async def test_the_ends_of_the_calendar_are_no_fault_of_the_service(client: ASGIConductor, text: str) -> None:
    created = await create(client, installed_at=text)

    assert created["installed_at"][:4] == text[:4]


async def test_a_leap_second_is_refused(client: ASGIConductor) -> None:
    result = await client.simulate_post("/workers", json=worker(installed_at="2016-12-31T23:59:60Z"))

    assert findings(result) == [("body", "/installed_at", "format")]


# Lists.


async def test_a_list_is_read_page_by_page(client: ASGIConductor) -> None:
    created = {(await create(client))["name"] for _ in range(5)}
    found: set[str] = set()
    query: str | None = "page_size=2"
    pages = 0

    while query is not None:
        page = await client.simulate_get("/workers", query_string=query)
        found |= {item["name"] for item in page.json["items"]}
        cursor = page.json["next_cursor"]
        assert ("link" in page.headers) is (cursor is not None)
        query = None if cursor is None else f"page_size=2&cursor={cursor}"
        pages += 1

    assert (found, pages) == (created, 3)


async def test_a_page_has_a_default_and_a_largest_size(client: ASGIConductor) -> None:
    for _ in range(21):
        await create(client)

    assert len(await names(client)) == 20
    assert len(await names(client, "page_size=100")) == 21
    assert findings(await client.simulate_get("/workers?page_size=101")) == [("query", "/page_size", "maximum")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("region=eu-north", {"a"}),
        ("region=eu-west&region=us-east", {"b", "c"}),
        ("tags=asic", {"a", "b"}),
        ("tags=asic&tags=old", {"b"}),
        ("payouts=onchain", {"c"}),
        ("payouts=onchain&payouts=lightning", {"a", "b", "c"}),
        ("hashrate[min]=10", {"b", "c"}),
        ("hashrate[min]=10&hashrate[max]=50.5", {"b"}),
        ("max_difficulty=1", {"a"}),
        ("tags=asic&hashrate[max]=5", {"a"}),
    ],
)
async def test_a_list_is_filtered(client: ASGIConductor, query: str, found: set[str]) -> None:
    await create(client, name="a", tags=["asic"], hashrate=0, difficulty=1)
    await create(client, name="b", tags=["asic", "old"], hashrate=50.5, region="eu-west")
    await create(client, name="c", tags=[], hashrate=100, region="us-east", payout=ONCHAIN)

    assert await names(client, query) == found


async def test_a_cookie_hides_the_idle(client: ASGIConductor) -> None:
    await create(client, name="idle", hashrate=0)
    await create(client, name="busy")

    assert await names(client, Cookie="idle=hide") == {"busy"}
    assert await names(client, Cookie="idle=show") == {"idle", "busy"}


async def test_a_header_is_typed_both_ways(client: ASGIConductor) -> None:
    asked = await client.simulate_get("/workers", headers={"X-Trace-Level": "3"})
    silent = await client.simulate_get("/workers")
    refused = await client.simulate_get("/workers", headers={"X-Trace-Level": "4"})

    assert (asked.headers["x-trace-level"], silent.headers["x-trace-level"]) == ("3", "0")
    assert findings(refused) == [("header", "/X-Trace-Level", "maximum")]


@pytest.mark.parametrize(
    ("query", "finding"),
    [
        ("page_size=1_0", ("/page_size", "type")),
        ("page_size=1&page_size=2", ("/page_size", "repeated")),
        ("cursor=x", ("/cursor", "format")),
        ("region=moon", ("/region/0", "enum")),
        ("tags=", ("/tags/0", "pattern")),
        ("payouts=cash&payouts=onchain", ("/payouts/0", "enum")),
        ("hashrate[mean]=1", ("/hashrate/mean", "additionalProperties")),
        ("hashrate[min]=nan", ("/hashrate/min", "type")),
        ("max_difficulty=0", ("/max_difficulty", "minimum")),
    ],
)
async def test_a_list_that_is_asked_for_wrongly_is_refused(
    client: ASGIConductor, query: str, finding: tuple[str, str]
) -> None:
    assert findings(await client.simulate_get("/workers", query_string=query)) == [("query", *finding)]


# Shares.


async def submit(client: ASGIConductor, created: dict[str, Any], nonce: str) -> Result:
    return await client.simulate_post(path(created, "/shares"), body=nonce, headers={"Content-Type": "text/plain"})


async def test_shares_are_counted_and_found_again(client: ASGIConductor) -> None:
    created = await create(client)

    first, second = await submit(client, created, "00000001"), await submit(client, created, "00000002")

    assert [share.json["number"] for share in (first, second)] == [1, 2]
    assert second.headers["location"] == path(created, "/shares/2")
    assert (await client.simulate_get(second.headers["location"])).json == second.json


async def test_the_latest_share_is_a_redirect(client: ASGIConductor) -> None:
    created = await create(client)
    none_yet = await client.simulate_get(path(created, "/latest-share"))
    await submit(client, created, "00000001")

    result = await client.simulate_get(path(created, "/latest-share"))

    assert none_yet.status_code == 204
    assert (result.status_code, result.headers["location"], result.content) == (303, path(created, "/shares/1"), b"")


async def test_a_share_of_an_unknown_worker_is_not_taken(client: ASGIConductor) -> None:
    result = await client.simulate_post(f"{NOWHERE}/shares", body="00000001", headers={"Content-Type": "text/plain"})

    assert (result.status_code, result.json) == (404, {"detail": "There is no such worker"})


async def test_an_unknown_share_is_not_found(client: ASGIConductor) -> None:
    result = await client.simulate_get(path(await create(client), "/shares/1"))

    assert (result.status_code, result.json) == (404, {"detail": "There is no such share"})


@pytest.mark.parametrize(("number", "code"), [("0", "minimum"), ("2147483648", "format"), ("x", "type")])
async def test_the_number_of_a_share_fits_its_column(client: ASGIConductor, number: str, code: str) -> None:
    result = await client.simulate_get(f"{NOWHERE}/shares/{number}")

    assert findings(result)[0] == ("path", "/number", code)


async def test_shares_are_sent_as_events(client: ASGIConductor) -> None:
    created = await create(client)
    await submit(client, created, "00000001")

    result = await client.simulate_get(path(created, "/events"))

    assert result.headers["content-type"] == "text/event-stream"
    assert result.text == 'event: share\nid: 1\ndata: {"number":1,"nonce":"00000001"}\n\n'


# Other media.


async def test_workers_are_exported_as_csv(client: ASGIConductor) -> None:
    first = await create(client, name="a")
    second = await create(client, name="b", hashrate=1)

    result = await client.simulate_get("/workers.csv")

    assert result.headers["content-type"] == "text/csv"
    assert result.headers["content-disposition"] == 'attachment; filename="workers.csv"'
    assert result.text.split("\r\n") == [
        "id,name,region,hashrate",
        f"{first['id']},a,eu-north,120.5",
        f"{second['id']},b,eu-north,1.0",
        "",
    ]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ("name_prefix=rig", ["rig-1", "rig-2"]),
        ("name_prefix=rig&limit=1", ["rig-1"]),
        ("name_prefix=rig&regions=eu-west&regions=us-east", ["rig-2"]),
        ("name_prefix=rig&min_hashrate=1.5", ["rig-2"]),
        ("name_prefix=r.g", []),
    ],
)
async def test_a_form_searches(client: ASGIConductor, form: str, found: list[str]) -> None:
    await create(client, name="rig-1", hashrate=1)
    await create(client, name="rig-2", region="eu-west", hashrate=2)
    await create(client, name="other")

    result = await client.simulate_post("/worker-searches", body=form, headers=FORM)

    assert [item["name"] for item in result.json] == found


async def test_a_search_without_a_prefix_is_refused(client: ASGIConductor) -> None:
    result = await client.simulate_post("/worker-searches", body="limit=1", headers=FORM)

    assert findings(result) == [("body", "/name_prefix", "required")]


async def test_a_file_is_uploaded(client: ASGIConductor) -> None:
    content = bytes(range(256))
    parts = [
        b'Content-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n' + content,
        b'Content-Disposition: form-data; name="label"\r\n\r\n' + "Batch Frühling".encode(),
        b'Content-Disposition: form-data; name="dry_run"\r\n\r\nfalse',
    ]
    body = b"".join(b"--edge\r\n" + part + b"\r\n" for part in parts) + b"--edge--\r\n"

    result = await client.simulate_post(
        "/worker-imports", body=body, headers={"Content-Type": "multipart/form-data; boundary=edge"}
    )

    assert result.json == {
        "label": "Batch Frühling",
        "size_bytes": 256,
        "sha256": hashlib.sha256(content).hexdigest(),
        "dry_run": False,
    }


async def test_the_query_chooses_what_is_counted(client: ASGIConductor) -> None:
    await create(client, tags=["asic"], hashrate=1)
    await create(client, tags=["asic"], hashrate=2)
    await create(client, tags=[], region="us-east", hashrate=4)

    everything = await client.simulate_get("/worker-statistics")
    tagged = await client.simulate_get("/worker-statistics", params={"tag": "asic"})
    regional = await client.simulate_get("/worker-statistics", params={"region": "us-east"})
    refused = await client.simulate_get("/worker-statistics", params={"tag": "A"})

    north = {"region": "eu-north", "workers": 2, "hashrate": 3.0}
    east = {"region": "us-east", "workers": 1, "hashrate": 4.0}
    assert [everything.json, tagged.json, regional.json] == [[north, east], [north], [east]]
    assert findings(refused) == [("query", "/tag", "pattern")]


async def test_the_contract_is_served_as_one_document(client: ASGIConductor) -> None:
    served = await client.simulate_get("/openapi.json")

    assert "schemas.yaml" not in served.text
    assert "openapi.yaml#" not in served.text
    assert {"Worker", "Payout", "ApiError", "Health"} <= served.json["components"]["schemas"].keys()
    assert "pathItems" not in served.json["components"]
    assert all(item.keys().isdisjoint({"$ref"}) for item in served.json["paths"].values())
