"""Read one request by its operation: parameters and body in, a Call or an HTTP error out."""

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

import falcon
import falcon.asgi

from tbg.contract.bodies import NOTHING_RECEIVED, Limits, read_body
from tbg.contract.calls import Call
from tbg.contract.errors import InputFinding, InvalidRequestError
from tbg.contract.operations import Operation
from tbg.contract.parameters import MISSING, NOTHING, InvalidParameterError, Location, Parameter
from tbg.contract.pointers import to_pointer
from tbg.contract.schemas import Finding

_MAX_QUERY_FIELDS = 1000


async def read_call(
    req: falcon.asgi.Request, path_values: Mapping[str, str], operation: Operation, limits: Limits
) -> Call:
    """Return what ``req`` says, typed as ``operation`` describes it.

    Raises:
        falcon.HTTPError: 400 malformed, 408 too slow, 413 too large, 415 wrong media type, 422 breaks the contract.
        UploadStorageError: A file in it cannot be kept.
    """
    values, findings = _read_parameters(req, path_values, operation) if operation.parameters else ({}, [])
    if operation.body is None:
        body = NOTHING_RECEIVED
    else:
        body = await read_body(req, operation.body, limits)
        findings = [*findings, *(("body", finding) for finding in body.findings)]
    if findings:
        body.close()
        raise InvalidRequestError(findings)
    return Call(operation, values, body.value, body.close)


def _read_parameters(
    req: falcon.asgi.Request, path_values: Mapping[str, str], operation: Operation
) -> tuple[dict[str, object], list[InputFinding]]:
    values: dict[str, object] = {}
    findings: list[InputFinding] = []
    query = _query_values(req) if operation.needs_query else NOTHING
    for parameter in operation.parameters:
        try:
            value = parameter.read(_raw_values(req, path_values, query, parameter))
        except InvalidParameterError as invalid:
            findings.extend(_named(parameter, invalid))
            continue
        if value is not MISSING:
            values[parameter.field] = value
    return values, findings


def _named(parameter: Parameter, invalid: InvalidParameterError) -> Iterator[InputFinding]:
    for finding in invalid.findings:
        pointer = to_pointer([parameter.name]) + finding.pointer
        yield parameter.location, Finding(pointer, finding.code, finding.detail)


def _query_values(req: falcon.asgi.Request) -> Location:
    if not req.query_string:
        return NOTHING
    try:
        pairs = parse_qsl(req.query_string, keep_blank_values=True, errors="strict", max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError:  # UnicodeDecodeError is one
        raise falcon.HTTPBadRequest(description="The query string is malformed") from None
    return Location.of(pairs)


def _raw_values(
    req: falcon.asgi.Request, path_values: Mapping[str, str], query: Location, parameter: Parameter
) -> Location:
    name = parameter.name
    match parameter.location:
        case "query":
            return query
        case "path":
            return Location({name: path_values[name]})
        case "header":
            header = req.get_header(name)
            return NOTHING if header is None else Location({name: header})
        case "cookie":
            cookies = req.get_cookie_values(name)
            return NOTHING if cookies is None else Location.of((name, value) for value in cookies)
