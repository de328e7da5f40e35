"""Resources on paths: the comparison of what is promised with what is served."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import falcon.asgi

from tbg.contract.contract import Contract
from tbg.contract.errors import ERROR_MEDIA_TYPES
from tbg.contract.exceptions import MismatchError
from tbg.contract.operations import Operation
from tbg.contract.responders import misspelt_responders, responders_of, wrong_resources

Resources = Mapping[str, object]
"""Resources by path template, as the contract writes it: ``{"/workers/{worker_id}": Worker(...)}``."""

Answers = Callable[[Operation], Iterable[int]]
"""The statuses that layers outside this engine can answer an operation with: 429 when it is limited, …"""


def mount(
    app: falcon.asgi.App[Any, Any],
    contract: Contract,
    resources: Resources,
    answers: Answers = lambda _: (),
    further_findings: Iterable[str] = (),
) -> None:
    """Route ``resources``, which must serve exactly what ``contract`` promises.

    Raises:
        MismatchError: They differ, an operation does not document a status that it can answer, or somebody else has
            ``further_findings``.
    """
    if findings := [*disagreements(contract, resources, answers), *further_findings]:
        raise MismatchError(f"The contract {contract.document.path} and the service disagree:", findings)
    for path, resource in resources.items():
        app.add_route(path, resource)


def disagreements(contract: Contract, resources: Resources, answers: Answers) -> list[str]:
    """List everything about ``resources`` that keeps them from serving ``contract``."""
    return [
        *wrong_resources(contract, resources),
        *differences(contract, resources),
        *undocumented(contract, answers),
    ]


def served(resources: Resources) -> dict[tuple[str, str], str]:
    """Return by method and path what serves it: ``("GET", "/health") -> "HealthResource.on_get"``."""
    return {
        (method, path): f"{type(resource).__name__}.on_{method.lower()}"
        for path, resource in resources.items()
        for method in responders_of(resource)
    }


def differences(contract: Contract, resources: Resources) -> list[str]:
    """List what is promised and not served, and what is served and not promised, per method and path."""
    responders = served(resources)
    promised = {key: operation.operation_id for key, operation in contract.operations.items()}
    slips = {(path, name) for path, each in resources.items() for name in misspelt_responders(each).values()}
    missing = [
        f"{method} {path}: promised as '{promised[method, path]}', but no resource has on_{method.lower()} there"
        for method, path in promised.keys() - responders.keys()
        if (path, f"on_{method.lower()}") not in slips  # which is said with the name that stands there
    ]
    surplus = [
        f"{method} {path}: served by {responders[method, path]}, but the contract does not promise it"
        for method, path in responders.keys() - promised.keys()
    ]
    return sorted(missing) + sorted(surplus)


def undocumented(contract: Contract, answers: Answers) -> list[str]:
    """List per operation the statuses it can answer but does not document, and errors that lack a media type."""
    findings: list[str] = []
    for operation in contract.operations.values():
        where = f"{operation.method} {operation.path}"
        possible = sorted({*_own_answers(operation), *answers(operation)})
        silent = [str(status) for status in possible if operation.response(status) is None]
        findings.extend(f"{where}: can answer {status}, which is not documented" for status in silent)
        findings.extend(f"{where}: {problem}" for problem in _incomplete_errors(operation, possible))
    return findings


def _own_answers(operation: Operation) -> set[int]:
    """Return the statuses that this engine itself may answer ``operation`` with."""
    statuses = {500}
    if operation.parameters or operation.strict_query is not None:
        statuses |= {422}
    if operation.needs_query:
        statuses |= {400}
    if operation.body is not None:
        statuses |= {400, 408, 413, 415, 422}
        if any(media.keeps_files for media in operation.body.content.values()):
            statuses |= {503}  # when there is no room for them
    return statuses


def _incomplete_errors(operation: Operation, possible: Collection[int]) -> Iterable[str]:
    """Find errors that a client cannot get as a problem document; a 5xx of the operation's own may be no error."""
    for status, rule in operation.responses.items():
        is_error = status in {"default", "5XX"} or status[0] == "4" or status in map(str, possible)
        for media_type in ERROR_MEDIA_TYPES if is_error else ():
            if rule.media(media_type)[0] is None:
                yield f"{status} must offer {media_type}, as every error does"
