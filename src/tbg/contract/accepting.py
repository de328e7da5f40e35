"""Accept with jsonschema-rs, at a hundredth of the cost, what the judge would accept.

All schemas of a document are translated, keyword by keyword, into one schema for jsonschema-rs, which is compiled once:
``{<name>: value}`` is judged by the property called ``<name>``. What is translated means the same to both, in both
directions, or "not" and "oneOf" would turn it round; what jsonschema-rs is not exact about is asked of the judge's own
functions. Two things are not translated: patterns that need backtracking, and recursions in which every level would
double the work, for jsonschema-rs has neither a memory nor a budget.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
from jsonschema_rs import Draft202012Validator, RegexOptions

from tbg.contract.formats import FORMATS
from tbg.contract.keywords import CHECKS
from tbg.contract.patterns import Pattern, compile_pattern
from tbg.contract.recursion import Edges, Step, Way, components, is_ambiguous, reaching
from tbg.contract.references import DIALECTS, References, Schema

type Accept = Callable[[object], bool]

_SAME = frozenset(
    {
        *("type", "required", "dependentRequired", "minProperties", "maxProperties", "minItems", "maxItems"),
        *("minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
_COUNTS = frozenset({"minContains", "maxContains"})
_BRANCHED = frozenset({"allOf", "anyOf", "oneOf"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
_WORTH_ASKING = frozenset(
    {
        *_BRANCHED,
        *_NAMED,
        "enum",
        "const",
        "format",
        "pattern",
        "multipleOf",
        "uniqueItems",
        "contains",
        "$ref",
        "$dynamicRef",
        "items",
        "prefixItems",
        "additionalProperties",
        "if",
        "not",
    }
)
_EXACT = 2**53
"""Beyond, jsonschema-rs does not compare an integer with a double rightly."""


@attrs.define(eq=False)
class _Definition:
    """One schema of the document, translated.

    Attributes:
        edges: The definitions it applies, each with the step to it.
        reasons: Why jsonschema-rs cannot have it.
    """

    schema: Schema
    base: str
    translated: Schema = True
    edges: list[tuple[Way, str]] = attrs.field(factory=list)
    reasons: list[str] = attrs.field(factory=list)
    looks_again: bool = False


class _OfJudge:
    """A keyword of ours: one that the judge's own check decides; numbers reach it as they are."""

    def __init__(self, _parent: object, schema: Mapping[str, Any], _path: object) -> None:
        ((word, self._wanted),) = schema.items()
        self._check = CHECKS[word]

    def validate(self, value: object) -> None:
        if not self._check(self._wanted, value):
            raise ValueError


@attrs.define(eq=False)
class Acceptor:
    """Accepts the values of one schema.

    Attributes:
        accepts: Says True of what is known to be valid; False says nothing. What it cannot look at, such as half of a
            surrogate pair or a deeply nested value, it raises some exception of.
    """

    accepts: Accept


def _never(_value: object) -> bool:
    return False


