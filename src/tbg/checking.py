"""`tbg check`: the contract beside the service, as one table."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tbg.app import all_features, answers, rate_limiter, rate_limits, resources
from tbg.config import Settings
from tbg.contract import Contract, Resources, differences, served, undocumented
from tbg.features import FEATURES
from tbg.infrastructure import Infrastructure
from tbg.tables import print_table


def check_contract(settings: Settings, path: Path) -> int:
    """Print the comparison of the contract at ``path`` with the service; connects to nothing.

    Returns:
        The exit code: 0 when they agree, else 1.
    """
    try:
        contract = Contract.load(path)
        infrastructure = Infrastructure.from_settings(settings)
        features = all_features(infrastructure, contract, FEATURES, rate_limiter(infrastructure))
        mounted = resources(features)
        can_answer = answers(features, rate_limits(settings, contract, features))
    except RuntimeError as error:  # whatever stops the boot says why
        print(error, file=sys.stderr)
        return 1
    print_table(("Operation", "Method and path", "Served by", "Documented statuses"), _rows(contract, mounted))
    findings = [*differences(contract, mounted), *undocumented(contract, can_answer)]
    for finding in findings:
        print(f"error: {finding}", file=sys.stderr)
    return 1 if findings else 0


def _rows(contract: Contract, mounted: Resources) -> Iterator[tuple[str, str, str, str]]:
    responders = served(mounted)
    for method, path in sorted(contract.operations.keys() | responders.keys(), key=lambda key: (key[1], key[0])):
        operation = contract.operations.get((method, path))
        yield (
            operation.operation_id if operation else "not promised",
            f"{method} {path}",
            responders.get((method, path), "nothing"),
            " ".join(operation.responses) if operation else "",
        )
