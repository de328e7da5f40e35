"""openapi-core is the judge: this engine's verdicts are those of its own validators, but for a list of stricter ones.

Held against each other over generated and mutated instances of the workers contract. What the engine accepts, the
judge must accept; what only the engine refuses must be on the list: numbers and booleans that JSON would not write so,
and scalars that are repeated.
"""

import copy
import json
import re
import string
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from jsonschema_path import SchemaPath
from openapi_core import V31RequestValidator, V31ResponseValidator
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from tbg.contract import Contract
from tests.contract.test_workers import ADDRESS, NODE, worker
from tests.unit.contract.support import Service, serve

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:openapi_core")
BOUNDED = settings(
    database=None,
    derandomize=True,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
HOST = "http://localhost"
UUID = "5d0a1f4c-9c0f-4a53-8d3e-0c6a0f0d8a11"

type Json = Any


@pytest.fixture(scope="module")
def ours(contract: Contract) -> Service:
    return serve(contract, mode="off")


@pytest.fixture(scope="module")
def judge(contract: Contract) -> V31RequestValidator:
    content: Any = copy.deepcopy(contract.document.content)
    for parameter in content["paths"]["/workers"]["get"]["parameters"]:
        if parameter.get("name") == "max_difficulty":
            parameter["schema"]["type"] = "integer"  # the judge raises TypeError for a list of types
    return V31RequestValidator(SchemaPath.from_dict(content))


@pytest.fixture(scope="module")
def response_judge(contract: Contract) -> V31ResponseValidator:
    return V31ResponseValidator(contract.document.spec)


def accepts(judge: V31RequestValidator, request: MockRequest) -> bool:
    try:
        judge.validate(request)
    except OpenAPIError:
        return False
    return True


# Instances: good ones, and good ones with one thing changed.

ODD = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1, 1.0, 1.5, 1e18, 1e19, 2**31, 2**53, 2**63, -(2**63), 0.1),
        *("", "a", "A", "a\n", "a\x00", "\u2028", "\U0001f600", "a" * 64, "a" * 81, "lightning", "eu-north"),
        *("2016-12-31T23:59:60Z", "2020-01-01t00:00:00z", "2020-02-30T00:00:00Z", "2020-01-01", "0000-01-01T00:00:00Z"),
        *("192.0.2.300", "192.0.2.07", "192.0.2", "::1", "1", UUID.upper(), UUID.replace("-", ""), f"{{{UUID}}}", UUID),
        *([], ["a"], ["a", "a"], [1], list("abcdefghi"), {}, {"kind": "onchain"}, {"a": 1}),
        *(
            {"kind": "lightning", "node": NODE, "max_fee_sats": 1},
            {"kind": "lightning", "node": NODE, "address": ADDRESS},
        ),
    ]
)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True)
PAYOUTS = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("lightning"), "node": st.just(NODE)}, optional={"max_fee_sats": st.integers(0, 100_000)}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("onchain"), "address": st.just(ADDRESS), "threshold_sats": st.integers(546, 10**9)}
    ),
)
REGIONS = st.sampled_from(["eu-north", "eu-west", "us-east", "ap-south"])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=80)
OPTIONAL: dict[str, st.SearchStrategy[Json]] = {
    "hardware_id": st.none() | st.uuids().map(str),
    "installed_at": st.none() | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    "firmware": st.none() | TEXT,
    "tags": st.lists(st.text(string.ascii_lowercase + "-", min_size=1, max_size=24), max_size=8, unique=True),
}
REQUIRED: dict[str, st.SearchStrategy[Json]] = {
    "name": NAMES,
    "region": REGIONS,
    "ipv4_address": st.ip_addresses(v=4).map(str),
    "hashrate": st.integers(0, 10**18) | st.floats(0, 1e18),
    "difficulty": st.integers(1, 2**53 - 1),
    "payout": PAYOUTS,
}
INPUTS = st.fixed_dictionaries(REQUIRED, optional=OPTIONAL)
WORKERS = st.fixed_dictionaries(
    REQUIRED | OPTIONAL | {"id": st.uuids().map(str), "created_at": st.just("2026-01-01T00:00:00Z")}
)


@st.composite
def mutated(draw: st.DrawFn, instances: st.SearchStrategy[Json]) -> Json:
    """Draw an instance with up to two places replaced, removed or added."""
    instance = copy.deepcopy(draw(instances))
    for _ in range(draw(st.integers(0, 2))):
        instance = _mutate(draw, instance)
    return instance


