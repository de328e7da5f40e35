"""The composition root, without any server."""

import importlib.util
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, MetaData, String, Table, create_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable

from tbg import main
from tbg.app import all_features, answers, rate_limiter, rate_limits, resources
from tbg.config import PROJECT_ROOT, Settings, SettingsError
from tbg.contract import Contract
from tbg.db.base import Base
from tbg.docs import add_docs
from tbg.feature import Feature
from tbg.features import FEATURES
from tbg.infrastructure import Infrastructure
from tests.conftest import Logged


class Thing:
    """A resource."""


@pytest.fixture
def idle() -> Infrastructure:
    """Infrastructure that nobody uses."""
    return Infrastructure.from_settings(Settings())


def test_the_service_has_features_of_its_own(idle: Infrastructure, root_contract: Contract) -> None:
    served = resources(all_features(idle, root_contract, FEATURES, rate_limiter(idle)))

    assert served.keys() == {"/health", "/ready", "/version", "/openapi.yaml", "/openapi.json"}


def test_what_counts_can_be_refused(idle: Infrastructure, root_contract: Contract) -> None:
    features = all_features(idle, root_contract, FEATURES, rate_limiter(idle))
    possible = answers(features, rate_limits(idle.settings, root_contract, features))
    statuses = {operation.operation_id: possible(operation) for operation in root_contract.operations.values()}

    assert statuses == {
        "getHealth": set(),
        "getReadiness": set(),
        "getVersion": {429},
        "getContractAsYaml": {429},
        "getContractAsJson": {429},
    }


@pytest.mark.parametrize(("uses_database", "statuses"), [(True, {429, 503}), (False, {429})])
def test_what_uses_the_database_can_be_unavailable(
    root_contract: Contract, *, uses_database: bool, statuses: set[int]
) -> None:
    feature = Feature(resources={"/version": Thing()}, uses_database=uses_database)

    possible = answers([feature], rate_limits(Settings(), root_contract, [feature]))

    assert possible(root_contract.operations["GET", "/version"]) == statuses


def test_the_environment_makes_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TBG_ENVIRONMENT", "staging")
    monkeypatch.setenv("TBG_DATABASE_URL", "postgresql+asyncpg://u:p@h/d")

    assert main.create_app() is not main.create_app()


def test_a_misspelt_variable_is_warned_of(monkeypatch: pytest.MonkeyPatch, logged: Logged) -> None:
    monkeypatch.setenv("TBG_PROT", "8000")
    main.create_app()

    (line,) = logged("settings.unknown")
    assert (line["level"], line["variables"]) == ("warning", ["TBG_PROT"])


def test_what_a_contract_says_in_vain_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    path = tmp_path / "openapi.yaml"
    text = (PROJECT_ROOT / "openapi.yaml").read_text()
    path.write_text(text.replace("maxLength: 1000", "maxLength: 1000\n          nullable: true"))
    monkeypatch.setenv("TBG_CONTRACT_PATH", str(path))
    main.create_app()

    (line,) = logged("contract.warnings")
    assert line["level"] == "warning"
    assert line["count"] == len(line["warnings"]) == text.count("maxLength: 1000")
    assert all("nullable is of OpenAPI 3.0 and ignored" in each for each in line["warnings"])


def test_models_get_the_names_that_postgresql_gives() -> None:
    table = Table(
        "workers",
        MetaData(naming_convention=Base.metadata.naming_convention),  # apart from the tables that exist
        Column("id", Integer, primary_key=True),
        Column("name", String, unique=True),
        Column("pool_id", Integer, ForeignKey("workers.id"), index=True),
        CheckConstraint("id > 0", name="positive"),
    )
    engine = create_engine("postgresql+asyncpg://", poolclass=NullPool)
    statement = str(CreateTable(table).compile(engine))

    for name in ("workers_pkey", "workers_name_key", "workers_pool_id_fkey", "workers_positive_check"):
        assert f"CONSTRAINT {name} " in statement
    assert {index.name for index in table.indexes} == {"idx_workers_pool_id"}


def test_a_bad_environment_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TBG_PORT", "many")

    with pytest.raises(SettingsError, match="TBG_PORT: 'many'"):
        main.create_app()


def test_the_infrastructure_has_a_clock_and_ids(idle: Infrastructure) -> None:
    assert idle.clock().utcoffset() is not None
    assert idle.new_id() != idle.new_id()


def test_pages_without_their_package_stop_the_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tbg.docs.find_spec", lambda _: None)
    assert importlib.util.find_spec("drf_spectacular_sidecar")

    with pytest.raises(RuntimeError, match="install the lock"):
        add_docs(None)  # type: ignore[arg-type]  # it gets no further
