"""What becomes of a response that breaks the contract, beside the 500 that the client gets."""

from prometheus_client import CollectorRegistry

from tbg.breaches import BreachReport
from tbg.config import Settings
from tbg.contract import Breach
from tbg.logs import configure_logging
from tests.conftest import Logged


def test_a_breach_is_logged_and_counted(logged: Logged) -> None:
    configure_logging(Settings())
    registry = CollectorRegistry()
    report = BreachReport(registry)

    for _ in range(2):
        report(Breach(operation_id="getVersion", status=200, part="body", pointer="/version", keyword="type"))

    labels = {"operation": "getVersion", "status": "200"}
    assert registry.get_sample_value("tbg_contract_breaches_total", labels) == 2
    first, _ = logged("contract.response_breach")
    assert (first["level"], first["pointer"], first["keyword"]) == ("error", "/version", "type")
