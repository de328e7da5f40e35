"""The files of a contract, and in which lines something stands; these are looked for only when a finding needs one."""

from pathlib import Path as File

import attrs
import yaml

from tbg.contract.pointers import Path
from tbg.contract.yaml12 import UnreadableError, is_like_json, parse, read_text, without_surrogates

IDENTIFIERS = ("$id", "$anchor", "$dynamicAnchor")


@attrs.define(eq=False)
class Source:
    """One file of a contract.

    Attributes:
        file: Where it is.
        name: How findings call it: its path from the folder of the contract.
        content: What stands in it; None when it cannot be read.
        missing: Why the file cannot be opened, if it cannot.
        problems: Why it cannot be understood, each with its place.
        has_identifiers: Whether it may hold ``$id`` or ``$anchor``.
    """

    file: File
    name: str
    content: object = None
    missing: str = ""
    problems: tuple[str, ...] = ()
    has_identifiers: bool = False
    _tree: yaml.Node | None = attrs.field(default=None, init=False, repr=False)

    @classmethod
    def read(cls, file: File, name: str) -> "Source":
        """Read ``file``; what is wrong with it is in ``missing`` or ``problems``."""
        try:
            text = read_text(file.read_bytes())
            return cls(file, name, parse(text), has_identifiers=any(word in text for word in IDENTIFIERS))
        except (OSError, ValueError) as error:
            if isinstance(error, UnreadableError):
                return cls(file, name, problems=tuple(f"{name}:{line}: {text}" for line, text in error.problems))
            return cls(file, name, missing=getattr(error, "strerror", None) or str(error))

    def place(self, path: Path) -> str:
        """Return file and line of what stands at ``path``, or of the nearest that is there: ``openapi.yaml:12``."""
        if self._tree is None:
            self._tree = _compose(self.file)
        return f"{self.name}:{_line(self._tree, path) + 1 if self._tree else 1}"


def _compose(file: File) -> yaml.Node | None:
    try:
        text = read_text(file.read_bytes())
        readable = without_surrogates(text) if is_like_json(text) else text
        return yaml.compose(readable, yaml.CSafeLoader)
    except (OSError, ValueError, yaml.YAMLError):  # JSON that YAML cannot read: a key of more than 1024 characters
        return None


def _line(node: yaml.Node, path: Path) -> int:
    line: int = node.start_mark.line
    for key in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((name, value) for name, value in node.value if name.value == key), None)
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line
        else:
            break
    return line
