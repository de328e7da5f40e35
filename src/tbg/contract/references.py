"""What the references of schemas in one document point to (JSON Schema 2020-12 core, sections 8.2 and 9)."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import attrs

from tbg.contract.pointers import follow
from tbg.contract.structure import children

type Schema = dict[str, Any] | bool


class NothingThereError(LookupError):
    """A reference that leads nowhere; who checks the document says so, with its place."""


@attrs.frozen
class Target:
    """A schema, and the base URI that holds where it stands."""

    schema: Schema
    base: str


def _by_name[Name](found: Iterable[tuple[Name, dict[str, object]]]) -> dict[Name, dict[str, object]]:
    named: dict[Name, dict[str, object]] = {}
    for name, schema in found:
        if named.setdefault(name, schema) is not schema:
            raise ValueError(f"two schemas have the name {name}")
    return named


def base_within(schema: Mapping[str, object], base: str) -> str:
    """Return the base URI inside ``schema``, which stands where ``base`` holds."""
    declared = schema.get("$id")
    return urljoin(base, declared) if isinstance(declared, str) else base


@attrs.define(eq=False, slots=False)
class References:
    """The schemas of one document by reference.

    Attributes:
        root: The whole document.
        targets: What each schema with a ``$ref`` that was resolved points to, by the schema's ``id()``.
    """

    root: Mapping[str, object]
    targets: dict[int, Schema] = attrs.field(factory=dict, repr=False)
    _own: dict[int, str] = attrs.field(factory=dict, init=False, repr=False)
    _resolved: dict[tuple[str, str], Target] = attrs.field(factory=dict, init=False, repr=False)

    @cached_property
    def base(self) -> str:
        """The base URI of the document: what its root says, if it is a schema itself."""
        declared = self.root.get("$id")
        return declared if isinstance(declared, str) else ""

    def within(self, schema: Mapping[str, object], base: str) -> str:
        """Return the base URI inside ``schema``; if it is a target, ``base`` may be its own already."""
        return self._own.get(id(schema)) or base_within(schema, base)

    def resolve(self, reference: str, base: str) -> Target:
        """Find what ``reference`` means where ``base`` holds.

        Raises:
            NothingThereError: Nothing is there.
        """
        known = self._resolved.get((reference, base))
        if known is None:
            known = self._resolved[reference, base] = self._find(reference, base)
        return known

    def _find(self, reference: str, base: str) -> Target:
        uri, fragment = _absolute(reference, base)
        resource = self.root if uri == urldefrag(self.base)[0] else self._resources.get(uri)
        if resource is not None and fragment and not fragment.startswith("/"):
            found: object = self._anchors.get((uri, unquote(fragment)))
            base = uri
        else:
            found, base = _follow(resource, unquote(fragment), uri)
        if not isinstance(found, dict | bool):
            raise NothingThereError(f"$ref '{reference}': nothing is there, or no schema")
        return Target(found, base)

    @property
    def dynamic_anchors(self) -> frozenset[str]:
        """Names that more than one resource gives, so that the path of evaluation would decide between them."""
        names = [name for (_, name), schema in self._anchors.items() if schema.get("$dynamicAnchor") == name]
        return frozenset(name for name in names if names.count(name) > 1)

    @cached_property
    def _resources(self) -> Mapping[str, dict[str, object]]:
        return _by_name((urldefrag(base)[0], schema) for base, schema in self._based if "$id" in schema)

    @cached_property
    def _anchors(self) -> Mapping[tuple[str, str], dict[str, object]]:
        return _by_name(
            ((urldefrag(base)[0], name), schema)
            for base, schema in self._based
            for name in {schema.get("$anchor"), schema.get("$dynamicAnchor")}
            if isinstance(name, str)
        )

    @cached_property
    def _based(self) -> list[tuple[str, dict[str, object]]]:
        """Every schema that has an identity or an anchor, with its base URI; made only if something asks for one."""
        found = []
        todo: list[tuple[str, str, object]] = [("", "openapi" if "openapi" in self.root else "schema", self.root)]
        while todo:
            base, kind, node = todo.pop()
            if kind == "schema" and isinstance(node, dict):
                if isinstance(node.get("$id"), str):
                    base = self._own[id(node)] = base_within(node, base)
                if {"$id", "$anchor", "$dynamicAnchor"} & node.keys():
                    found.append((base, node))
            todo += ((base, inner, child) for _, inner, child in children(kind, node))
        return found


def _absolute(reference: str, base: str) -> tuple[str, str]:
    # urljoin() does not know every scheme: "urn:a" and "#b" would make "#b".
    uri, fragment = urldefrag(reference if reference.startswith("#") else urljoin(base, reference))
    return uri or urldefrag(base)[0], fragment


def _follow(resource: object, pointer: str, base: str) -> tuple[object, str]:
    """Return what ``pointer`` leads to in ``resource``, and the base URI there: a resource may hold others."""
    steps = pointer.split("/")
    try:
        for end in range(2, len(steps)):
            around = follow(resource, "/".join(steps[:end]))
            base = base_within(around, base) if isinstance(around, dict) else base
        return follow(resource, pointer), base
    except KeyError:
        return None, base
