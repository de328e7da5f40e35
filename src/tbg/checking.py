"""`tbg check`: the contract beside the service, as one table, and everything that there is to say about both.

An error is what stops the boot. A warning is what does not, and what somebody will be sorry for.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tbg.app import all_features, answers, rate_limiter, rate_limits, resources
from tbg.assembly import FeatureError, load_factories, undocumented_errors
from tbg.config import Settings
from tbg.contract import (
    Contract,
    ContractError,
    Resources,
    disagreements,
    every_remark,
    extension_remarks,
    served,
    written,
)
from tbg.extensions import EXTENSIONS
from tbg.feature import Feature
from tbg.infrastructure import Infrastructure
from tbg.tables import print_table


def check_contract(settings: Settings, path: Path, *, strict: bool = False) -> int:
    """Print the comparison of the contract at ``path`` with the service; connects to nothing.

    Args:
        settings: As the service would have them.
        path: The contract's file.
        strict: Whether a warning counts as an error.

    Returns:
        The exit code: 0 when they agree, else 1.
    """
    errors, warnings = list[str](), list[str]()
    try:
        contract = Contract.load(path, EXTENSIONS)
    except ContractError as error:
        print(f"The contract {path} cannot be used:", file=sys.stderr)
        errors += [*error.findings, *_broken_features()]
    else:
        errors += _compare(settings, contract)
        warnings = written(contract.document, {*contract.remarks, *every_remark(contract.document)})
    _print("error", errors)
    _print("warning", warnings)
    return 1 if errors or (strict and warnings) else 0


def _broken_features() -> tuple[str, ...]:
    """Return what is wrong with `features.py`, which needs no contract."""
    try:
        load_factories()
    except FeatureError as error:
        return error.findings
    return ()


def _compare(settings: Settings, contract: Contract) -> list[str]:
    """Print the table, and return everything that stops the boot."""
    errors = written(contract.document, extension_remarks(contract.document, EXTENSIONS))
    infrastructure = Infrastructure.from_settings(settings)
    try:
        features = all_features(infrastructure, contract, load_factories(), rate_limiter(infrastructure))
    except FeatureError as error:
        return [*errors, *error.findings]
    mounted = resources(features)
    print_table(("Operation", "Method and path", "Served by", "Documented statuses"), _rows(contract, mounted))
    return [*errors, *_disagreements(settings, contract, features), *undocumented_errors(contract, features)]


def _disagreements(settings: Settings, contract: Contract, features: Iterable[Feature]) -> list[str]:
    mounted = resources(features)
    try:
        limits = rate_limits(settings, contract, features)
    except ContractError as error:
        return [*error.findings, *disagreements(contract, mounted, lambda _: ())]
    return disagreements(contract, mounted, answers(features, limits))


def _print(kind: str, findings: Iterable[str]) -> None:
    for finding in findings:
        print(f"{kind}: {finding}", file=sys.stderr)


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
