"""Compile the operations of a document, and collect what this engine does not enforce, each with its place."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema_path import SchemaPath

from tbg.contract.claims import merge_parameters, strict_query
from tbg.contract.document import Document
from tbg.contract.exceptions import UnsupportedError
from tbg.contract.media import compile_content
from tbg.contract.operations import Operation, RequestBody
from tbg.contract.parameters import Parameter, compile_parameter
from tbg.contract.pointers import Path, resolve, to_pointer, value_at
from tbg.contract.responses import ResponseRule, Responses
from tbg.contract.shapes import MISSING
from tbg.contract.structure import METHODS

type Findings = list[tuple[Path, str]]


def compile_operations(document: Document) -> tuple[dict[tuple[str, str], Operation], Findings]:
    """Compile every operation, by method and path, and list what asks for something that this engine does not enforce.

    Of a document with problems, operations that have none of these are looked at, so that everything is said at once.
    """
    compiler = _Compiler(document)
    wrong = [path for path, _ in document.problems if path]
    operations: dict[tuple[str, str], Operation] = {}
    for path in _operations(document.content):
        if not any(_overlap(path, each) for each in wrong):
            try:
                operation = compiler.compile(path)
            except Exception:  # what is refused anyway may hold anything
                if not wrong:
                    raise
                continue
            if operation is not None:
                operations[operation.method, operation.path] = operation
    return operations, [each for each in compiler.findings if not any(_overlap(each[0], path) for path in wrong)]


def _operations(content: Mapping[str, Any]) -> Iterator[Path]:
    items = content.get("paths")
    for template, item in items.items() if isinstance(items, dict) else ():
        if template.startswith("/") and isinstance(item, dict):
            yield from (("paths", template, method) for method in METHODS if method in item)


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


class _Compiler:
    """Compiles a document; what operations share is compiled once, and what is wrong with it is found once."""

    def __init__(self, document: Document) -> None:
        self.findings: list[tuple[Path, str]] = []
        self._content = document.content
        self._spec = document.spec
        self._responses = Responses(document.spec)
        self._parameters: dict[Path, Parameter | None] = {}
        self._bodies: dict[Path, RequestBody | None] = {}

    def compile(self, path: Path) -> Operation | None:
        """Return the operation at ``path``, or None: ``findings`` says why."""
        template, method = map(str, path[1:])
        label = f"{method.upper()} {template}"
        so_far = len(self.findings)
        raw: Any = value_at(self._content, path)
        for where, problem in _unsupported(self._content, raw):
            self.findings.append(((*path, *where), f"{label}: {problem}"))
        shared = self._all_parameters(path[:-1], label)
        own = self._all_parameters(path, label)
        parameters: tuple[Parameter, ...] = ()
        known = None
        try:
            parameters = merge_parameters(shared, own)
            known = strict_query(self._spec, raw, parameters)
        except ValueError as error:
            self._add(path, label, error)
        body = self._body((*path, "requestBody"), label) if "requestBody" in raw else None
        statuses = [status for status in raw.get("responses", ()) if not status.startswith("x-")]
        responses = {status: self._response((*path, "responses", status), label) for status in statuses}
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
            needs_query=known is not None or any(parameter.location == "query" for parameter in parameters),
            strict_query=known,
        )

    def _add(self, path: Path, label: str, error: ValueError) -> None:
        """Note what is wrong at ``path``, or where the error itself says."""
        where = error.path if isinstance(error, UnsupportedError) else path
        own = where[:1] == ("paths",)
        self.findings.append((where, f"{label if own else to_pointer(where)}: {error}"))

    def _all_parameters(self, owner: Path, label: str) -> list[Parameter]:
        raw: Any = value_at(self._content, owner)
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
