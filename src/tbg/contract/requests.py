"""Read one request by its operation: parameters and body in, a Call or an HTTP error out."""

from collections.abc import Mapping

import falcon
import falcon.asgi

from tbg.contract.bodies import NOTHING_RECEIVED, Limits, read_body
from tbg.contract.calls import Call
from tbg.contract.errors import InvalidRequestError
from tbg.contract.operations import Operation
from tbg.contract.sources import read_parameters


async def read_call(
    req: falcon.asgi.Request, path_values: Mapping[str, str], operation: Operation, limits: Limits
) -> Call:
    """Return what ``req`` says, typed as ``operation`` describes it.

    Raises:
        falcon.HTTPError: 400 malformed, 408 too slow, 413 too large, 415 wrong media type, 422 breaks the contract.
        UploadStorageError: A file in it cannot be kept.
    """
    values, findings = read_parameters(req, path_values, operation)
    body = NOTHING_RECEIVED
    if operation.body is not None:
        body = await read_body(req, operation.body, limits)
        findings = [*findings, *(("body", finding) for finding in body.findings)]
    if findings:
        body.close()
        raise InvalidRequestError(findings)
    return Call(operation, values, body.value, body.close)
