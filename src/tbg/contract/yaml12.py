"""Read YAML as YAML 1.2 does, refusing what a person did not mean; JSON is read as what it is.

PyYAML follows YAML 1.1, where ``no`` is false, ``2020-01-01`` a date and a repeated key silently wins. The consumers
of a contract read it with YAML 1.2 tools, so scalars are read by the 1.2 core schema
(https://yaml.org/spec/1.2.2/#103-core-schema). Values are built from PyYAML's events, which takes a quarter of the time
of its constructors; in which line something stands is found out when somebody asks (``places.py``).
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn

import yaml

DEEPEST: Final = 100
"""How deep a file may nest: whoever looks at its content may do so by recursion."""

_MOST_VALUES: Final = 1_000_000  # with each alias counted as what it stands for: nine lines of them can mean billions
_LONGEST_NUMBER: Final = 1000
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_NUMBER: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SURROGATES: Final = re.compile(r"(?<!\\)\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_MAY_BE_NUMBER: Final = frozenset("+-.0123456789")
_WORDS: Final[dict[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TEXT_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})
_SCALAR_TAGS: Final = frozenset({f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null")})
_NO_TAGS: Final = frozenset({None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_NO_KEY: Final = object()


class UnreadableError(ValueError):
    """A file is no YAML, or holds what has no meaning in a contract.

    Attributes:
        problems: Each with its line, counted from 1.
    """

    def __init__(self, problems: Iterable[tuple[int, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"line {line}: {problem}" for line, problem in self.problems))


def read_text(raw: bytes) -> str:
    """Return the text of a file; a byte order mark is no part of it.

    Raises:
        UnreadableError: It is not UTF-8.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UnreadableError([(line, f"it is not UTF-8: the byte 0x{raw[error.start]:02X}")]) from None


def parse(text: str) -> object:
    """Return the content of a YAML (or JSON) file as dicts, lists, strings, numbers, booleans and None.

    Raises:
        UnreadableError: It is not YAML, names a key twice, or is larger or deeper than a person would write.
    """
    if is_like_json(text):
        try:
            return _parse_json(text)
        except (ValueError, RecursionError):  # what is wrong with JSON is wrong with YAML, which knows the line
            text = without_surrogates(text)
    try:
        return _Builder(text).build()
    except yaml.MarkedYAMLError as error:
        raise UnreadableError([_explain(error, text)]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableError([(line, f"YAML does not allow the character {text[error.position]!a}")]) from None


def is_like_json(text: str) -> bool:
    """Tell whether a text may be JSON; a flow mapping of YAML begins in the same way."""
    return text.lstrip()[:1] in {"{", "["}


def without_surrogates(text: str) -> str:
    """Write what JSON escapes as two surrogates (RFC 8259, section 7) as the one character, which YAML can read."""
    return _SURROGATES.sub(lambda pair: json.loads(f'"{pair[0]}"'), text)


def _parse_json(text: str) -> object:
    content = json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_refuse_word, parse_float=_finite)
    if "\\ud" in text or "\\uD" in text:
        json.dumps(content, ensure_ascii=False).encode()  # half of a pair is no character
    if not _is_bounded(content):
        raise ValueError
    return content


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise ValueError
    return mapping


def _refuse_word(_: str) -> NoReturn:
    raise ValueError


def _finite(text: str) -> float:
    if len(text) > _LONGEST_NUMBER or math.isinf(number := float(text)):
        raise ValueError
    return number


def _is_bounded(content: object) -> bool:
    """Tell whether a content is neither too deep nor, with aliases resolved, too large."""
    level: list[Any] = [[content]]
    values = 0
    for _ in range(DEEPEST + 2):
        values += sum(map(len, level))
        if values > _MOST_VALUES:
            return False
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return True
    return False


