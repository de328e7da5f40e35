"""Read the parameters of one request."""

from collections.abc import Iterator, Mapping
from itertools import islice

import falcon
import falcon.asgi

from tbg.contract.errors import InputFinding
from tbg.contract.operations import Operation
from tbg.contract.parameters import Parameter
from tbg.contract.pointers import to_pointer
from tbg.contract.raw import NO_FIELDS, Fields, PathText, split_cookies, split_query
from tbg.contract.readers import InvalidParameterError
from tbg.contract.schemas import MAX_FINDINGS, Finding, pointer_of
from tbg.contract.shapes import MISSING


def read_parameters(
    req: falcon.asgi.Request, path_values: Mapping[str, str], operation: Operation
) -> tuple[dict[str, object], list[InputFinding]]:
    """Return the parameters by their Python name, and what is wrong with them.

    Raises:
        falcon.HTTPBadRequest: The query cannot be read at all.
    """
    values: dict[str, object] = {}
    findings: list[InputFinding] = []
    query = _query(req) if operation.needs_query else NO_FIELDS
    for parameter in operation.parameters:
        fields = query if parameter.location == "query" else _fields(req, path_values, operation, parameter)
        try:
            value = parameter.read(fields)
        except InvalidParameterError as invalid:
            findings.extend(_named(parameter, invalid))
            continue
        if value is not MISSING:
            values[parameter.field] = value
    if operation.strict_query is not None and query:
        unknown = (name for name in query if not operation.strict_query.take(name))
        findings.extend(("query", _unknown(name)) for name in islice(unknown, MAX_FINDINGS))
    return values, findings


def _named(parameter: Parameter, invalid: InvalidParameterError) -> Iterator[InputFinding]:
    for finding in invalid.findings:
        pointer = to_pointer([parameter.name]) + finding.pointer
        yield parameter.location, Finding(pointer, finding.code, finding.detail)


def _unknown(name: str) -> Finding:
    return Finding(pointer_of([name]), "unknown", "is not a known parameter")


def _query(req: falcon.asgi.Request) -> Fields:
    try:
        return split_query(req.query_string)
    except ValueError:  # UnicodeDecodeError is one
        raise falcon.HTTPBadRequest(description="The query string is malformed") from None


def _fields(
    req: falcon.asgi.Request, path_values: Mapping[str, str], operation: Operation, parameter: Parameter
) -> Fields:
    name = parameter.name
    match parameter.location:
        case "path":
            text = path_values[operation.arguments[name]]
            return {name: [text.raw if isinstance(text, PathText) else text]}
        case "header":
            header = req.get_header(name)
            return NO_FIELDS if header is None else {name: [header]}
    return _cookies(req, parameter)


def _cookies(req: falcon.asgi.Request, parameter: Parameter) -> Fields:
    header = req.get_header("Cookie") or ""
    # Either delimiter: the table of styles has "&", cookies have "; " (appendix D). No value holds a raw "&".
    return split_cookies(header.replace("&", ";") if parameter.style.is_exploded else header)
