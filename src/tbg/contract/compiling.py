"""Compile the operations of a document, and collect what this engine does not enforce, each with its place."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain, count
from typing import Any

import attrs
from jsonschema_path import SchemaPath

from tbg.contract.claims import merge_parameters, strict_query
from tbg.contract.document import Document
from tbg.contract.exceptions import UnsupportedError
from tbg.contract.media import compile_content
from tbg.contract.operations import Operation, RequestBody
from tbg.contract.parameters import Parameter, compile_parameter
from tbg.contract.pointers import Path, resolve, to_pointer, value_at
from tbg.contract.responses import ResponseRule, Responses
from tbg.contract.schemas import schemas_of
from tbg.contract.shapes import MISSING
from tbg.contract.structure import METHODS

type Findings = list[tuple[Path, str]]


def compile_operations(document: Document) -> tuple[dict[tuple[str, str], Operation], Findings]:
    """Compile every operation, by method and path, and list what asks for something that this engine does not enforce.

    Of a document with problems, operations that have none of these are looked at, so that everything is said at once.
    """
    compiler = _Compiler(document)
    suspects = document.suspects()
    operations: dict[tuple[str, str], Operation] = {}
    for path in _operations(document.content):
        if path not in suspects and (*path[:-1], "parameters") not in suspects:
            operation = compiler.compile(path)
            if operation is not None:
                operations[operation.method, operation.path] = operation
    return operations, [each for each in compiler.findings if each[0] not in suspects]


def _operations(content: Mapping[str, Any]) -> Iterator[Path]:
    items = content.get("paths")
    for template, item in items.items() if isinstance(items, dict) else ():
        if template.startswith("/") and isinstance(item, dict):
            yield from (("paths", template, method) for method in METHODS if method in item)


class _Compiler:
    """Compiles a document; what operations share is compiled once, and what is wrong with it is found once."""

    def __init__(self, document: Document) -> None:
        self.findings: list[tuple[Path, str]] = []
        self._content = document.content
        self._spec = document.spec
        self._responses = Responses(document.spec)
        operations = (value_at(document.content, path) for path in _operations(document.content))
        self._names = {each.get("operationId") for each in operations if isinstance(each, dict)}
        self._parameters: dict[Path, Parameter | None] = {}
        self._bodies: dict[Path, RequestBody | None] = {}

    def compile(self, path: Path) -> Operation | None:
        """Return the operation at ``path``, or None: ``findings`` says why."""
        template, method = map(str, path[1:])
        label = f"{method.upper()} {template}"
        so_far = len(self.findings)
        raw: Any = value_at(self._content, path)
        self.findings.extend(_unsupported(self._content, path, label))
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
            operation_id=raw.get("operationId") or self._name(method, template),
            method=method.upper(),
            path=template,
            extensions={key: value for key, value in raw.items() if key.startswith("x-")},
            parameters=parameters,
            body=body,
            responses={status: rule for status, rule in responses.items() if rule is not None},
            needs_query=known is not None or any(parameter.location == "query" for parameter in parameters),
            strict_query=known,
        )

    def _name(self, method: str, template: str) -> str:
        """Return a name for an operation without one (it is optional): ``GET /a/{id} -> get_a_id``."""
        name = re.sub(r"[^A-Za-z0-9]+", "_", f"{method}{template}").strip("_")
        names = chain([name], (f"{name}_{number}" for number in count(2)))
        free = next(each for each in names if each not in self._names)
        self._names.add(free)
        return free

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
                self._parameters[path] = self._with_default(path, compile_parameter(self._spec, self._at(path)))
            except ValueError as error:
                self._add(path, label, error)
        return self._parameters[path]

    def _with_default(self, path: Path, parameter: Parameter) -> Parameter:
        """Leave out a default that breaks its schema, which `tbg check` tells: no code expects such a value."""
        if parameter.default is MISSING:
            return parameter
        raw: Any = value_at(self._content, path)
        broken = "schema" in raw and schemas_of(self._spec).judge(raw["schema"], parameter.default)
        return attrs.evolve(parameter, default=MISSING) if broken else parameter

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


def _unsupported(content: Mapping[str, Any], path: Path, label: str) -> Iterator[tuple[Path, str]]:
    operation: Any = value_at(content, path)
    if "responses" not in operation:
        yield path, f"{label}: responses are missing: nothing could be answered"
    if operation.get("security"):
        yield (*path, "security"), f"{label}: security is declared, but nothing enforces it yet"
    elif "security" not in operation and content.get("security"):
        yield ("security",), "/security: security is declared, but nothing enforces it yet"
