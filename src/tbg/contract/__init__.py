"""The contract engine: a hand-written OpenAPI 3.1 document, enforced on a Falcon application.

    contract = Contract.load(Path("openapi.yaml"))          # or DocumentError
    app = falcon.asgi.App(router=Router(), middleware=[ResponseContract(...), ..., RequestContract(...)])
    app.set_error_serializer(ErrorSerializer(...))
    mount(app, contract, {"/health": HealthResource()})     # or MismatchError

It judges by OpenAPI 3.1.1 and JSON Schema 2020-12, as openapi-core does where that follows them
(``docs/contract-engine.md``). It knows Falcon, and nothing of this service.
"""

from tbg.contract.bodies import Limits
from tbg.contract.caching import vary_by
from tbg.contract.calls import UNSET, Call, Unset
from tbg.contract.contract import Contract
from tbg.contract.errors import ErrorSerializer, InvalidRequestError, write_error
from tbg.contract.exceptions import ContractError, DocumentError, MismatchError
from tbg.contract.linting.examination import every_remark, extension_remarks, written
from tbg.contract.linting.keywords import Extensions
from tbg.contract.middleware import Mode, RequestContract, ResponseContract
from tbg.contract.operations import Operation
from tbg.contract.responses import Breach
from tbg.contract.router import Router, allowed_methods, is_malformed
from tbg.contract.routing import Answers, Resources, differences, disagreements, mount, served, undocumented
from tbg.contract.schemas import Finding
from tbg.contract.serving import DocumentResource
from tbg.contract.streams import BrokenStreamError
from tbg.contract.unread import unread_bodies
from tbg.contract.uploads import MOST_ON_DISK, UploadedFile, UploadStorageError

__all__ = [
    "MOST_ON_DISK",
    "UNSET",
    "Answers",
    "Breach",
    "BrokenStreamError",
    "Call",
    "Contract",
    "ContractError",
    "DocumentError",
    "DocumentResource",
    "ErrorSerializer",
    "Extensions",
    "Finding",
    "InvalidRequestError",
    "Limits",
    "MismatchError",
    "Mode",
    "Operation",
    "RequestContract",
    "Resources",
    "ResponseContract",
    "Router",
    "Unset",
    "UploadStorageError",
    "UploadedFile",
    "allowed_methods",
    "differences",
    "disagreements",
    "every_remark",
    "extension_remarks",
    "is_malformed",
    "mount",
    "served",
    "undocumented",
    "unread_bodies",
    "vary_by",
    "write_error",
    "written",
]
