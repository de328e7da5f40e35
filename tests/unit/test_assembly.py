"""Whatever a person writes into `features.py` or a feature: what is wrong is one line with its file, no traceback."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tbg.app import all_features, build_app, rate_limiter
from tbg.assembly import FeatureError, load_factories
from tbg.config import Settings
from tbg.context import Request, Response
from tbg.contract import Contract, ContractError
from tbg.errors import DomainError
from tbg.feature import Feature
from tbg.infrastructure import Infrastructure

HERE = r"tests/unit/test_assembly\.py:\d+: tests\.unit\.test_assembly\."


class Thing:
    """A resource."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer."""


class OneError(DomainError):
    """An error."""


class OtherError(DomainError):
    """Another one."""


@pytest.fixture
def idle() -> Infrastructure:
    """Infrastructure that nobody uses."""
    return Infrastructure.from_settings(Settings())


def findings(idle: Infrastructure, contract: Contract, *factories: Any) -> tuple[str, ...]:  # noqa: ANN401 - anything
    with pytest.raises(FeatureError) as raised:
        all_features(idle, contract, factories, rate_limiter(idle))
    assert str(raised.value).startswith("The features cannot be used:\n  - ")
    return raised.value.findings


def making(**parts: Any) -> Callable[[Infrastructure], Feature]:  # noqa: ANN401 - also what is no part of a feature
    def make(_: Infrastructure) -> Feature:
        return Feature(**parts)

    return make


async def ping() -> None:
    """Answer."""


async def _async_factory(_: Infrastructure) -> Feature:
    return Feature()


def _raising(_: Infrastructure) -> Feature:
    raise KeyError("what")


def _misspelling(_: Infrastructure) -> Feature:
    return Feature(resource={})  # type: ignore[call-arg]  # that is the mistake


def _without_argument() -> Feature:
    return Feature()


def _returning_nothing(_: Infrastructure) -> None:
    """Forget to return."""


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (sys, r"FEATURES lists module sys: list the function that makes a feature, such as estimates\.feature"),
        (Feature(resources={"/a": Thing()}), r"FEATURES lists a Feature: list the function that makes a feature"),
        (_async_factory, HERE + r"_async_factory must not be async"),
        (_raising, HERE + r"_raising failed: KeyError: 'what'"),
        (_misspelling, HERE + r"_misspelling failed: TypeError: .*unexpected keyword argument 'resource'"),
        (_without_argument, HERE + r"_without_argument must take the infrastructure and nothing else: too many"),
        (_returning_nothing, HERE + r"_returning_nothing must return a Feature, not None"),
        (Thing, HERE + r"Thing must take the infrastructure and nothing else"),
    ],
)
def test_what_makes_no_feature_is_named(
    idle: Infrastructure, root_contract: Contract, factory: object, message: str
) -> None:
    (finding,) = findings(idle, root_contract, factory)

    assert re.match(message, finding), finding


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "it adds nothing: Feature(resources={'/path': Resource()}, …)"),
        ({"resources": [Thing()]}, "resources must be a mapping, not a list"),
        ({"scopes": None}, "scopes must be a mapping, not None"),
        ({"errors": {ValueError: 400}}, "errors: the class ValueError is no DomainError"),
        ({"errors": {"OneError": 400}}, "errors: a str is no DomainError"),
        ({"errors": {OneError: 200}}, "errors: OneError: 200 is no status of an error, which are 400 to 599"),
        ({"errors": {OneError: "409 Conflict"}}, "errors: OneError: '409 Conflict' is no status of an error"),
        ({"pings": {"pool": 7}}, "pings: pool: a int is no function"),
        ({"pings": {"pool": lambda: None}}, "must be an async function"),
        ({"pings": {"pool": Thing().on_get}}, "must take nothing: missing a required argument: 'req'"),
        ({"scopes": {"key": "X-Key"}}, "scopes: key: a str is no function"),
        ({"scopes": {"key": Thing().on_get}}, "must not be async"),
        ({"scopes": {"key": lambda: ""}}, "must take req: too many positional arguments"),
    ],
)
def test_what_is_wrong_with_a_feature_is_named(
    idle: Infrastructure, root_contract: Contract, parts: dict[str, Any], message: str
) -> None:
    found = findings(idle, root_contract, making(**parts))

    assert any(re.match(HERE + r"making\.<locals>\.make: ", each) and message in each for each in found), found


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"resources": {"/a": Thing()}}, {"resources": {"/a": Thing()}}, "the path /a is "),
        ({"scopes": {"key": str}}, {"scopes": {"key": str}}, "the rate-limit scope key is "),
        ({"pings": {"pool": ping}}, {"pings": {"pool": ping}}, "the ping pool is "),
        ({"errors": {OneError: 404}}, {"errors": {OneError: 409}}, "the error OneError is "),
    ],
)
def test_two_features_cannot_have_the_same(
    idle: Infrastructure, root_contract: Contract, first: dict[str, Any], second: dict[str, Any], message: str
) -> None:
    (finding,) = findings(idle, root_contract, making(**first), making(**second))

    assert message in finding
    assert finding.endswith("make's already")


