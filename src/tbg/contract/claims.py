"""Whose a field of a query is: one parameter's, or nobody's."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from typing import Any

import attrs
from jsonschema_path import SchemaPath

from tbg.contract.exceptions import UnsupportedError
from tbg.contract.naming import unused
from tbg.contract.parameters import Parameter

_LOCATIONS = ("path", "query", "header", "cookie")
STRICT_QUERY = "x-strict-query"


@attrs.frozen
class Claims:
    """The fields that some parameters take.

    Attributes:
        names: By their names.
        prefixes: By what their names begin with.
        everything: Whether one of the parameters takes all others.
    """

    names: frozenset[str]
    prefixes: tuple[str, ...]
    everything: bool = False

    @classmethod
    def of(cls, parameters: Iterable[Parameter]) -> "Claims":
        """Collect what ``parameters`` take."""
        styles = [parameter.style for parameter in parameters]
        names = frozenset[str]().union(*(style.names for style in styles))
        prefixes = tuple(style.prefix for style in styles if style.prefix is not None)
        return cls(names, prefixes, any(style.takes_others for style in styles))

    def take(self, name: str) -> bool:
        """Tell whether a field is one of them."""
        return self.everything or name in self.names or name.startswith(self.prefixes)


def merge_parameters(shared: Iterable[Parameter], own: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """Join the parameters of a path with those of one operation, which win, and give each a name of its own in Python.

    Raises:
        ValueError: Two of them take the same field.
    """
    merged = {(parameter.location, parameter.name): parameter for parameter in (*shared, *own)}
    parameters = tuple(_with_fields(merged.values()))
    for location in ("query", "cookie"):
        _refuse_overlaps([each for each in parameters if each.location == location])
    return tuple(_apart(parameter, parameters) for parameter in parameters)


def _with_fields(parameters: Iterable[Parameter]) -> Iterator[Parameter]:
    """Rename those whose names in Python are taken: ``id`` in the query is ``id_query`` beside one in the path.

    What stands in the path keeps its name before the query, a header and a cookie; of two in one location, the first.
    """
    parameters = list(parameters)
    fields: dict[int, str] = {}
    ordered = sorted(parameters, key=lambda each: _LOCATIONS.index(each.location))
    natural = {each.field for each in ordered}
    taken: set[str] = set()
    for each in ordered:
        field = each.field
        if field in taken:
            field = unused(f"{field}_{each.location}", taken | natural)
        taken.add(field)
        fields[id(each)] = field
    return (attrs.evolve(each, field=fields[id(each)]) for each in parameters)


def _refuse_overlaps(parameters: list[Parameter]) -> None:
    for one, other in permutations(parameters, 2):
        if one.style.takes_others and other.style.takes_others:
            raise ValueError(f"'{one.name}' and '{other.name}' both take whatever else stands in the {one.location}")
        if both := sorted(name for name in one.style.names if other.style.takes(name)):
            raise ValueError(f"'{one.name}' and '{other.name}' both take '{both[0]}' of the {one.location}")


def _apart(parameter: Parameter, parameters: Iterable[Parameter]) -> Parameter:
    """Tell a parameter that takes what is left which fields are not left."""
    if not parameter.style.takes_others:
        return parameter
    others = (each for each in parameters if each is not parameter and each.location == parameter.location)
    return attrs.evolve(parameter, is_claimed=Claims.of(others).take)


def strict_query(spec: SchemaPath, operation: Mapping[str, Any], parameters: Iterable[Parameter]) -> Claims | None:
    """Return the fields that a query may have, or None if it may have any: ``x-strict-query`` says so.

    The operation's own word goes before the document's. A key in the query that a security scheme asks for is known.

    Raises:
        ValueError: It says neither true nor false.
    """
    of_document = spec.read_value().get(STRICT_QUERY, False)
    is_strict = operation.get(STRICT_QUERY, of_document)
    if not isinstance(of_document, bool):
        raise UnsupportedError((STRICT_QUERY,), "must be true or false")
    if not isinstance(is_strict, bool):
        raise ValueError(f"{STRICT_QUERY} must be true or false")  # noqa: TRY004 - a finding of the document
    if not is_strict:
        return None
    claims = Claims.of(each for each in parameters if each.location == "query")
    return attrs.evolve(claims, names=claims.names | frozenset(_keys(spec)))


def _keys(spec: SchemaPath) -> Iterator[str]:
    schemes = spec / "components" / "securitySchemes"
    for _, scheme in schemes.items() if schemes.exists() else ():
        if scheme.read_value().get("in") == "query":
            yield (scheme / "name").read_str()