def _mutate(draw: st.DrawFn, value: Json) -> Json:
    if isinstance(value, dict) and value:
        key = draw(st.sampled_from(sorted(value)))
        match draw(st.sampled_from(["replace", "descend", "remove", "add"])):
            case "replace":
                value[key] = draw(ODD)
            case "descend":
                value[key] = _mutate(draw, value[key])
            case "remove":
                del value[key]
            case _:
                value[draw(st.sampled_from(["extra", "id", "max_fee_sats", *REQUIRED, *OPTIONAL]))] = draw(ODD)
        return value
    if isinstance(value, list) and value:
        value[draw(st.integers(0, len(value) - 1))] = draw(ODD)
        return value
    return draw(ODD)


@BOUNDED
@given(body=mutated(INPUTS), operation=st.sampled_from([("POST", "/workers"), ("PUT", f"/workers/{UUID}")]))
def test_a_json_body_gets_the_judges_verdict(
    ours: Service, judge: V31RequestValidator, body: Json, operation: tuple[str, str]
) -> None:
    data = json.dumps(body).encode()
    view = {"worker_id": UUID} if operation[0] == "PUT" else {}

    theirs = accepts(judge, MockRequest(HOST, *operation, view_args=view, data=data))
    result = ours.send(*operation, body=data, headers={"Content-Type": "application/json"})

    event(f"accepted: {theirs}")
    assert result.status_code == (200 if theirs else 422), (body, result.text)


@BOUNDED
@given(patch=mutated(st.fixed_dictionaries({}, optional=REQUIRED | OPTIONAL)))
def test_a_patch_gets_the_judges_verdict(ours: Service, judge: V31RequestValidator, patch: Json) -> None:
    data = json.dumps(patch).encode()
    path = f"/workers/{UUID}"

    theirs = accepts(judge, MockRequest(HOST, "PATCH", path, view_args={"worker_id": UUID}, data=data))
    result = ours.send("PATCH", path, body=data, headers={"Content-Type": "application/json"})

    assert result.status_code == (200 if theirs else 422), (patch, result.text)


INTEGER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)
GRAMMARS = {
    "page_size": INTEGER,
    "X-Trace-Level": INTEGER,
    "hashrate[min]": NUMBER,
    "hashrate[max]": NUMBER,
    "limit": INTEGER,
    "min_hashrate": NUMBER,
}
NUMBERS = st.sampled_from(
    [
        *("0", "1", "20", "100", "101", "-1", "1.0", "1.5", "1e3", "1E+2", "", "a", "nan", "inf", "-inf", "1_0", " 7"),
        *("+5", "007", "0x1", ".5", "5.", "1e", "1e19", "\u0663", "9" * 30, "null", "true"),
    ]
)
WORDS = st.sampled_from(
    ["", "eu-north", "eu-west", "moon", "asic", "a,b", "asic,old", "A", "lightning", "onchain|lightning", "cash"]
)
SHORT = NUMBERS | WORDS


@BOUNDED
@given(
    query=st.dictionaries(
        st.sampled_from(["page_size", "cursor", "tags", "payouts", "hashrate[min]", "hashrate[max]", "hashrate[mean]"]),
        SHORT | st.just(UUID) | st.text(max_size=5),
        max_size=3,
    ),
    regions=st.lists(REGIONS | WORDS, max_size=5),
    level=st.none() | st.sampled_from(["0", "3", "4", "-1", "+1", "1_0", "a", "1.0", "03"]),
    idle=st.none() | st.sampled_from(["show", "hide", "", "Hide", "true"]),
)
@example(query={"page_size": "1_0"}, regions=[], level=None, idle=None)
@example(query={"hashrate[max]": "nan"}, regions=[], level=None, idle=None)
@example(query={}, regions=[], level="+1", idle="true")
@example(query={"page_size": "7", "tags": "asic", "payouts": "onchain"}, regions=["eu-west"], level="3", idle="hide")
def test_parameters_get_the_judges_verdict_or_are_on_the_list(  # noqa: PLR0913, PLR0917 - one per location
    ours: Service,
    judge: V31RequestValidator,
    query: dict[str, str],
    regions: list[str],
    level: str | None,
    idle: str | None,
) -> None:
    headers = {} if level is None else {"X-Trace-Level": level}
    cookies = {} if idle is None else {"idle": idle}
    args: dict[str, Any] = query | ({"region": regions} if regions else {})

    theirs = accepts(judge, MockRequest(HOST, "GET", "/workers", args=args, headers=headers, cookies=cookies))
    sent = headers | ({"Cookie": f"idle={idle}"} if idle is not None else {})
    query_string = urlencode(args, doseq=True, safe=",|")  # what is encoded is no delimiter
    result = ours.send(path="/workers", query_string=query_string, headers=sent)

    agreed = result.status_code == (200 if theirs else 422)
    assert agreed or (theirs and _is_listed(query | headers | cookies)), result.text


