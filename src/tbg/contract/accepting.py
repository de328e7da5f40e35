"""Accept with jsonschema-rs, at a hundredth of the cost, what the judge would accept.

All schemas of a document are translated into one schema for jsonschema-rs, which is compiled once: a value is judged by
the schema called ``a`` as the property ``a`` of an object.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
from jsonschema_rs import Draft202012Validator, RegexOptions

from tbg.contract.keywords import CHECKS
from tbg.contract.recursion import components, is_ambiguous, reaching
from tbg.contract.references import Schema
from tbg.contract.translating import Translator

type Accept = Callable[[object], bool]

_DOUBLING: Final = "it refers to itself in several ways for the same part of a value"


@attrs.define(eq=False)
class Acceptor:
    """Accepts the values of one schema.

    Attributes:
        accepts: Says True of what is known to be valid; False says nothing. What it cannot look at, such as half of a
            surrogate pair or a deeply nested value, it raises some exception of.
    """

    accepts: Accept


class _OfJudge:
    """A keyword of ours: one that the judge's own check decides; numbers reach it as they are."""

    def __init__(self, _parent: object, schema: Mapping[str, Any], _path: object) -> None:
        ((word, self._wanted),) = schema.items()
        self._check = CHECKS[word]

    def validate(self, value: object) -> None:
        if not self._check(self._wanted, value):
            raise ValueError


def _never(_value: object) -> bool:
    return False


class Acceptors:
    """What accepts the values of one document's schemas."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator
        self._doubling: frozenset[str] = frozenset()
        self._usable: frozenset[str] = frozenset()
        self._is_valid: Accept = _never
        self._acceptors: dict[str, Acceptor] = {}

    def acceptor(self, name: str) -> Acceptor:
        """Return what accepts the values of the schema called ``name``; nothing before all is compiled."""

        def compile_first(value: object) -> bool:
            self.compile()
            return self._acceptors[name].accepts(value)

        return self._acceptors.setdefault(name, Acceptor(compile_first))

    def compile(self) -> None:
        """Compile what was translated, once for all.

        Raises:
            ValueError: A schema cannot be judged rightly.
        """
        definitions, edges = self._translator.definitions, self._translator.edges
        self._doubling = frozenset(
            name
            for component in components(edges)
            if is_ambiguous(component, edges) or any(definitions[name].looks_again for name in component)
            for name in component
        )
        bad = self._doubling.union(name for name, definition in definitions.items() if definition.reasons)
        self._usable = frozenset(definitions.keys() - reaching(bad, edges))
        schemas = {name: definitions[name].translated for name in self._usable}
        self._is_valid = self._engine({"properties": {name: {"$ref": f"#/$defs/{name}"} for name in schemas}}, schemas)
        for name, acceptor in self._acceptors.items():
            acceptor.accepts = self._of(name)

    def ask(self, schema: Schema, value: object) -> bool | None:
        """Say whether ``schema``, wherever it stands in the document, accepts a value; None if that is not known."""
        name = self._translator.name_of(schema)
        if name is None or name not in self._usable:
            return None
        try:
            return self._is_valid({name: value})
        except Exception:  # noqa: BLE001 - what it cannot look at
            return None

    def reasons(self, name: str) -> tuple[str, ...]:
        """Say why the schema called ``name`` has no acceptor."""
        edges = self._translator.edges
        found = [
            reason
            for each, definition in self._translator.definitions.items()
            for reason in (*definition.reasons, *([_DOUBLING] if each in self._doubling else []))
            if name in reaching([each], edges)
        ]
        return tuple(dict.fromkeys(found))

    def _engine(self, schema: dict[str, Any], schemas: dict[str, Schema]) -> Accept:
        return Draft202012Validator(
            {**schema, "$defs": {**schemas, **self._translator.formats}},
            validate_formats=True,
            keywords={"ofJudge": _OfJudge},
            pattern_options=RegexOptions(),  # in linear time
        ).is_valid

    def _of(self, name: str) -> Accept:
        if name not in self._usable:
            return _never
        definition = self._translator.definitions[name]
        translated = definition.translated
        if not definition.edges and isinstance(translated, dict) and "properties" not in translated:
            return self._engine(translated, {})  # of a number or a text, finding the property is half the work
        is_valid = self._is_valid
        return lambda value: is_valid({name: value})
