"""What makes a joined document no OpenAPI 3.1, or one that means nothing: each mistake once, with its path.

The official schema says what an object must look like (``official.py``). What it cannot say is here: references and
where they lead, names that must be unique, templates and their parameters, dialects.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tbg.contract.bundling import Bundle, Reference
from tbg.contract.official import DIALECTS, nonconformities
from tbg.contract.pointers import Path, resolve, to_pointer, value_at
from tbg.contract.router import Router
from tbg.contract.structure import METHODS, kind_at

type Findings = Iterator[tuple[Path, str]]

_VERSION = re.compile(r"3\.1\.[0-9]+(-.+)?")
_TEMPLATE_LENGTH = 2
_IN_PLACE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})


def unknown(content: object) -> tuple[Path, str] | None:
    """Say why ``content`` is no document of OpenAPI 3.1 at all, or None: it is one, right or wrong."""
    if not isinstance(content, dict):
        return (), "it is empty, or not a mapping at the top"
    version = str(content.get("openapi", "missing"))
    return None if _VERSION.fullmatch(version) else (("openapi",), f"openapi: must be 3.1.x, not {version}")


def problems(content: dict[str, Any], bundle: Bundle) -> Findings:
    """List what is wrong with ``content``, the document of ``bundle``, with the path of each."""
    yield from bundle.problems
    for path, problem in _all(content, bundle):
        is_template = len(path) == _TEMPLATE_LENGTH and path[0] == "paths"
        yield path, f"{path[1] if is_template else to_pointer(path) or '/'}: {problem}"


def _all(content: dict[str, Any], bundle: Bundle) -> Findings:
    references = bundle.references
    yield from nonconformities(content)
    yield from _references(content, references)
    yield from _dialects(content, bundle.dialects)
    circles = list(_circles(references))
    yield from circles
    if not circles:
        yield from _operations(content)


def _references(content: dict[str, Any], references: Iterable[Reference]) -> Findings:
    """Find references to what is something else than is expected there."""
    judged: set[tuple[str, Path]] = set()
    for reference in references:
        found = kind_at(reference.target)
        if found == reference.kind or (reference.kind, reference.target) in judged:
            continue
        judged.add((reference.kind, reference.target))
        if found is not None:
            yield (
                reference.path,
                f"$ref '{reference.text}': {_named(reference.kind)} must stand there, not {_named(found)}",
            )
            continue
        try:  # nothing says what stands there: an extension, say
            yield from nonconformities(value_at(content, reference.target), reference.kind, reference.target)
        except (LookupError, TypeError):
            continue  # which the bundle has said


def _named(kind: str) -> str:
    name = kind.strip("{}[]").replace("_", " ")
    return f"{'several of ' if kind[0] in '{[' else ''}a {name}" if name[0] not in "aeio" else f"an {name}"


def _circles(references: Iterable[Reference]) -> Findings:
    """Find references that lead back to themselves without a step into the value: nothing could be judged by them."""
    below: dict[Path, list[Reference]] = defaultdict(list)
    for reference in references:
        path = reference.path
        below[path].append(reference)
        while (shorter := _without_step(path)) is not None:
            path = shorter
            below[path].append(reference)
    finished: set[Path] = set()
    for start in list(below):
        yield from _circle_from(start, below, finished)


def _without_step(path: Path) -> Path | None:
    """Return the schema whose branch ``path`` is, so that both judge the same value; None if it is no branch."""
    if path and path[-1] in {"not", "if", "then", "else"}:
        return path[:-1]
    if len(path) > 1 and path[-2] in _IN_PLACE:
        return path[:-2]
    return None


def _circle_from(start: Path, below: dict[Path, list[Reference]], finished: set[Path]) -> Findings:
    on_the_way: set[Path] = set()
    stack: list[tuple[Path, Iterator[Reference]]] = [(start, iter(below[start]))]
    on_the_way.add(start)
    while stack:
        path, rest = stack[-1]
        reference = next(rest, None)
        if reference is None:
            stack.pop()
            on_the_way.discard(path)
            finished.add(path)
        elif reference.target in on_the_way:
            yield reference.path, f"$ref '{reference.text}' leads back to itself"
        elif reference.target not in finished and reference.target in below:
            on_the_way.add(reference.target)
            stack.append((reference.target, iter(below[reference.target])))


def _dialects(content: dict[str, Any], dialects: Mapping[Path, object]) -> Findings:
    declared = {(*path, "$schema"): dialect for path, dialect in dialects.items()}
    if "jsonSchemaDialect" in content:
        declared["jsonSchemaDialect",] = content["jsonSchemaDialect"]
    for path, dialect in declared.items():
        if isinstance(dialect, str) and dialect.rstrip("#") not in DIALECTS:
            yield path, f"schemas can be written in {' or '.join(DIALECTS)} only, not in {dialect}"


def _operations(content: dict[str, Any]) -> Findings:
    names: Counter[str] = Counter()
    router = Router()
    for template, item in _mapping(content.get("paths")).items():
        if template.startswith("/"):
            try:
                router.add_route(template, object())
            except ValueError as error:
                yield ("paths", template), str(error)
            else:
                yield from _parameters(content, template, _mapping(item))
    for path, operation in _every_operation(content):
        name = operation.get("operationId")
        if isinstance(name, str):
            if names[name] == 1:
                yield (*path, "operationId"), f"'{name}' is the operationId of another operation, too"
            names[name] += 1


def _every_operation(content: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    pending: list[tuple[Path, Any]] = [
        ((group, name), item) for group in ("paths", "webhooks") for name, item in _mapping(content.get(group)).items()
    ]
    for path, item in pending:
        for method in METHODS:
            operation = _mapping(_mapping(item).get(method))
            if operation:
                yield (*path, method), operation
            for name, callback in _mapping(operation.get("callbacks")).items():
                pending.extend(
                    ((*path, method, "callbacks", name, expression), inner)
                    for expression, inner in _mapping(callback).items()
                )


def _parameters(content: dict[str, Any], template: str, item: dict[str, Any]) -> Findings:
    """Hold the parameters of a path against its template and each other (OpenAPI 3.1.1, sections 4.8.8, 4.8.12)."""
    wanted = dict.fromkeys(re.findall(r"\{([^{}]*)\}", template))
    owners: list[Path] = [("paths", template), *(("paths", template, method) for method in METHODS if method in item)]
    declared: list[set[str]] = []
    for owner in owners:
        parameters = list(_declared(content, owner))
        declared.append({name for _, location, name in parameters if location == "path"})
        seen: set[tuple[str, str]] = set()
        for path, location, name in parameters:
            key = (location, name.lower() if location == "header" else name)
            if key in seen:
                yield path, f"the {location} parameter '{name}' stands twice"
            elif location == "path" and name not in wanted:
                yield path, f"the path parameter '{name}' is not in the path"
            seen.add(key)
    for name in wanted:
        lacking = [owner for owner, names in zip(owners[1:], declared[1:], strict=True) if name not in names]
        if lacking and name not in declared[0]:
            yield lacking[0], f"the path parameter '{name}' is not declared"


def _declared(content: dict[str, Any], owner: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield the parameters of a path or an operation: place, location, name."""
    parameters = _mapping(value_at(content, owner)).get("parameters")
    for index in range(len(parameters) if isinstance(parameters, list) else 0):
        path = (*owner, "parameters", index)
        parameter = _resolved(content, path)
        name, location = parameter.get("name"), parameter.get("in")
        if isinstance(name, str) and isinstance(location, str):
            yield path, location, name


def _resolved(content: dict[str, Any], path: Path) -> dict[str, Any]:
    try:
        return _mapping(resolve(content, path)[1])
    except KeyError:
        return {}  # which the bundle has said


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
