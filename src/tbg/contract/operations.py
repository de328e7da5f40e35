"""Operations: what a contract says of one method on one path, compiled for use on every request."""

from collections.abc import Iterable, Iterator, Mapping

import attrs
from jsonschema_path import SchemaPath

from tbg.contract.claims import Claims, merge_parameters, strict_query
from tbg.contract.exceptions import DocumentError
from tbg.contract.matching import Find, finder
from tbg.contract.media import Content, Media, compile_content
from tbg.contract.naming import argument_names
from tbg.contract.parameters import Parameter, compile_parameter
from tbg.contract.responses import ResponseRule, Responses
from tbg.contract.router import Router, parameter_names

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@attrs.frozen
class RequestBody:
    """What a request may carry."""

    required: bool
    content: Content
    media: Find[Media] = attrs.field(init=False, repr=False)

    @media.default
    def _finder(self) -> Find[Media]:
        return finder(self.content)


@attrs.frozen(eq=False)  # each is itself only, and quick to look up by
class Operation:
    """One method on one path.

    Attributes:
        operation_id: The name that generated clients use.
        method: Upper case.
        path: The template as the contract writes it.
        extensions: The operation's ``x-…`` values, for the service to interpret.
        parameters: Those of the path and its own.
        body: What the request may carry, or None.
        responses: By status (``200``), range (``4XX``) or ``default``.
        needs_query: Whether any parameter stands in the query, or nothing else may.
        strict_query: The fields that the query may have, if not any.
        arguments: By the names of the path's parameters, those of the responder's arguments.
        path_fields: These, each with the parameter's name in Python.
    """

    operation_id: str
    method: str
    path: str
    extensions: Mapping[str, object] = attrs.field(repr=False)
    parameters: tuple[Parameter, ...] = attrs.field(repr=False)
    body: RequestBody | None = attrs.field(repr=False)
    responses: Mapping[str, ResponseRule] = attrs.field(repr=False)
    needs_query: bool = False
    strict_query: Claims | None = attrs.field(default=None, repr=False)
    arguments: Mapping[str, str] = attrs.field(init=False, repr=False)
    path_fields: tuple[tuple[str, str], ...] = attrs.field(init=False, repr=False)
    _exact: Mapping[int, ResponseRule] = attrs.field(init=False, repr=False)

    @arguments.default
    def _by_template(self) -> Mapping[str, str]:
        return argument_names(parameter_names(self.path))

    @path_fields.default
    def _of_path(self) -> tuple[tuple[str, str], ...]:
        in_path = (each for each in self.parameters if each.location == "path")
        return tuple((self.arguments[each.name], each.field) for each in in_path)

    @_exact.default
    def _by_number(self) -> Mapping[int, ResponseRule]:
        return {int(status): rule for status, rule in self.responses.items() if status.isdecimal()}

    def response(self, status: int) -> ResponseRule | None:
        """Return the rule for ``status``: its own, else its range's, else the default (OpenAPI 3.1, section 4.8.16)."""
        responses = self.responses
        return self._exact.get(status) or responses.get(f"{status // 100}XX") or responses.get("default")


def compile_operations(spec: SchemaPath) -> dict[tuple[str, str], Operation]:
    """Compile every operation, by method and path.

    Raises:
        DocumentError: Some operations ask for what this engine does not enforce; all are listed.
    """
    operations: dict[tuple[str, str], Operation] = {}
    responses, findings = Responses(spec), list(_unroutable(spec))
    for path, item in (spec / "paths").items() if "paths" in spec else ():
        for method in METHODS:
            if method not in item:
                continue
            try:
                operations[method.upper(), str(path)] = _compile(spec, responses, str(path), item, method)
            except ValueError as error:
                findings.append(f"{method.upper()} {path}: {error}")
    if findings:
        raise DocumentError("The contract asks for what this engine does not enforce:", findings)
    return operations


def _unroutable(spec: SchemaPath) -> Iterator[str]:
    """List the templates that cannot be routed, by offering them to a router of their own."""
    router = Router()
    for path in (spec / "paths").keys() if "paths" in spec else ():
        try:
            router.add_route(str(path), object())
        except ValueError as error:
            yield f"{path}: {error}"


def _compile(spec: SchemaPath, responses: Responses, path: str, item: SchemaPath, method: str) -> Operation:
    operation = item / method
    for problem in _unsupported(spec, operation):
        raise ValueError(problem)
    parameters = merge_parameters(_parameters(spec, item), _parameters(spec, operation))
    known = strict_query(spec, operation.read_value(), parameters)
    return Operation(
        operation_id=(operation / "operationId").read_str(),
        method=method.upper(),
        path=path,
        extensions={key: value for key, value in operation.read_value().items() if key.startswith("x-")},
        parameters=parameters,
        body=_body(spec, operation),
        responses={str(status): responses.compile(response) for status, response in (operation / "responses").items()},
        needs_query=known is not None or any(parameter.location == "query" for parameter in parameters),
        strict_query=known,
    )


def _unsupported(spec: SchemaPath, operation: SchemaPath) -> Iterator[str]:
    if "operationId" not in operation:
        yield "operationId is missing: generated clients and the log need a name"
    if "responses" not in operation:
        yield "responses are missing: nothing could be answered"
    declared = operation if "security" in operation else spec
    if "security" in declared and (declared / "security").read_value():
        yield "security is declared, but nothing enforces it yet"


def _parameters(spec: SchemaPath, owner: SchemaPath) -> Iterable[Parameter]:
    if "parameters" not in owner:
        return []
    return [compile_parameter(spec, parameter) for parameter in owner / "parameters"]


def _body(spec: SchemaPath, operation: SchemaPath) -> RequestBody | None:
    if "requestBody" not in operation:
        return None
    body = operation / "requestBody"
    return RequestBody((body / "required").read_bool(default=False), compile_content(spec, body / "content"))
