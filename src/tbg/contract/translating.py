"""Write the schemas of a document for jsonschema-rs, keyword by keyword.

What is written means the same to it and to the judge, in both directions, or "not" and "oneOf" would turn it round;
what jsonschema-rs is not exact about is asked of the judge's own checks (``ofJudge``). Two things cannot be had:
patterns that need backtracking, and recursions in which every level would double the work.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from tbg.contract.formats import FORMATS
from tbg.contract.official import DIALECTS
from tbg.contract.patterns import Pattern, compile_pattern
from tbg.contract.recursion import Edges, Step, Way
from tbg.contract.references import References, Schema

_SAME = frozenset(
    {
        *("type", "required", "dependentRequired", "minProperties", "maxProperties", "minItems", "maxItems"),
        *("minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
_COUNTS = frozenset({"minContains", "maxContains"})
_BRANCHED = frozenset({"allOf", "anyOf", "oneOf"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
_APPLIED = frozenset(
    {
        *(*_BRANCHED, *_NAMED, "$ref", "$dynamicRef", "not", "if", "additionalProperties", "items", "prefixItems"),
        *("contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties", "pattern", "format", "multipleOf"),
        *("enum", "const", "uniqueItems"),
    }
)
_ALONE = frozenset({"$ref", "anyOf", "oneOf", "not", "pattern", "minLength", "maxLength", "format", "ofJudge"})
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
class Definition:
    """One schema of the document, translated.

    Attributes:
        edges: The definitions it applies, each with the step to it.
        reasons: Why jsonschema-rs cannot have it.
        looks_again: Whether it judges parts of the value by what else has looked at them.
    """

    schema: Schema
    base: str
    translated: Schema = True
    edges: list[tuple[Way, str]] = attrs.field(factory=list)
    reasons: list[str] = attrs.field(factory=list)
    looks_again: bool = False


class Translator:
    """The schemas of one document, written for jsonschema-rs.

    Attributes:
        definitions: By name.
        formats: The same of the formats that they ask for.
        patterns: Compiled, by what the contract writes.
    """

    def __init__(self, references: References) -> None:
        self.definitions: dict[str, Definition] = {}
        self.formats: dict[str, dict[str, Any]] = {}
        self.patterns: dict[str, Pattern] = {}
        self._references = references
        self._names: dict[int, str] = {}
        self._pending: list[Definition] = []
        self._kept: list[Schema] = []  # alive, or another one could get its id()
        self._definition = Definition({}, "")

    def add(self, schema: Schema) -> str:
        """Take a schema of the document, and all that it refers to, in; return its name.

        Raises:
            NothingThereError: A reference leads nowhere.
            ValueError: A pattern or a schema cannot be judged rightly.
        """
        name = self._name(schema, self._references.base)
        while self._pending:
            self._write(self._pending.pop())
        return name

    @property
    def edges(self) -> Edges:
        """Which definitions apply which."""
        return {name: definition.edges for name, definition in self.definitions.items()}

    def name_of(self, schema: Schema) -> str | None:
        """Return the name of a schema that was added, or is asked about by itself; None if it has none."""
        return self._names.get(id(schema))

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
            name = self._names[id(schema)] = str(len(self.definitions))
            self.definitions[name] = Definition(schema, base)
            self._pending.append(self.definitions[name])
        return name

    def _write(self, definition: Definition) -> None:
        self._definition = definition
        try:
            definition.translated = self._translate(definition.schema, definition.base, Way())
        except (AttributeError, TypeError, KeyError) as error:
            raise ValueError(f"a schema is not one: {error}") from error

    def _translate(self, schema: Schema, base: str, way: Way) -> Schema:
        if isinstance(schema, bool):
            return schema
        if (dialect := schema.get("$schema", "https://json-schema.org/draft/2020-12/schema")) not in DIALECTS:
            raise ValueError(f"the dialect {dialect} is not supported: only that of OpenAPI 3.1 is")
        base = self._references.within(schema, base)
        translated: dict[str, Any] = {}
        several: list[Schema] = []
        for word, wanted in schema.items():
            if word in _SAME:
                if isinstance(wanted, int | float) and abs(wanted) > _EXACT:
                    several.append(_outer_bound(word, wanted))
                else:
                    translated[word] = list(dict.fromkeys(wanted)) if word == "required" else _as_integer(wanted)
            elif word in _APPLIED:
                self._add(translated, several, word, schema, base, way)
        return _united(translated, several)

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
        references = self._references
        if word == "$dynamicRef":
            if "$ref" in schema:
                raise ValueError("$dynamicRef beside $ref is not supported: put both into allOf")
            if references.dynamic_anchors:
                raise ValueError("$dynamicRef among several schemas of one $dynamicAnchor is not supported")
        target = references.resolve(schema[word], base)
        references.targets[id(schema)] = target.schema
        name = self._name(target.schema, target.base)
        self._definition.edges.append((way, name))
        return f"#/$defs/{name}"

    def _apart(self, schema: Schema, base: str, way: Way) -> Schema:
        """Make a definition of its own of what is asked about by itself."""
        if not isinstance(schema, dict) or _WORTH_ASKING.isdisjoint(schema):
            return self._translate(schema, base, way)
        name = self._name(schema, base)
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
            branch = self._references.resolve(branch["$ref"], base).schema
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
        patterns = self.patterns
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
        if FORMATS[name].keys() == {"format"}:
            return dict(FORMATS[name])
        self.formats[f"format-{name}"] = FORMATS[name]
        return {"$ref": f"#/$defs/format-{name}"}

    def _is_of_text(self, schema: Mapping[str, Any], base: str) -> bool:
        """Tell whether all items must be text, which is the same for everyone; large numbers are not."""
        items = schema.get("items")
        if isinstance(items, dict) and isinstance(items.get("$ref"), str):
            items = self._references.resolve(items["$ref"], base).schema
        return isinstance(items, dict) and items.get("type") == "string" and "prefixItems" not in schema


def _united(translated: dict[str, Any], several: list[Schema]) -> Schema:
    """Put keywords that stand for themselves side by side: each further schema costs as much as a keyword."""
    apart: list[Schema] = []
    for each in several:
        if isinstance(each, dict) and each.keys() <= _ALONE and each.keys().isdisjoint(translated):
            translated |= each
        else:
            apart.append(each)
    return translated | {"allOf": apart} if apart else translated


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
