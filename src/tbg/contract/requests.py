"""Read one request by its operation: parameters and body in, a Call or an HTTP error out."""

from collections.abc import Mapping

import falcon
import falcon.asgi

from tbg.contract.bodies import Limits, read_body
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
    has_parameters = operation.parameters or operation.strict_query is not None
    values, findings = read_parameters(req, path_values, operation) if has_parameters else ({}, [])
    if operation.body is None:
        if findings:
            raise InvalidRequestError(findings)
        return Call(operation, values)
    media, wrong, close = await read_body(req, operation.body, limits)
    if findings or wrong:
        close()
        raise InvalidRequestError([*findings, *(("body", finding) for finding in wrong)])
    return Call(operation, values, media, close)
