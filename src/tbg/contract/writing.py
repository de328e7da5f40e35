"""Write a document that was joined from several files as YAML that people can read."""

from typing import Any

import yaml


class _Dumper(yaml.CSafeDumper):
    """Text of several lines as a block, and nothing as an alias: generators may not follow those."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - PyYAML's signature
        return True


def _text(dumper: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def to_yaml(content: object) -> bytes:
    """Write ``content`` in its order; text keeps its lines, and looks like text to YAML 1.1 as well."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, encoding="utf-8", width=120)