@pytest.mark.parametrize("parts", [{"resources": {"/health": Thing()}}, {"pings": {"redis": ping}}])
def test_a_feature_cannot_have_what_is_the_service_s(
    idle: Infrastructure, root_contract: Contract, parts: dict[str, Any]
) -> None:
    (finding,) = findings(idle, root_contract, making(**parts))

    assert finding.endswith(" is the service's already")


def test_all_findings_come_at_once(idle: Infrastructure, root_contract: Contract) -> None:
    assert len(findings(idle, root_contract, _raising, None, making(pings={"a": 1, "b": 2}))) == 4


def test_features_may_share_an_error_and_its_status(idle: Infrastructure, root_contract: Contract) -> None:
    factories = [making(errors={OneError: 404}), making(errors={OneError: 404}), making(pings={"pool": ping})]

    assert len(all_features(idle, root_contract, factories, rate_limiter(idle))) == 5


def test_an_error_whose_status_nobody_documents_stops_the_boot(idle: Infrastructure, root_contract: Contract) -> None:
    factory = making(errors={OneError: 418, OtherError: 500})

    with pytest.raises(ContractError) as raised:
        build_app(idle, root_contract, [factory])

    (finding,) = raised.value.findings
    assert re.fullmatch(
        r"tests/unit/test_assembly\.py:\d+: OneError is answered 418, which no operation of its feature documents",
        finding,
    )


# `features.py` itself.


@pytest.fixture
def features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Put another file in the place of `features.py`; return what is said of it."""
    kept = sys.modules.pop("tbg.features", None)
    package = tmp_path / "tbg_copy"
    package.mkdir()
    monkeypatch.setattr("tbg.assembly._LOCATION", "tbg_copy.features")
    monkeypatch.setattr("tbg.assembly.PROJECT_ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def load(text: str, helper: str = "") -> str:
        (package / "features.py").write_text(text)
        (package / "helper.py").write_text(helper)
        with pytest.raises(FeatureError) as raised:
            load_factories()
        (finding,) = raised.value.findings
        return finding

    yield load
    for name in [name for name in sys.modules if name.startswith("tbg_copy")]:
        del sys.modules[name]
    if isinstance(kept, ModuleType):
        sys.modules["tbg.features"] = kept


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("from tbg import estimats\n", "tbg_copy/features.py:1: tbg_copy.features cannot be imported: ImportError: "),
        (
            "\nimport estimats\n",
            "tbg_copy/features.py:2: tbg_copy.features cannot be imported: ModuleNotFoundError: No",
        ),
        ("FEATURES = (\n", "tbg_copy/features.py:1: tbg_copy.features cannot be imported: SyntaxError: '(' was never"),
        ("FEATURES = (nothing,)\n", "tbg_copy/features.py:1: tbg_copy.features cannot be imported: NameError: name"),
        ("", "tbg_copy/features.py: FEATURES must be a tuple of features, such as (estimates.feature,), not None"),
        ("FEATURES = (print)\n", "tbg_copy/features.py: FEATURES must be a tuple of features, such as (estimates."),
        ("FEATURES = {print}\n", "tbg_copy/features.py: FEATURES must be a tuple of features, such as (estimates."),
    ],
)
def test_what_is_wrong_with_features_py_is_one_line(features: Callable[[str], str], text: str, finding: str) -> None:
    assert features(text).startswith(finding)


def test_the_line_is_where_the_mistake_is(features: Callable[..., str]) -> None:
    found = features("import tbg_copy.helper\n", "import json\n\njson.loads('{')\n")

    assert found.startswith("tbg_copy/helper.py:3: tbg_copy.features cannot be imported: JSONDecodeError: ")


def test_ours_is_fine() -> None:
    assert list(load_factories()) == []
