"""What caches may do with a response: nothing that is one client's own is stored by a shared one."""

from pathlib import Path

import pytest

from tbg.contract.caching import without
from tests.unit.contract.support import Document, Service, document, load, operation, respond, serve
from tests.unit.contract.support import Resource as Answering

OWN = 'private="set-cookie, x-request-id"'
TWO_TYPES: Document = {
    "200": {"description": "Done.", "content": {"application/json": {}, "text/csv": {}}},
    "304": {"description": "Not modified."},
}


def service(folder: Path, responses: Document | None = None, **attributes: object) -> Service:
    contract = load(folder, document({"/act": {"get": operation(responses=responses)}}))
    return serve(contract, {"/act": Answering(respond(**attributes))})  # type: ignore[arg-type]  # whatever a test wants


@pytest.mark.parametrize("headers", [{}, {"Cache-Control": ""}, {"Expires": "Thu, 01 Jan 2099 00:00:00 GMT"}])
def test_what_says_nothing_is_not_stored(tmp_path: Path, headers: dict[str, str]) -> None:
    result = service(tmp_path, media=1, headers=headers).send()

    assert result.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "chosen", ["no-store", "private", "private, max-age=60", "No-Store", "max-age=60, PRIVATE", "public, no-store"]
)
def test_what_no_shared_cache_may_store_stays_as_it_is(tmp_path: Path, chosen: str) -> None:
    result = service(tmp_path, media=1, headers={"Cache-Control": chosen}).send()

    assert result.headers["cache-control"] == chosen


@pytest.mark.parametrize(
    ("chosen", "sent"),
    [
        ("public", f"public, {OWN}"),
        ("public, max-age=60", f"public, max-age=60, {OWN}"),
        ("max-age=60", f"max-age=60, {OWN}"),
        ("s-maxage=60,must-revalidate", f"s-maxage=60, must-revalidate, {OWN}"),
        ("no-cache", f"no-cache, {OWN}"),
        ("immutable", f"immutable, {OWN}"),
        ('no-cache="x-a, private", max-age=1', f'no-cache="x-a, private", max-age=1, {OWN}'),
        ('public, private="x-a"', 'public, private="x-a, set-cookie, x-request-id"'),
        ("public, private=x-a", 'public, private="x-a, set-cookie, x-request-id"'),
        ('ext="no-store, private"', f'ext="no-store, private", {OWN}'),
    ],
)
def test_a_shared_cache_stores_a_response_without_what_is_the_clients_own(
    tmp_path: Path, chosen: str, sent: str
) -> None:
    """RFC 9111, section 5.2.2.7."""
    result = service(tmp_path, media=1, headers={"Cache-Control": chosen}).send()

    assert result.headers["cache-control"] == sent
    assert without(sent, "x-request-id").startswith(sent.rpartition('"')[0])


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_an_error_is_never_stored_even_if_a_responder_says_so(tmp_path: Path, status: int) -> None:
    headers = {"Cache-Control": "public, max-age=60", "X-Accel-Expires": "60", "CDN-Cache-Control": "max-age=60"}

    result = service(tmp_path, status=status, media={"detail": "No."}, headers=headers).send()

    assert result.status_code == status
    assert result.headers["cache-control"] == "no-store"
    assert not {"x-accel-expires", "cdn-cache-control"} & result.headers.keys()


def test_what_replaces_a_response_is_not_stored(tmp_path: Path) -> None:
    headers = {"Cache-Control": "public, max-age=60"}

    result = service(tmp_path, status=201, media=1, headers=headers).send()

    assert (result.status_code, result.headers["cache-control"]) == (500, "no-store")


@pytest.mark.parametrize("path", ["/act", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_an_error_varies_by_what_the_client_accepts(tmp_path: Path, method: str, path: str) -> None:
    result = service(tmp_path, status=201, media=1).send(method, path)

    assert result.status_code >= 400
    assert result.headers["vary"] == "Accept"
    assert result.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("status", [200, 304])
@pytest.mark.parametrize(
    ("own", "vary"),
    [
        ({}, "Accept"),
        ({"Vary": "Accept-Language"}, "Accept-Language, Accept"),
        ({"Vary": "accept"}, "accept"),
        ({"Vary": "*"}, "*"),
    ],
)
def test_a_response_of_several_media_types_varies_too(
    tmp_path: Path, status: int, own: dict[str, str], vary: str
) -> None:
    attributes = {"media": 1} if status == 200 else {}

    result = service(tmp_path, TWO_TYPES, status=status, headers=own, **attributes).send()

    assert (result.status_code, result.headers["vary"]) == (status, vary)


def test_a_response_of_one_media_type_does_not_vary(tmp_path: Path) -> None:
    assert "vary" not in service(tmp_path, media=1).send().headers
