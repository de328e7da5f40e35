"""Read single texts, lists and pairs out of raw fields, in each style of OpenAPI 3.1.1 (section 4.8.12.3).

RFC 6570, section 3.2 says how they are written: empty lists and objects are not, so `p=` is one empty text.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

import attrs

from tbg.contract.raw import Decode, Fields
from tbg.contract.schemas import Finding, pointer_of
from tbg.contract.shapes import MISSING

Read = Callable[[Fields], object]
"""Return a text, a list or an object of texts, or MISSING if it was not sent.

Raises InvalidParameterError if it is not written as the style has it.
"""


class InvalidParameterError(Exception):
    """A raw value does not satisfy the contract."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__()
        self.findings = findings


def malformed() -> InvalidParameterError:
    """Say that a value is not written in its style."""
    return InvalidParameterError((Finding("", "style", "is not written as the contract says"),))


def repeated(*path: str) -> InvalidParameterError:
    """Say that a value, or a member of an object, came twice."""
    return InvalidParameterError((Finding(pointer_of(path), "repeated", "must be given once"),))


def text_reader(name: str, decode: Decode) -> Read:
    """Build what reads one text without any style, as quickly as can be."""

    def read(fields: Fields) -> object:
        values = fields.get(name)
        if values is None:
            return MISSING
        if len(values) > 1:
            raise repeated()
        try:
            return decode(values[0])
        except UnicodeDecodeError:
            raise malformed() from None

    return read


class Reader(Protocol):
    """One style: a value is read as what its schema allows."""

    def primitive(self, fields: Fields) -> object:
        """Return the one text."""

    def items(self, fields: Fields) -> object:
        """Return the list of texts."""

    def members(self, fields: Fields) -> object:
        """Return the texts by name."""


def _only(fields: Fields, name: str) -> str | None:
    values = fields.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise repeated()
    return values[0]


@attrs.frozen
class Exploded:
    """Style ``form``, exploded: ``p=a&p=b``, and an object is ``x=1&y=2``.

    Attributes:
        names: The members that the schema names.
        is_open: Whether all other fields are members, too.
        lists: Those that are lists themselves, and so may be repeated.
        others_are_lists: Whether those without a name in the schema are.
    """

    name: str
    decode: Decode
    names: frozenset[str]
    is_open: bool
    lists: frozenset[str] = frozenset()
    others_are_lists: bool = False

    def primitive(self, fields: Fields) -> object:  # noqa: D102 - as Reader says
        raw = _only(fields, self.name)
        return MISSING if raw is None else self.decode(raw)

    def items(self, fields: Fields) -> object:  # noqa: D102 - as Reader says
        values = fields.get(self.name)
        return MISSING if values is None else [self.decode(raw) for raw in values]

    def members(self, fields: Fields) -> object:  # noqa: D102 - as Reader says
        names = fields if self.is_open else [name for name in fields if name in self.names]
        found = {name: self._member(name, fields[name]) for name in names}
        return found or MISSING

    def _member(self, name: str, values: list[str]) -> object:
        if name in self.lists or (self.others_are_lists and name not in self.names):
            return [self.decode(raw) for raw in values]
        if len(values) > 1:
            raise repeated(name)
        return self.decode(values[0])


_SEPARATORS: Final[Mapping[str, str]] = {"spaceDelimited": " ", "pipeDelimited": "|"}


