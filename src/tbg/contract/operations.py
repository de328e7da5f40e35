"""Operations: what a contract says of one method on one path, compiled for use on every request."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from jsonschema_path import SchemaPath

from tbg.contract.document import Document
from tbg.contract.exceptions import UnsupportedError
from tbg.contract.media import Content, Find, compile_content, finder
from tbg.contract.parameters import MISSING, Parameter, compile_parameter, merge_parameters
from tbg.contract.pointers import Path, follow, resolve, to_pointer
from tbg.contract.responses import ResponseRule, Responses
from tbg.contract.router import Router
from tbg.contract.structure import METHODS


@attrs.frozen
class RequestBody:
    """What a request may carry."""

    required: bool
    content: Content
    media: Find = attrs.field(init=False, repr=False)

    @media.default
    def _finder(self) -> Find:
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
        needs_query: Whether any parameter stands in the query.
        path_fields: The names of the path's parameters, each with its name in Python.
    """

    operation_id: str
    method: str
    path: str
    extensions: Mapping[str, object] = attrs.field(repr=False)
    parameters: tuple[Parameter, ...] = attrs.field(repr=False)
    body: RequestBody | None = attrs.field(repr=False)
    responses: Mapping[str, ResponseRule] = attrs.field(repr=False)
    needs_query: bool = False
    path_fields: tuple[tuple[str, str], ...] = attrs.field(init=False, repr=False)
    _exact: Mapping[int, ResponseRule] = attrs.field(init=False, repr=False)

    @path_fields.default
    def _of_path(self) -> tuple[tuple[str, str], ...]:
        return tuple((each.name, each.field) for each in self.parameters if each.location == "path")

    @_exact.default
    def _by_number(self) -> Mapping[int, ResponseRule]:
        return {int(status): rule for status, rule in self.responses.items() if status.isdecimal()}

    def response(self, status: int) -> ResponseRule | None:
        """Return the rule for ``status``: its own, else its range's, else the default (OpenAPI 3.1, section 4.8.16)."""
        responses = self.responses
        return self._exact.get(status) or responses.get(f"{status // 100}XX") or responses.get("default")


def compile_operations(document: Document) -> dict[tuple[str, str], Operation]:
    """Compile every operation, by method and path.

    Raises:
        DocumentError: Some operations ask for what this engine does not enforce; all are listed.
    """
    compiler = _Compiler(document)
    operations = dict(compiler.operations())
    if compiler.findings:
        raise document.refusal("The contract asks for what this engine does not enforce:", compiler.findings)
    return operations


class _Compiler:
    """Compiles a document; what operations share is compiled once, and what is wrong with it is found once."""

    def __init__(self, document: Document) -> None:
        self.findings: list[tuple[Path, str]] = []
        self._content = document.content
        self._spec = document.spec
        self._responses = Responses(document.spec)
        self._parameters: dict[Path, Parameter | None] = {}
        self._bodies: dict[Path, RequestBody | None] = {}

    def operations(self) -> Iterator[tuple[tuple[str, str], Operation]]:
        """Yield those that can be compiled, by method and path; ``findings`` lists the others."""
        router = Router()
        for template, item in _members(self._content, "paths").items():
            if not template.startswith("/"):
                continue
            try:
                router.add_route(template, object())
            except ValueError as error:
                self.findings.append((("paths", template), f"{template}: {error}"))
                continue
            for method in METHODS:
                if method in item and (operation := self._operation(template, method)) is not None:
                    yield (method.upper(), template), operation

    def _operation(self, template: str, method: str) -> Operation | None:
        path: Path = ("paths", template, method)
        label = f"{method.upper()} {template}"
        so_far = len(self.findings)
        raw: Any = follow(self._content, path)
        for where, problem in _unsupported(self._content, raw):
            self.findings.append(((*path, *where), f"{label}: {problem}"))
        shared = self._all_parameters(path[:-1], label)
        own = self._all_parameters(path, label)
        try:
            parameters = merge_parameters(shared, own)
        except ValueError as error:
            self._add(path, label, error)
        body = self._body((*path, "requestBody"), label) if "requestBody" in raw else None
        responses = {status: self._response((*path, "responses", status), label) for status in raw.get("responses", ())}
        if len(self.findings) > so_far:
            return None
        return Operation(
            operation_id=raw["operationId"],
            method=method.upper(),
            path=template,
            extensions={key: value for key, value in raw.items() if key.startswith("x-")},
            parameters=parameters,
            body=body,
            responses={status: rule for status, rule in responses.items() if rule is not None},
            needs_query=any(parameter.location == "query" for parameter in parameters),
        )

    def _add(self, path: Path, label: str, error: ValueError) -> None:
        """Note what is wrong at ``path``, or where the error itself says."""
        where = error.path if isinstance(error, UnsupportedError) else path
        own = where[:1] == ("paths",)
        self.findings.append((where, f"{label if own else to_pointer(where)}: {error}"))

    def _all_parameters(self, owner: Path, label: str) -> list[Parameter]:
        raw: Any = follow(self._content, owner)
        paths = ((*owner, "parameters", index) for index in range(len(raw.get("parameters", ()))))
        return [found for path in paths if (found := self._parameter(path, label)) is not None]

    def _parameter(self, path: Path, label: str) -> Parameter | None:
        path, _ = resolve(self._content, path)
        if path not in self._parameters:
            self._parameters[path] = None
            try:
                parameter = self._parameters[path] = compile_parameter(self._spec, self._at(path))
            except ValueError as error:
                self._add(path, label, error)
            else:
                # A responder would get what no client may send.
                if parameter.default is not MISSING and (wrong := parameter.validate(parameter.default)):
                    text = f"the default of '{parameter.name}' breaks its schema: {wrong[0].detail}"
                    self._add((*path, "schema", "default"), label, ValueError(text))
        return self._parameters[path]

    def _body(self, path: Path, label: str) -> RequestBody | None:
        path, _ = resolve(self._content, path)
        if path not in self._bodies:
            self._bodies[path] = None
            body = self._at(path)
            try:
                content = compile_content(self._spec, body / "content")
                self._bodies[path] = RequestBody((body / "required").read_bool(default=False), content)
            except ValueError as error:
                self._add(path, label, error)
        return self._bodies[path]

    def _response(self, path: Path, label: str) -> ResponseRule | None:
        path, _ = resolve(self._content, path)
        try:
            return self._responses.compile(self._at(path))
        except ValueError as error:
            self._add(path, label, error)
            return None

    def _at(self, path: Path) -> SchemaPath:
        place = self._spec
        for key in path:
            place /= key
        return place


def _unsupported(content: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    if "operationId" not in operation:
        yield (), "operationId is missing: generated clients and the log need a name"
    if "responses" not in operation:
        yield (), "responses are missing: nothing could be answered"
    if operation.get("security", content.get("security")):
        yield ("security",), "security is declared, but nothing enforces it yet"


def _members(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    members: Mapping[str, Any] = content.get(name, {})
    return members
