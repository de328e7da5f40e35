"""/openapi.yaml and /openapi.json with their entity tags, and the pages for people."""

import hashlib
import re

import httpx
import pytest
import yaml

from tbg.config import PROJECT_ROOT
from tbg.contract import Contract
from tbg.infrastructure import Infrastructure
from tests.conftest import StartGunicorn
from tests.integration.conftest import Serve

PATHS = ["/openapi.yaml", "/openapi.json"]
PAGES = ["/docs", "/redoc"]
REDOC_SEEN = "3c7b16a54bf504b55dece8c430c2776f8e979fa2cd0f9ce02e892ecb5bca37cd"


async def test_the_contract_is_served_as_it_was_written(start_gunicorn: StartGunicorn) -> None:
    written = (PROJECT_ROOT / "openapi.yaml").read_bytes()
    with start_gunicorn(workers=1).client() as client:
        as_yaml, as_json = client.get("/openapi.yaml"), client.get("/openapi.json")

    assert as_yaml.content == written
    assert as_yaml.headers["content-type"] == "application/yaml"
    assert as_json.json() == yaml.safe_load(written)
    assert as_json.headers["content-type"] == "application/json"


async def test_a_contract_of_several_files_is_served_whole(api: httpx.AsyncClient) -> None:
    as_yaml, as_json = await api.get("/openapi.yaml"), await api.get("/openapi.json")

    assert yaml.safe_load(as_yaml.text) == as_json.json()
    assert '"operationId":"getHealth"' in as_json.text
    assert set(re.findall(r'"\$ref":"(.)', as_json.text)) == {"#"}, "a reference leaves the document"


@pytest.mark.parametrize("path", PATHS)
async def test_the_tag_is_strong_and_of_this_representation(api: httpx.AsyncClient, path: str) -> None:
    response = await api.get(path)

    digest = hashlib.sha256(response.content).hexdigest()[:32]
    assert response.headers["etag"] == f'"{digest}"'
    assert response.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '{}, "other"', '"a" ,W/{}', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_client_that_has_it_is_told_so(api: httpx.AsyncClient, path: str, form: str, method: str) -> None:
    """RFC 9110, section 13.1.2: a list, compared weakly, or anything that exists."""
    etag = (await api.get(path)).headers["etag"]
    response = await api.request(method, path, headers={"If-None-Match": form.format(etag)})

    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == etag
    assert response.headers["cache-control"] == "private, no-cache"
    assert len(response.headers["x-request-id"]) == 36
    assert "content-type" not in response.headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("sent", ['"other"', "", "nonsense", '"', 'W/"other"', ",", '"*"'])
async def test_any_other_client_gets_it(api: httpx.AsyncClient, path: str, sent: str) -> None:
    response = await api.get(path, headers={"If-None-Match": sent})

    assert response.status_code == 200
    assert response.content


async def test_the_two_representations_have_different_tags(api: httpx.AsyncClient) -> None:
    tags = {(await api.get(path)).headers["etag"] for path in PATHS}

    assert len(tags) == 2


def policy_of(page: httpx.Response) -> dict[str, list[str]]:
    directives = (each.split() for each in page.headers["content-security-policy"].split(";"))
    return {name: sources for name, *sources in directives}


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_everything_from_here(serve: Serve, path: str) -> None:
    async with serve(debug=True) as api:
        page = await api.get(path)
        links = re.findall(r'(?:src|href)="([^"]*)"', page.text)
        answers = {link: await api.get(link) for link in [*links, "/openapi.json"]}

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert 'name="viewport"' in page.text
    assert not re.search(r"(https?:)?//", page.text)
    assert len(links) >= 4
    assert {link: answer.status_code for link, answer in answers.items()} == dict.fromkeys(answers, 200)
    assert all(answer.content for answer in answers.values())
    assert {answer.headers["x-content-type-options"] for answer in answers.values()} == {"nosniff"}
    assert {answer.headers["cache-control"] for answer in answers.values()} == {"private, no-cache"}
    assert {link.rpartition(".")[2]: answers[link].headers["content-type"] for link in links} == {
        "png": "image/png",
        "js": "text/javascript",
        "css": "text/css; charset=utf-8",
    }


@pytest.mark.parametrize("path", PAGES)
async def test_a_browser_keeps_a_page_to_what_it_needs(serve: Serve, path: str) -> None:
    async with serve(debug=True) as api:
        page = await api.get(path)

    policy = policy_of(page)
    nothing = {name for name, sources in policy.items() if sources == ["'none'"]}
    assert nothing == {"default-src", "base-uri", "form-action", "frame-ancestors"}
    assert policy["script-src"] == policy["connect-src"] == ["'self'"]
    assert not re.search("unsafe|http|\\*", page.headers["content-security-policy"])
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script>|<script [^>]*>[^<]|<style|style=|\son\w+=", page.text)


async def test_the_pages_start_without_telling_another_host(serve: Serve) -> None:
    """What a browser was seen to do with exactly these files: other ones want to be looked at in one again."""
    async with serve(debug=True) as api:
        swagger_ui = await api.get("/docs/assets/swagger-ui-init.js")
        redoc = await api.get("/docs/assets/redoc-init.js")
        bundle = await api.get("/docs/assets/redoc/bundles/redoc.standalone.js")

    assert "validatorUrl: null" in swagger_ui.text
    assert 'url: "/openapi.json"' in swagger_ui.text
    assert 'Redoc.init("/openapi.json"' in redoc.text
    assert "cdn.redoc.ly" not in bundle.text
    assert hashlib.sha256(bundle.content).hexdigest() == REDOC_SEEN, "look at /redoc: does its policy still fit?"


async def test_the_pages_are_for_debugging_only(api: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc", "/docs/assets/swagger-ui-dist/swagger-ui.css"):
        assert (await api.get(path)).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/docs/assets/",
        "/docs/assets/nothing.js",
        "/docs/assets/swagger-ui-dist/oauth2-redirect.html",
        "/docs/assets/redoc/bundles/redoc.standalone.js.map",
        "/docs/assets/..%2f..%2f..%2f..%2fpyproject.toml",
        "/docs/assets/%2fetc/passwd",
    ],
)
async def test_nothing_but_the_assets_is_served(serve: Serve, path: str) -> None:
    async with serve(debug=True) as api:
        response = await api.get(path)

    assert (response.status_code, response.json()) == (404, {"detail": "Not found"})


async def test_unknown_paths_are_still_not_found_beside_the_pages(serve: Serve) -> None:
    async with serve(debug=True) as api:
        response = await api.get("/nowhere")

    assert response.status_code == 404
    assert response.headers["x-ratelimit-remaining"] == "99"


def test_a_contract_says_which_files_it_is_made_of(probe_contract: Contract, infrastructure: Infrastructure) -> None:
    assert probe_contract.document.files[-1] == infrastructure.settings.contract_path