@attrs.frozen
class InOneText:
    """The styles that write a value in one text: ``simple``, ``label``, ``matrix``, and ``form`` not exploded."""

    name: str
    style: str
    explode: bool
    decode: Decode

    def primitive(self, fields: Fields) -> object:  # noqa: D102 - as Reader says
        raw = _only(fields, self.name)
        return MISSING if raw is None else self.decode(self._behind_prefix(raw))

    def items(self, fields: Fields) -> object:  # noqa: D102 - as Reader says
        raw = _only(fields, self.name)
        if raw is None:
            return MISSING
        if self.explode and self.style == "matrix":  # ;p=a;p=b
            return [self._named(part) for part in _behind(";", raw).split(";")]
        return self._parts(self._behind_prefix(raw))

    def members(self, fields: Fields) -> object:  # noqa: D102 - as Reader says
        raw = _only(fields, self.name)
        if raw is None:
            return MISSING
        return _unique(self._pairs(raw) if self.explode else _flat(self._parts(self._behind_prefix(raw))))

    def _behind_prefix(self, raw: str) -> str:
        if self.style == "label":
            return _behind(".", raw)
        return self._behind_name(_behind(";", raw)) if self.style == "matrix" else raw

    def _behind_name(self, raw: str) -> str:
        """Return what follows ``p=``; a name alone has an empty value (RFC 6570, section 3.2.7)."""
        name, _, value = raw.partition("=")
        if self.decode(name) != self.name:
            raise malformed()
        return value

    def _named(self, part: str) -> str:
        return self.decode(self._behind_name(part))

    def _parts(self, raw: str) -> list[str]:
        if self.style in _SEPARATORS:  # these must be encoded themselves (appendix E)
            return self.decode(raw).split(_SEPARATORS[self.style])
        return [self.decode(part) for part in raw.split("." if self.explode and self.style == "label" else ",")]

    def _pairs(self, raw: str) -> Iterable[tuple[str, str]]:
        """Yield ``x`` and ``1`` of ``x=1,y=2``, ``.x=1.y=2`` and ``;x=1;y=2``."""
        before, separator = {"label": (".", "."), "matrix": (";", ";")}.get(self.style, ("", ","))
        for part in _behind(before, raw).split(separator):
            name, equals, value = part.partition("=")
            if not equals and self.style != "matrix":
                raise malformed()
            yield self.decode(name), self.decode(value)


def _behind(prefix: str, raw: str) -> str:
    if not raw.startswith(prefix):
        raise malformed()
    return raw[len(prefix) :]


def _flat(parts: list[str]) -> Iterable[tuple[str, str]]:
    """Yield names and values of ``x,1,y,2``."""
    if len(parts) % 2:
        raise malformed()
    return zip(parts[::2], parts[1::2], strict=True)


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    members: dict[str, str] = {}
    for name, value in pairs:
        if name in members:
            raise repeated(name)
        members[name] = value
    return members


class DeepObject:
    """Style ``deepObject``: ``p[x]=1&p[y]=2``, or, if the members are no single texts, ``p[x][]=1&p[y][z]=2``.

    OpenAPI does not define the latter; what is common is read: ``p[x][]=1&p[x][]=2``, ``p[x][0]=1&p[x][1]=2`` and
    ``p[x]=1&p[x]=2`` are a list where the schema has one. A tree of lists of texts is left to the caster.
    """

    def __init__(self, name: str, decode: Decode, *, is_nested: bool) -> None:
        self._name = name
        self._decode = decode
        self._is_nested = is_nested
        segments = r"((?:\[[^\[\]]+\]){1,8}(?:\[\])?)" if is_nested else r"\[([^\[\]]+)\]"
        self._key = re.compile(re.escape(name) + segments)

    def primitive(self, fields: Fields) -> object:  # noqa: D102 - as Reader says
        raw = _only(fields, self._name)
        return MISSING if raw is None else self._decode(raw)

    def items(self, fields: Fields) -> object:  # noqa: D102 - as Reader says
        raise NotImplementedError

    def members(self, fields: Fields) -> object:  # noqa: D102 - as Reader says
        prefix = f"{self._name}["
        keys = [key for key in fields if key.startswith(prefix)]
        if keys and self._name in fields:
            raise malformed()
        read = self._read_tree if self._is_nested else self._read_members
        return read({self._path(key): fields[key] for key in keys}) if keys else MISSING

    def _path(self, key: str) -> str:
        found = self._key.fullmatch(key)
        if found is None:
            raise malformed()
        return found[1]

    def _read_members(self, members: Mapping[str, list[str]]) -> dict[str, str]:
        for name, values in members.items():
            if len(values) > 1:
                raise repeated(name)
        return {name: self._decode(values[0]) for name, values in members.items()}

    def _read_tree(self, leaves: Mapping[str, list[str]]) -> dict[str, object]:
        tree: dict[str, object] = {}
        for path, values in leaves.items():
            *parents, last = path[1:-1].split("][")
            node = tree
            for name in parents:
                node = _child(node, name)
            if last in node:
                raise malformed()
            node[last] = [self._decode(raw) for raw in values]
        return tree


def _child(node: dict[str, object], name: str) -> dict[str, object]:
    child = node.setdefault(name, {})
    if not isinstance(child, dict):
        raise malformed()
    return child