def _explain(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    mark, begin = error.problem_mark, error.context_mark
    if mark is None:
        return 1, f"it is not YAML: {error.problem}"
    problem = f"it is not YAML: {error.problem} (column {mark.column + 1})"
    if begin is not None and begin.line != mark.line:
        problem += f", {error.context} that begins in line {begin.line + 1}"
    return min(mark.line, text.rstrip().count("\n")) + 1, problem


def _tag(tag: str | None) -> str:
    return str(tag).replace("tag:yaml.org,2002:", "!!")


class _Builder:
    """Builds values from the events of one text, without recursion."""

    def __init__(self, text: str) -> None:
        self._next_event = yaml.CSafeLoader(text).get_event
        self._problems: list[tuple[int, str]] = []
        self._anchors: dict[str, object] = {}
        self._last_alias: yaml.AliasEvent | None = None
        self._repeating: set[int] = set()

    def build(self) -> object:
        """Return the value.

        Raises:
            UnreadableError: It holds what has no meaning.
            yaml.YAMLError: It is no YAML.
        """
        content = self._content()
        if self._last_alias and not self._problems and not _is_bounded(content):
            self._complain(
                self._last_alias, f"with its aliases resolved it is too large, or deeper than {DEEPEST} levels"
            )
        if self._problems:
            raise UnreadableError(self._problems)
        return content

    def _complain(self, event: Any, problem: str) -> None:  # noqa: ANN401 - PyYAML's types say that marks may be missing
        self._problems.append((event.start_mark.line + 1, problem))

    def _content(self) -> object:  # noqa: C901, PLR0912 - one loop over all events, for its speed
        root: object = None
        node: Any = None  # the mapping or list that is being filled
        key: Any = _NO_KEY
        anchor: str | None = None
        above: list[tuple[Any, Any, str | None]] = []
        while True:
            event: Any = self._next_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                value: object = event.value
                if key is not _NO_KEY or type(node) is not dict:
                    value = self._scalar(event)
                if event.anchor is not None:
                    self._anchors[event.anchor] = value
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._check(event, len(above))
                if key is _NO_KEY and type(node) is dict:
                    self._complain(event, "a key must be text, not a structure")
                    key = ""
                above.append((node, key, anchor))
                node, key, anchor = ({} if kind is yaml.MappingStartEvent else []), _NO_KEY, event.anchor
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                value = node
                if anchor is not None:
                    self._anchors[anchor] = value
                node, key, anchor = above.pop()
            elif kind is yaml.AliasEvent:
                value = self._alias(event)
            elif kind is yaml.StreamEndEvent:
                return root
            else:
                self._check_single(event, root)
                continue
            if node is None:
                root = value
            elif type(node) is list:
                node.append(value)
            elif key is _NO_KEY:
                key = self._key(value, event, node)
            else:
                node[key] = value
                key = _NO_KEY

    def _check(self, event: yaml.CollectionStartEvent, depth: int) -> None:
        if event.tag not in _NO_TAGS:
            self._complain(event, f"the tag {_tag(event.tag)} has no meaning in a contract")
        if depth >= DEEPEST:
            self._complain(event, f"it nests deeper than {DEEPEST} levels")
            raise UnreadableError(self._problems)

    def _check_single(self, event: yaml.Event, root: object) -> None:
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            self._complain(event, "a second document begins: a contract is one")
            raise UnreadableError(self._problems)

    def _alias(self, event: yaml.AliasEvent) -> object:
        self._last_alias = event
        if event.anchor not in self._anchors:
            self._complain(event, f"the alias *{event.anchor} stands for nothing that ends before it")
        return self._anchors.get(str(event.anchor))

    def _key(self, key: object, event: yaml.NodeEvent, node: dict[str, object]) -> str:
        if not isinstance(key, str):
            self._complain(event, "a key must be text, not an alias of something else")
        elif key in node:
            if id(node) not in self._repeating:  # a name that was lost repeats everything below it
                self._repeating.add(id(node))
                self._complain(event, f"this key stands twice: {key}")
        elif key == "<<":
            self._complain(event, "merge keys (<<) are not allowed: YAML 1.2 has none")
        return str(key)

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        text, tag = event.value, event.tag
        if (tag is None and event.style) or tag in _TEXT_TAGS:
            return text
        if tag is not None and tag not in _SCALAR_TAGS:
            self._complain(event, f"the tag {_tag(tag)} has no meaning in a contract")
        if text in _WORDS:
            return _WORDS[text]
        return self._number(text, event) if text[0] in _MAY_BE_NUMBER else text

    def _number(self, text: str, event: yaml.ScalarEvent) -> object:
        if _NUMBER.fullmatch(text) is None:
            return text
        is_integer = _INTEGER.fullmatch(text) is not None
        if len(text) > _LONGEST_NUMBER or (not is_integer and math.isinf(float(text))):
            self._complain(event, "this number is too large")
            return 0
        return int(text) if is_integer else float(text)
