"""Promised is served, both ways and per method, or there is no boot."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import falcon
import falcon.asgi
import pytest

from tbg.contract import (
    Contract,
    ContractError,
    MismatchError,
    Router,
    differences,
    mount,
    served,
    undocumented,
)
from tests.unit.contract.support import (
    ERROR_CONTENT,
    ERRORS,
    Document,
    Resource,
    body,
    document,
    load,
    operation,
    respond,
    serve,
)

WORKER: Document = {"name": "worker_id", "in": "path", "required": True, "schema": {"type": "integer"}}
PATHS: Document = {
    "/workers": {"get": operation("list"), "post": operation("create", requestBody=body({}))},
    "/workers/{worker_id}": {"get": operation("get", parameters=[WORKER])},
}


def refusal(contract: Contract, resources: dict[str, object]) -> list[str]:
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App(router=Router())
    with pytest.raises(MismatchError) as raised:
        mount(app, contract, resources)
    assert app._router.find("/workers") is None
    return list(raised.value.findings)


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return load(tmp_path, document(PATHS))


def resources(**methods: Iterable[str]) -> dict[str, object]:
    found = {"workers": ["get", "post"], "worker": ["get"]} | methods
    return {"/workers": Resource(methods=found["workers"]), "/workers/{worker_id}": Resource(methods=found["worker"])}


def test_a_service_that_keeps_the_contract_starts(contract: Contract) -> None:
    tested = serve(contract, resources())

    assert tested.send(path="/workers").status_code == 200
    assert tested.send(path="/workers/7").json["values"] == {"worker_id": 7}


def test_a_promised_method_that_is_not_served_stops_the_boot(contract: Contract) -> None:
    assert refusal(contract, resources(workers=["get"])) == [
        "POST /workers: promised as 'create', but no resource has on_post there"
    ]


def test_a_promised_path_that_is_not_served_stops_the_boot(contract: Contract) -> None:
    assert refusal(contract, {"/workers": Resource(methods=["get", "post"])}) == [
        "GET /workers/{worker_id}: promised as 'get', but no resource has on_get there"
    ]


def test_a_served_method_that_is_not_promised_stops_the_boot(contract: Contract) -> None:
    assert refusal(contract, resources(worker=["get", "delete"])) == [
        "DELETE /workers/{worker_id}: served by Resource.on_delete, but the contract does not promise it"
    ]


def test_a_served_path_that_is_not_promised_stops_the_boot(contract: Contract) -> None:
    assert refusal(contract, resources() | {"/other": Resource()}) == [
        "GET /other: served by Resource.on_get, but the contract does not promise it"
    ]


def test_a_template_is_the_same_only_when_it_is_written_the_same(contract: Contract) -> None:
    found = refusal(contract, {"/workers": Resource(methods=["get", "post"]), "/workers/{id}": Resource()})

    assert [finding.split(":")[0] for finding in found] == ["GET /workers/{worker_id}", "GET /workers/{id}"]


@pytest.mark.parametrize("method", ["head", "options", "copy", "propfind"])
def test_every_responder_counts(contract: Contract, method: str) -> None:
    found = refusal(contract, resources(worker=["get", method]))

    assert [finding.split(":")[0] for finding in found] == [f"{method.upper()} /workers/{{worker_id}}"]


def test_all_differences_come_in_one_message(contract: Contract) -> None:
    with pytest.raises(ContractError) as raised:
        mount(falcon.asgi.App(router=Router()), contract, {"/workers": Resource(methods=["put"])})

    assert str(raised.value).splitlines() == [
        f"The contract {contract.document.path} and the service disagree:",
        "  - GET /workers/{worker_id}: promised as 'get', but no resource has on_get there",
        "  - GET /workers: promised as 'list', but no resource has on_get there",
        "  - POST /workers: promised as 'create', but no resource has on_post there",
        "  - PUT /workers: served by Resource.on_put, but the contract does not promise it",
    ]
    assert isinstance(raised.value, RuntimeError)


def test_the_comparison_is_there_for_a_table(contract: Contract) -> None:
    assert served(resources()) == {
        ("GET", "/workers"): "Resource.on_get",
        ("POST", "/workers"): "Resource.on_post",
        ("GET", "/workers/{worker_id}"): "Resource.on_get",
    }
    assert differences(contract, resources()) == []
    assert undocumented(contract, lambda _: ()) == []


@pytest.mark.parametrize("method", ["options", "head", "trace"])
def test_a_method_that_falcon_would_answer_can_be_promised(tmp_path: Path, method: str) -> None:
    responses = {"200": {"description": "Done."}}
    contract = load(tmp_path, document({"/act": {method: operation(responses=responses)}}))

    tested = serve(contract, {"/act": Resource(respond(headers={"X-Own": "1"}), [method])})

    assert tested.send(method.upper()).headers["x-own"] == "1"


# What an operation can answer must be documented.


def statuses(*names: str) -> Document:
    return {name: {"description": "An answer.", "content": ERROR_CONTENT} for name in names}


def errors(**changes: object) -> Document:
    """Return an operation that documents 200 and 500 only."""
    return {"operationId": "act", "responses": {"200": {"description": "Done."}, **statuses("500")}, **changes}


@pytest.mark.parametrize(
    ("method", "members", "missing"),
    [
        ("get", {}, []),
        ("get", {"responses": {"200": {"description": "Done."}}}, [500]),
        ("get", {"parameters": [{"name": "p", "in": "query", "schema": {}}]}, [400, 422]),
        ("get", {"parameters": [{"name": "p", "in": "header", "schema": {}}]}, [422]),
        ("get", {"parameters": [{"name": "p", "in": "cookie", "schema": {}}]}, [422]),
        ("post", {"requestBody": body({})}, [400, 408, 413, 415, 422]),
    ],
)
def test_an_answer_of_the_engine_that_is_not_documented_stops_the_boot(
    tmp_path: Path, method: str, members: Document, missing: list[int]
) -> None:
    contract = load(tmp_path, document({"/act": {method: errors(**members)}}))

    assert undocumented(contract, lambda _: ()) == [
        f"{method.upper()} /act: can answer {status}, which is not documented" for status in missing
    ]


@pytest.mark.parametrize("covering", [["4XX", "5XX"], ["default"], ["400", "408", "413", "415", "422", "5XX"]])
def test_ranges_and_the_default_document_errors_too(tmp_path: Path, covering: list[str]) -> None:
    responses = {"200": {"description": "Done."}, **statuses(*covering)}
    contract = load(tmp_path, document({"/act": {"post": errors(responses=responses, requestBody=body({}))}}))

    assert undocumented(contract, lambda _: ()) == []


def test_other_layers_answers_are_asked_for_per_operation(tmp_path: Path) -> None:
    contract = load(tmp_path, document({"/act": {"get": errors()}, "/free": {"get": errors(operationId="free")}}))

    found = undocumented(contract, lambda operation: {429} if operation.path == "/act" else ())

    assert found == ["GET /act: can answer 429, which is not documented"]


@pytest.mark.parametrize("status", ["500", "404", "5XX", "default"])
@pytest.mark.parametrize("media_type", ["application/json", "application/problem+json"])
def test_every_error_offers_both_media_types(tmp_path: Path, status: str, media_type: str) -> None:
    other = {name: content for name, content in ERROR_CONTENT.items() if name != media_type}
    responses = {"200": {"description": "Done."}, **ERRORS, status: {"description": "No.", "content": other}}
    contract = load(tmp_path, document({"/act": {"get": errors(responses=responses)}}))

    assert undocumented(contract, lambda _: ()) == [f"GET /act: {status} must offer {media_type}, as every error does"]


def test_a_5xx_that_only_the_operation_itself_answers_may_be_no_error(tmp_path: Path) -> None:
    degraded = {"description": "Not ready.", "content": {"application/json": {}}}
    responses = {"200": {"description": "Done."}, **statuses("500"), "503": degraded}
    contract = load(tmp_path, document({"/act": {"get": errors(responses=responses)}}))

    assert undocumented(contract, lambda _: ()) == []
    assert undocumented(contract, lambda _: (503,)) == [
        "GET /act: 503 must offer application/problem+json, as every error does"
    ]


# Mutations of a contract that a service keeps.


def _remove_operation(paths: Document) -> None:
    del paths["/workers"]["post"]


def _add_operation(paths: Document) -> None:
    paths["/workers"]["delete"] = operation("delete")


def _rename_path(paths: Document) -> None:
    paths["/workerz"] = paths.pop("/workers")


def _remove_error(paths: Document) -> None:
    del paths["/workers"]["post"]["responses"]["4XX"]


@pytest.mark.parametrize("mutate", [_remove_operation, _add_operation, _rename_path, _remove_error])
def test_a_mutation_of_what_is_promised_stops_the_boot(tmp_path: Path, mutate: Callable[[Document], None]) -> None:
    content = document({path: dict(item) for path, item in PATHS.items()})
    content["paths"]["/workers"]["post"] |= {"responses": dict(content["paths"]["/workers"]["post"]["responses"])}
    mutate(content["paths"])

    with pytest.raises(MismatchError):
        serve(load(tmp_path, content), resources())


WORKER_SCHEMA: Document = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("mutation", "keyword"),
    [
        ({"properties": {"id": {"type": "string"}}}, "type"),
        ({"required": ["id", "name"]}, "required"),
        ({"properties": {"id": {"maximum": 0}}}, "maximum"),
        ({"properties": {}, "additionalProperties": False}, "additionalProperties"),
    ],
)
def test_a_mutation_of_an_answer_turns_it_into_a_reported_500(tmp_path: Path, mutation: Document, keyword: str) -> None:
    def tested(schema: Document) -> Any:  # noqa: ANN401 - the service
        responses = {"200": {"description": "Done.", "content": {"application/json": {"schema": schema}}}}
        contract = load(tmp_path, document({"/act": {"get": operation(responses=responses)}}))
        return serve(contract, {"/act": Resource(respond(media={"id": 1}))})

    before, after = tested(WORKER_SCHEMA), tested(WORKER_SCHEMA | mutation)

    assert before.send().status_code == 200
    assert after.send().status_code == 500
    assert [breach.keyword for breach in after.breaches] == [keyword]


def test_a_status_that_is_removed_turns_the_answer_into_a_reported_500(tmp_path: Path) -> None:
    contract = load(tmp_path, document({"/act": {"get": operation(responses={"202": {"description": "Later."}})}}))
    tested = serve(contract, {"/act": Resource(respond(media={"id": 1}))})

    assert tested.send().status_code == 500
    assert [breach.keyword for breach in tested.breaches] == ["not documented"]