class Acceptors:
    """What accepts the values of one document's schemas."""

    def __init__(self, references: References) -> None:
        self.patterns: dict[str, Pattern] = {}
        self._references = references
        self._names: dict[int, str] = {}
        self._kept: list[Schema] = []  # alive, or another one could get its id()
        self._definitions: dict[str, _Definition] = {}
        self._shared: dict[str, dict[str, Any]] = {}
        self._reasons: dict[str, list[str]] = {}
        self._told: dict[str, list[str]] | None = None
        self._compiled = 0
        self._usable: frozenset[str] = frozenset()
        self._is_valid: Accept = _never
        self._acceptors: dict[str, Acceptor] = {}

    def add(self, schema: Schema) -> str:
        """Take a schema of the document, and all that it refers to, in; return its name.

        Raises:
            ValueError: A reference points nowhere, a pattern or a schema cannot be judged rightly.
        """
        name = self._name(schema, self._references.base)
        pending = [each for each in self._definitions if each not in self._reasons]
        while pending:
            for each in pending:
                self._reasons[each] = self._definitions[each].reasons
                _Translation(self, self._definitions[each]).run()
            pending = [each for each in self._definitions if each not in self._reasons]
        return name

    def compile(self) -> None:
        """Compile what was added, once for all.

        Raises:
            ValueError: A schema cannot be judged rightly.
        """
        self._told, self._compiled = None, len(self._definitions)
        bad = {name for name, found in self._reasons.items() if found}
        edges = self._edges()
        for component in components(edges):
            if is_ambiguous(component, edges) or any(self._definitions[name].looks_again for name in component):
                for name in component:
                    self._reasons[name].append("it refers to itself in several ways for the same part of a value")
                bad.update(component)
        self._usable = frozenset(self._definitions.keys() - reaching(bad, edges))
        schemas = {name: self._definitions[name].translated for name in self._usable}
        self._is_valid = self._engine({"properties": {name: {"$ref": f"#/$defs/{name}"} for name in schemas}}, schemas)
        for name, acceptor in self._acceptors.items():
            acceptor.accepts = self._acceptor(name)

    def _engine(self, schema: dict[str, Any], schemas: Mapping[str, Schema]) -> Accept:
        return Draft202012Validator(
            schema | {"$defs": schemas | self._shared},
            validate_formats=True,
            keywords={"ofJudge": _OfJudge},
            pattern_options=RegexOptions(),  # in linear time
        ).is_valid

    def _acceptor(self, name: str) -> Accept:
        if name not in self._usable:
            return _never
        definition = self._definitions[name]
        if (
            not definition.edges
            and isinstance(definition.translated, dict)
            and "properties" not in definition.translated
        ):
            return self._engine(
                definition.translated, {}
            )  # of a number or a text, finding the property is half the work
        is_valid = self._is_valid
        return lambda value: is_valid({name: value})

    def acceptor(self, name: str) -> "Acceptor":
        """Return what accepts the values of the schema called ``name``."""
        return self._acceptors.setdefault(name, Acceptor(self._compile_then(name)))

    def _compile_then(self, name: str) -> Accept:
        def accepts(value: object) -> bool:
            self.compile()
            return self._acceptors[name].accepts(value)

        return accepts

    def ask(self, schema: Schema, value: object) -> bool | None:
        """Say whether ``schema``, which stands somewhere in the document, accepts a value; None if that is not known."""
        name = self._names.get(id(schema))
        if name is None or name not in self._usable:
            return None
        try:
            return self._is_valid({name: value})
        except Exception:  # noqa: BLE001 - as above
            return None

    def reasons(self, name: str) -> list[str]:
        """Say why the schema called ``name`` has no acceptor."""
        if self._told is None:
            self._told = {}
            edges = self._edges()
            for each, found in self._reasons.items():
                for caller in reaching([each], edges) if found else ():
                    self._told.setdefault(caller, []).extend(found)
        return self._told.get(name, [])

    @property
    def is_compiled(self) -> bool:
        """Whether nothing was added since all was compiled."""
        return len(self._definitions) == self._compiled

    def _edges(self) -> Edges:
        return {name: definition.edges for name, definition in self._definitions.items()}

    def _name(self, schema: Schema, base: str) -> str:
        name = self._names.get(id(schema))
        if name is None:
            self._kept.append(schema)
            if isinstance(schema, dict) and schema.keys() == {"$ref"} and isinstance(schema["$ref"], str):
                target = self._references.resolve(schema["$ref"], base)
                self._references.targets[id(schema)] = target.schema
                if target.schema is not schema:
                    name = self._names[id(schema)] = self._name(target.schema, target.base)
                    return name
            name = self._names[id(schema)] = str(len(self._definitions))
            self._definitions[name] = _Definition(schema, base)
        return name


