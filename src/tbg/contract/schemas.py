"""One schema of the contract, compiled once: what is wrong with a value, in bounded time."""

from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from jsonschema_path import SchemaPath

from tbg.contract.accepting import Acceptors
from tbg.contract.explaining import MAX_FINDINGS, Explainer
from tbg.contract.findings import Finding, cut, describe, pointer_of
from tbg.contract.judging import Judgement, Rules
from tbg.contract.official import DIALECTS
from tbg.contract.patterns import OverBudgetError
from tbg.contract.references import References, Schema
from tbg.contract.translating import Translator

__all__ = [
    "MAX_FINDINGS",
    "Finding",
    "Schemas",
    "Validate",
    "compile_schema",
    "costly",
    "cut",
    "describe",
    "pointer_of",
    "schemas_of",
]

Validate = Callable[[object], tuple[Finding, ...]]
"""Judge one value; no findings means that it is valid."""


class Schemas:
    """The schemas of one document; what several refer to is translated and compiled once.

    Args:
        root: The whole document, to which references point; it must not change any more.
    """

    def __init__(self, root: dict[str, object]) -> None:
        if (dialect := root.get("jsonSchemaDialect")) is not None and dialect not in DIALECTS:
            raise ValueError(f"the dialect {dialect} is not supported: only that of OpenAPI 3.1 is")
        references = References(root)
        self._translator = Translator(references)
        self._acceptors = Acceptors(self._translator)
        self._rules = Rules(references.targets, self._translator.patterns, self._acceptors.ask)

    def validator(self, schema: Schema) -> Validate:
        """Build the validator of ``schema``, which stands in the document.

        Raises:
            NothingThereError: A reference leads nowhere.
            ValueError: It asks for what cannot be judged rightly.
        """
        acceptor = self._acceptors.acceptor(self._translator.add(schema))

        def validate(value: object) -> tuple[Finding, ...]:
            try:
                if acceptor.accepts(value):
                    return ()
            except Exception:  # noqa: BLE001, S110 - what jsonschema-rs cannot look at is for the judge
                pass
            return self.judge(schema, value)

        return validate

    def compile(self) -> None:
        """Compile everything that was asked for: at boot, so that no request waits for it.

        Raises:
            ValueError: Something cannot be judged rightly.
        """
        self._acceptors.compile()

    def costly(self, schema: Schema) -> tuple[str, ...]:
        """Say why values of ``schema`` may take so long to judge that some must be refused; see ``docs/adr/0010``."""
        known = len(self._translator.definitions)
        name = self._translator.add(schema)
        if len(self._translator.definitions) > known:  # else the boot has compiled it
            self._acceptors.compile()
        return self._acceptors.reasons(name)

    def judge(self, schema: Schema, value: object) -> tuple[Finding, ...]:
        """Judge without asking the acceptor about the whole value first."""
        try:
            return Explainer(Judgement(self._rules)).findings(schema, value)
        except OverBudgetError:
            return (Finding("", "budget", "takes too long to judge"),)
        except RecursionError:
            return (Finding("", "depth", "is nested too deeply"),)


_of_documents: WeakValueDictionary[int, Schemas] = WeakValueDictionary()
"""By the ``id()`` of the document, which they keep alive, as long as one of their validators lives."""


def schemas_of(spec: SchemaPath) -> Schemas:
    """Return the schemas of the document that ``spec`` is a path in."""
    root: Any = spec.accessor.node
    known = _of_documents.get(id(root))
    if known is None:
        known = _of_documents[id(root)] = Schemas(root)
    return known


def compile_schema(spec: SchemaPath, schema: SchemaPath) -> Validate:
    """Build the validator of the schema at a path of the document.

    Raises:
        ValueError: It asks for what cannot be judged rightly.
    """
    return schemas_of(spec).validator(_at(schema))


def costly(spec: SchemaPath, schema: SchemaPath) -> tuple[str, ...]:
    """Say why values of the schema at a path may take so long to judge that some must be refused; empty if none."""
    return schemas_of(spec).costly(_at(schema))


def _at(path: SchemaPath) -> Any:  # noqa: ANN401 - a schema, as the document has it
    """Return what stands at a path; reading the path itself would follow a ``$ref`` and lose what is beside it."""
    if not path.parts:
        return path.accessor.node
    return path.parent.read_value()[path.parts[-1]]