@BOUNDED
@given(
    form=st.dictionaries(
        st.sampled_from(["name_prefix", "limit", "min_hashrate"]), NUMBERS | WORDS | NAMES, max_size=3
    ),
    regions=st.lists(REGIONS | WORDS, max_size=5),
)
@example(form={"name_prefix": "rig", "limit": "7"}, regions=["eu-west", "us-east"])
@example(form={"name_prefix": "rig", "limit": "1_0"}, regions=[])
def test_a_form_gets_the_judges_verdict_or_is_on_the_list(
    ours: Service, judge: V31RequestValidator, form: dict[str, str], regions: list[str]
) -> None:
    media_type = "application/x-www-form-urlencoded"
    data = urlencode([*form.items(), *(("regions", region) for region in regions)]).encode() or b"name_prefix="

    theirs = accepts(judge, MockRequest(HOST, "POST", "/worker-searches", data=data, content_type=media_type))
    result = ours.send("POST", "/worker-searches", body=data, headers={"Content-Type": media_type})

    agreed = result.status_code == (200 if theirs else 422)
    assert agreed or (theirs and _is_listed(form)), (form, regions, result.text)


def _is_listed(sent: Mapping[str, str]) -> bool:
    return any(name in GRAMMARS and GRAMMARS[name].fullmatch(text) is None for name, text in sent.items())


@BOUNDED
@given(body=mutated(WORKERS))
def test_a_response_gets_the_judges_verdict(
    contract: Contract, response_judge: V31ResponseValidator, body: Json
) -> None:
    data = json.dumps(body).encode()
    rule = contract.operations["GET", "/workers/{worker_id}"].response(200)
    assert rule is not None

    verdict = rule.judge_body(data, "application/json")

    assert (verdict is None) == _answers(response_judge, f"/workers/{UUID}", data, {}), (body, verdict)


@BOUNDED
@given(
    headers=st.dictionaries(
        st.sampled_from(["X-Request-Id", "X-Trace-Level", "X-RateLimit-Limit", "Link"]),
        st.sampled_from(["1", "0", "-1", "3", "4", "a", "", "1_0", "+1", "a" * 129]),
    ),
    items=st.lists(mutated(WORKERS), max_size=1),
)
def test_a_response_with_headers_gets_the_judges_verdict_or_is_on_the_list(
    contract: Contract, response_judge: V31ResponseValidator, headers: dict[str, str], items: list[Json]
) -> None:
    data = json.dumps({"items": items, "next_cursor": None}).encode()
    rule = contract.operations["GET", "/workers"].response(200)
    assert rule is not None

    lowered = {name.lower(): value for name, value in headers.items()}
    verdict = rule.judge_body(data, "application/json") or rule.judge_headers(lowered)

    theirs = _answers(response_judge, "/workers", data, headers)
    strict = [headers[name] for name in ("X-Trace-Level", "X-RateLimit-Limit") if name in headers]
    listed = any(INTEGER.fullmatch(text) is None for text in strict)
    assert (verdict is None) == theirs or (theirs and listed), (headers, verdict)


def _answers(judge: V31ResponseValidator, path: str, data: bytes, headers: dict[str, str]) -> bool:
    view = {"worker_id": UUID} if path.endswith(UUID) else {}
    sent = headers if path == "/workers" else {"X-Request-Id": "a"} | headers
    try:
        judge.validate(MockRequest(HOST, "GET", path, view_args=view), MockResponse(data, headers=sent))
    except OpenAPIError:
        return False
    return True


def test_the_instances_are_good_before_they_are_mutated(ours: Service) -> None:
    assert ours.send("POST", "/workers", json=worker()).status_code == 200
