"""The two halves of the judgement of schemas, side by side."""

from typing import Any

from tbg.contract.accepting import Acceptors
from tbg.contract.findings import Finding
from tbg.contract.judging import Judgement, Rules
from tbg.contract.references import References
from tbg.contract.schemas import Schemas
from tbg.contract.translating import Translator

type Json = Any


class Engine:
    """The engine for the schemas in one document."""

    def __init__(self, root: dict[str, Json]) -> None:
        self._references = References(root)
        self._translator = Translator(self._references)
        self._acceptors = Acceptors(self._translator)
        self._schemas = Schemas(root)

    def findings(self, schema: Json, value: Json) -> tuple[Finding, ...]:
        return self._schemas.validator(schema)(value)

    def fast(self, schema: Json, value: Json) -> bool | None:
        """Return what jsonschema-rs says; None if it does not say, or is not asked."""
        self._translator.add(schema)
        self._acceptors.compile()
        return self._acceptors.ask(schema, value)

    def judged(self, schema: Json, value: Json) -> bool:
        """Return what the judge says without asking jsonschema-rs about anything."""
        self._translator.add(schema)
        return Judgement(Rules(self._references.targets, self._translator.patterns, _ask_nobody)).is_valid(
            schema, value
        )

    def verdict(self, schema: Json, value: Json) -> bool:
        """Return the verdict, in which all halves agree."""
        fast, judged = self.fast(schema, value), self.judged(schema, value)
        valid = self.findings(schema, value) == ()
        assert judged == valid, (schema, value, judged)
        assert fast in {None, valid}, (schema, value, fast)
        return valid


def _ask_nobody(_schema: Json, _value: object) -> None:
    return None