@attrs.define(eq=False)
class _Translation:
    """The translation of one definition for jsonschema-rs."""

    _acceptors: Acceptors
    _definition: _Definition

    def run(self) -> None:
        try:
            self._definition.translated = self._translate(self._definition.schema, self._definition.base, Way())
        except (AttributeError, TypeError, KeyError) as error:
            raise ValueError(f"a schema is not one: {error}") from error

    def _translate(self, schema: Schema, base: str, way: Way) -> Schema:
        if isinstance(schema, bool):
            return schema
        if (dialect := schema.get("$schema", "https://json-schema.org/draft/2020-12/schema")) not in DIALECTS:
            raise ValueError(f"the dialect {dialect} is not supported: only that of OpenAPI 3.1 is")
        base = self._acceptors._references.within(schema, base)  # noqa: SLF001 - two halves of one thing
        translated: dict[str, Any] = {}
        several: list[Schema] = []
        for word, wanted in schema.items():
            if word in _SAME:
                if isinstance(wanted, int | float) and abs(wanted) > _EXACT:
                    several.append(_outer_bound(word, wanted))
                else:
                    translated[word] = list(dict.fromkeys(wanted)) if word == "required" else _as_integer(wanted)
            else:
                self._add(translated, several, word, schema, base, way)
        if several:
            translated["allOf"] = several
        return translated

    def _add(  # noqa: PLR0913, PLR0917, C901, PLR0912 - one keyword after the other
        self,
        translated: dict[str, Any],
        several: list[Schema],
        word: str,
        schema: dict[str, Any],
        base: str,
        way: Way,
    ) -> None:
        wanted = schema[word]
        match word:
            case "$ref" | "$dynamicRef":
                several.append({"$ref": self._refer(word, schema, base, way)})
            case "allOf":
                several.extend(self._translate(inner, base, way) for inner in wanted)
            case "anyOf" | "oneOf":
                several.append({word: self._branches(wanted, base, way)})
            case "not":
                several.append({word: self._apart(wanted, base, way)})
            case "if":
                translated |= {
                    each: self._apart(schema[each], base, way) for each in ("if", "then", "else") if each in schema
                }
            case "properties":
                translated[word] = {
                    name: self._translate(inner, base, way.into(Step("property", frozenset([name]))))
                    for name, inner in wanted.items()
                }
            case "patternProperties":
                translated[word] = self._by_pattern(wanted, base, way)
            case "dependentSchemas":
                translated[word] = {name: self._translate(inner, base, way) for name, inner in wanted.items()}
            case "additionalProperties":
                names = () if "patternProperties" in schema else schema.get("properties", ())
                translated[word] = self._apart(wanted, base, way.into(Step("properties", frozenset(names))))
            case "items":
                translated[word] = self._apart(wanted, base, way.into(Step("items")))
            case "prefixItems":
                translated[word] = [
                    self._translate(inner, base, way.into(Step("item", frozenset([str(index)]))))
                    for index, inner in enumerate(wanted)
                ]
            case "contains":
                translated[word] = self._apart(wanted, base, way.into(Step("items")))
                translated |= {each: _as_integer(schema[each]) for each in _COUNTS & schema.keys()}
            case "propertyNames":
                translated[word] = self._apart(wanted, base, way.into(Step("name")))
            case "unevaluatedItems" | "unevaluatedProperties":
                self._definition.looks_again = True
                kind = "items" if word == "unevaluatedItems" else "properties"
                translated[word] = self._translate(wanted, base, way.into(Step(kind)))
            case "pattern":
                several.append(self._pattern(wanted))
            case "format":
                several.append(self._format(wanted))
            case "multipleOf":
                several.append(_multiple(wanted))
            case "enum" | "const":
                if _are_plain(word, wanted):
                    translated[word] = wanted
                else:
                    several.append({"ofJudge": {word: wanted}})
            case "uniqueItems":
                if wanted and self._is_of_text(schema, base):
                    translated[word] = True
                elif wanted:
                    several.append({"ofJudge": {word: True}})

    def _refer(self, word: str, schema: dict[str, Any], base: str, way: Way) -> str:
        references = self._acceptors._references  # noqa: SLF001 - two halves of one thing
        if word == "$dynamicRef":
            if "$ref" in schema:
                raise ValueError("$dynamicRef beside $ref is not supported: put both into allOf")
            if references.dynamic_anchors:
                raise ValueError("$dynamicRef among several schemas of one $dynamicAnchor is not supported")
        target = references.resolve(schema[word], base)
        references.targets[id(schema)] = target.schema
        name = self._acceptors._name(target.schema, target.base)  # noqa: SLF001 - the same
        self._definition.edges.append((way, name))
        return f"#/$defs/{name}"

    def _apart(self, schema: Schema, base: str, way: Way) -> Schema:
        """Make a definition of its own of what is asked about by itself."""
        if not isinstance(schema, dict) or _WORTH_ASKING.isdisjoint(schema):
            return self._translate(schema, base, way)
        name = self._acceptors._name(schema, base)  # noqa: SLF001 - the same
        self._definition.edges.append((way, name))
        return {"$ref": f"#/$defs/{name}"}

    def _branches(self, branches: list[Schema], base: str, way: Way) -> list[Schema]:
        """Translate the branches of a union; those that a property tells apart are only looked into if it fits.

        It changes no verdict, for they want that property themselves, but in a recursion only one of them goes on.
        """
        tags = self._tags(branches, base)
        return [
            {"if": {"required": [tags[index][0]], "properties": {tags[index][0]: {"const": tags[index][1]}}}}
            | {"then": self._apart(inner, base, way.guarded(id(branches), tags[index])), "else": False}
            if index in tags
            else self._apart(inner, base, way)
            for index, inner in enumerate(branches)
        ]

    def _tags(self, branches: list[Schema], base: str) -> dict[int, tuple[str, str]]:
        """Return by index the required property and its constant, for the property that most branches have."""
        found: dict[str, dict[int, str]] = {}
        for index, branch in enumerate(branches):
            for name, constant in self._constants(branch, base):
                found.setdefault(name, {})[index] = constant
        name = max(found, key=lambda each: len(set(found[each].values())), default="")
        return {index: (name, constant) for index, constant in found.get(name, {}).items()}

    def _constants(self, branch: Schema, base: str) -> Iterator[tuple[str, str]]:
        if isinstance(branch, dict) and isinstance(branch.get("$ref"), str) and len(branch) == 1:
            branch = self._acceptors._references.resolve(branch["$ref"], base).schema  # noqa: SLF001 - the same
        if isinstance(branch, dict) and "properties" in branch:
            for name in branch.get("required", ()):
                inner = branch["properties"].get(name)
                if not isinstance(inner, dict):
                    continue
                values = [inner["const"]] if "const" in inner else inner.get("enum", ())
                if len(values) == 1 and isinstance(values[0], str):
                    yield name, values[0]

    def _by_pattern(self, wanted: dict[str, Schema], base: str, way: Way) -> dict[str, Schema]:
        found: dict[str, list[Schema]] = {}
        for pattern, inner in wanted.items():
            translated = self._apart(inner, base, way.into(Step("properties")))
            compiled = self._compiled(pattern)
            if compiled.native is None or compiled.is_bounded:
                self._need_backtracking(pattern)
            else:
                found.setdefault(compiled.native, []).append(translated)
        return {pattern: {"allOf": several} for pattern, several in found.items()}

    def _compiled(self, pattern: str) -> Pattern:
        patterns = self._acceptors.patterns
        if pattern not in patterns:
            patterns[pattern] = compile_pattern(pattern)
        return patterns[pattern]

    def _need_backtracking(self, pattern: str) -> None:
        self._definition.reasons.append(f"the pattern {pattern[:100]} needs an engine that backtracks")

    def _pattern(self, pattern: str) -> Schema:
        compiled = self._compiled(pattern)
        if compiled.native is None:
            self._need_backtracking(pattern)
            return True
        bounds = {"minLength": compiled.shortest, "maxLength": compiled.longest}
        return {"pattern": compiled.native} | {word: bound for word, bound in bounds.items() if bound}

    def _format(self, name: str) -> Schema:
        if name not in FORMATS:
            return True
        self._acceptors._shared[f"format-{name}"] = FORMATS[name]  # noqa: SLF001 - two halves of one thing
        return {"$ref": f"#/$defs/format-{name}"}

    def _is_of_text(self, schema: Mapping[str, Any], base: str) -> bool:
        """Tell whether all items must be text, which is the same for everyone; large numbers are not."""
        items = schema.get("items")
        if isinstance(items, dict) and isinstance(items.get("$ref"), str):
            items = self._acceptors._references.resolve(items["$ref"], base).schema  # noqa: SLF001 - the same
        return isinstance(items, dict) and items.get("type") == "string" and "prefixItems" not in schema


def _outer_bound(word: str, bound: float) -> Schema:
    """Let the judge compare with a bound that is so large that jsonschema-rs would round."""
    asked: Schema = {"ofJudge": {word: bound}}
    is_upper = word.lower().endswith("maximum")
    if is_upper != (bound > 0):
        return asked
    return {"anyOf": [{word: _EXACT if is_upper else -_EXACT}, asked]}


def _multiple(wanted: float) -> Schema:
    """Leave huge numbers to the judge: jsonschema-rs writes all their digits out."""
    usual = {"multipleOf": _as_integer(wanted), "minimum": -_EXACT, "maximum": _EXACT}
    return {"anyOf": [usual, {"ofJudge": {"multipleOf": wanted}}]}


def _as_integer(value: object) -> object:
    """Write ``1.0`` as an integer, which is compared several times faster."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _are_plain(word: str, wanted: object) -> bool:
    """Tell whether both compare all of them alike: text, true, false, null and integers of a usual size."""
    literals = wanted if word == "enum" and isinstance(wanted, list) else [wanted]
    return all(
        literal is None or isinstance(literal, str) or (isinstance(literal, int) and abs(literal) < _EXACT)
        for literal in literals
    )
