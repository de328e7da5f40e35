"""Read YAML as YAML 1.2 does, refusing what a person did not mean.

PyYAML follows YAML 1.1, where ``no`` is false, ``2020-01-01`` a date and a repeated key silently wins. The consumers
of a contract read it with YAML 1.2 tools, so this loader uses the 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema).
"""

import re
from pathlib import Path

import yaml

_CORE_SCHEMA = {
    "tag:yaml.org,2002:null": (r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    "tag:yaml.org,2002:bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    "tag:yaml.org,2002:int": (r"^[-+]?[0-9]+$", list("-+0123456789")),
    "tag:yaml.org,2002:float": (r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
}


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own protocol

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:  # noqa: ARG002, FBT001, FBT002 - PyYAML's signature
        """Build a mapping; a key that stands twice is an error, a number or boolean as a key becomes text."""
        mapping: dict[object, object] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key in mapping or key == "<<":
                problem = (
                    "merge keys and structured keys are not allowed" if key in {None, "<<"} else "this key stands twice"
                )
                raise yaml.constructor.ConstructorError(None, None, f"{problem}: {key}", key_node.start_mark)
            mapping[key] = self.construct_object(value_node, deep=True)
        return mapping


# In YAML 1.1 a leading zero makes a number octal.
_Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))
for _tag, (_pattern, _first) in _CORE_SCHEMA.items():
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


def load_yaml(path: Path) -> object:
    """Return the content of one YAML (or JSON) file as dicts, lists, strings, numbers, booleans and None.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not UTF-8 or not YAML; the message names line and column.
    """
    try:
        return yaml.load(path.read_bytes(), _Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
