"""Accept with jsonschema-rs, at a hundredth of the cost, what openapi-core would accept.

openapi-core stays the judge. An acceptor says either that the judge would accept a value or nothing at all, and then
the judge is asked. So a schema is translated keyword by keyword, and only into what both judge alike: formats and
patterns that a native expression does not accept are left to the judge's own functions. A schema with anything else in
it has no acceptor. Nor has a recursive one, for on deeply nested values the judge's verdict is that they are.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from jsonschema.protocols import Validator
from jsonschema_rs import Draft202012Validator, RegexOptions
from openapi_schema_validator._regex import has_ecma_regex
from referencing.exceptions import Unresolvable

from tbg.contract.expressions import native
from tbg.contract.formats import FORMATS, format_checker
from tbg.contract.validators import JUDGE

Accepts = Callable[[object], bool]
"""Say True of what the judge would accept; False says nothing."""

type _Schema = dict[str, Any] | bool

_SAME = frozenset(
    {
        *("type", "required", "dependentRequired", "minProperties", "maxProperties", "minItems", "maxItems"),
        *("minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
_ANNOTATIONS = frozenset(
    {
        *("title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly", "$comment"),
        *("contentMediaType", "contentEncoding", "externalDocs", "xml"),
    }
)
_EXACT = 2**53  # beyond, not everyone compares an integer with a double rightly


def acceptor(validator: Validator) -> Accepts:
    """Build the acceptor of the judge's ``validator``; without one, it never says anything."""
    if type(validator) is not JUDGE or has_ecma_regex():
        return never
    translation = _Translation()
    try:
        is_valid = translation.compile(validator).is_valid
    except (_UntranslatableError, Unresolvable, ValueError):  # ValueError: an expression that is too large
        return never

    def accepts(value: object) -> bool:
        try:
            return is_valid(value)
        except Exception:  # noqa: BLE001 - what it cannot look at, such as bytes or half of a surrogate pair, is the judge's
            return False

    return accepts


def never(_value: object) -> bool:
    """Say nothing about any value: the acceptor of a schema that has none."""
    return False


class _UntranslatableError(Exception):
    """The schema holds what is not known to be judged alike."""


class _OfJudge:
    """A keyword of ours: a schema that the judge itself is asked about; numbers reach it as they are."""

    def __init__(self, _parent: object, schema: Mapping[str, Any], _path: object) -> None:
        self._validator = JUDGE(schema, format_checker=format_checker)

    def validate(self, value: object) -> None:
        self._validator.validate(value)


class _Translation:
    """One schema, and all that it refers to, for jsonschema-rs."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._definitions: dict[str, _Schema] = {}
        self._formats: dict[str, Callable[[str], bool]] = {}

    def compile(self, validator: Validator) -> Draft202012Validator:
        """Translate and compile.

        Raises:
            _UntranslatableError: Some keyword may be judged differently.
        """
        schema = self._translate(validator.schema, validator._resolver)  # type: ignore[attr-defined]  # noqa: SLF001 - the one it resolves references with
        return Draft202012Validator(
            {"allOf": [schema], "$defs": self._definitions},
            formats=self._formats,
            validate_formats=True,
            keywords={"ofJudge": _OfJudge},
            pattern_options=RegexOptions(),  # in linear time
        )

    def _translate(self, schema: object, resolver: Any) -> _Schema:  # noqa: ANN401 - referencing's
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            raise _UntranslatableError
        translated: dict[str, Any] = {"allOf": [True]}
        for keyword, value in schema.items():
            if isinstance(value, int | float) and keyword in _SAME and abs(value) > _EXACT:
                translated["allOf"].append(_outer_bound(keyword, value))
            elif keyword in _SAME:
                translated[keyword] = _as_integer(value)
            elif keyword not in _ANNOTATIONS and not keyword.startswith("x-"):
                self._add(translated, keyword, schema, resolver)
        return translated

    def _add(self, translated: dict[str, Any], keyword: str, schema: Mapping[str, Any], resolver: Any) -> None:  # noqa: ANN401 - referencing's
        value = schema[keyword]
        match keyword:
            case "$ref":
                translated[keyword] = self._refer(value, resolver)
            case "properties":
                translated[keyword] = {name: self._translate(child, resolver) for name, child in value.items()}
            case "items" | "additionalProperties":
                translated[keyword] = self._translate(value, resolver)
            case "allOf" | "anyOf" | "oneOf":
                translated["allOf"].append({keyword: [self._translate(child, resolver) for child in value]})
            case "pattern":
                translated["allOf"].append(self._pattern(value))
            case "format":
                translated["allOf"].append(dict(FORMATS.get(value, {})))
            case "enum" | "const":
                translated[keyword] = _literals(keyword, value)
            case "uniqueItems":
                translated[keyword] = value and _of_text(schema, resolver)
            case _:
                raise _UntranslatableError(keyword)

    def _refer(self, reference: str, resolver: Any) -> str:  # noqa: ANN401 - referencing's
        found = resolver.lookup(reference)
        name = self._names.setdefault(id(found.contents), str(len(self._names)))
        if name not in self._definitions:
            self._definitions[name] = _OPEN
            self._definitions[name] = self._translate(found.contents, found.resolver)
        elif self._definitions[name] is _OPEN:
            raise _UntranslatableError("recursive")
        return f"#/$defs/{name}"

    def _pattern(self, pattern: str) -> _Schema:
        try:
            search = re.compile(pattern).search
        except re.error:
            raise _UntranslatableError from None
        self._formats[f"pattern {pattern}"] = lambda text: search(text) is not None
        return _first(native(pattern), f"pattern {pattern}")


_OPEN: dict[str, Any] = {}


def _first(expression: str | None, name: str) -> _Schema:
    """Accept what the native ``expression`` matches; the judge's own function, called ``name``, decides on the rest."""
    asked = {"format": name}
    return asked if expression is None else {"anyOf": [{"pattern": expression}, asked]}


def _outer_bound(keyword: str, value: float) -> _Schema:
    """Let the judge compare with a bound that is so large that jsonschema-rs would round."""
    is_upper = keyword.lower().endswith("maximum")
    if is_upper != (value > 0):
        raise _UntranslatableError(keyword)
    return {"anyOf": [{keyword: _EXACT if is_upper else -_EXACT}, {"ofJudge": {keyword: value}}]}


def _as_integer(value: object) -> object:
    """Write ``1.0`` as an integer, which is compared several times faster."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _literals(keyword: str, value: object) -> object:
    """Return what both compare alike: text, true, false, null and integers of a usual size."""
    for literal in value if keyword == "enum" and isinstance(value, list) else [value]:
        is_small = isinstance(literal, int) and abs(literal) < _EXACT
        if not (is_small or literal is None or isinstance(literal, str)):
            raise _UntranslatableError(keyword)
    return value


def _of_text(schema: Mapping[str, Any], resolver: Any) -> bool:  # noqa: ANN401 - referencing's
    """Say True if all items must be text, which is the same for everyone; large numbers are not."""
    items = schema.get("items")
    if isinstance(items, dict) and "$ref" in items:
        items = resolver.lookup(items["$ref"]).contents
    if not isinstance(items, dict) or items.get("type") != "string":
        raise _UntranslatableError("uniqueItems")
    return True
