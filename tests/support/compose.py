"""What compose makes of files that are laid over each other: by its rules, and by itself where it is installed.

The rules are those of https://docs.docker.com/reference/compose-file/merge/, as far as the files here need them:
mappings are merged, sequences joined, commands replaced; `!reset` takes a value out, `!override` replaces it.
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import yaml

from tests.support.environments import bare_environment

File = dict[str, Any]

# https://docs.docker.com/compose/releases/release-notes/: `!override` works from here.
OLDEST: Final = (2, 24, 4)
_REPLACED: Final = {"command", "entrypoint", "test"}


@attrs.frozen
class _Tagged:
    tag: str
    value: Any


class _Loader(yaml.SafeLoader):
    """YAML with compose's own tags."""


def _tagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> _Tagged:
    if isinstance(node, yaml.MappingNode):
        return _Tagged(tag, loader.construct_mapping(node, deep=True))
    if isinstance(node, yaml.SequenceNode):
        return _Tagged(tag, loader.construct_sequence(node, deep=True))
    return _Tagged(tag, None)


_Loader.add_multi_constructor("!", _tagged)


def read_alone(path: Path, variables: Mapping[str, str] = {}) -> File:
    """Return a file as if nothing lay under it, with ``variables``, or the defaults, put in."""
    content: File = _untagged(_read(path, variables))
    return content


def merge_by_rules(*paths: Path) -> File:
    """Return the files laid over each other in this order, in short or long form as they have it."""
    merged: Any = {}
    for path in paths:
        merged = _merged(merged, _normal(_read(path)))
    content: File = _untagged(merged)
    return content


def installed() -> list[str] | None:
    """Return the command of a compose that is new enough: what `TBG_TEST_COMPOSE` names, else `docker compose`.

    Raises:
        AssertionError: The one that is named cannot be used.
    """
    named = os.environ.get("TBG_TEST_COMPOSE")
    command = (named or "docker compose").split()
    try:
        result = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
        version = tuple(map(int, re.findall(r"\d+", result.stdout)[:3]))
    except FileNotFoundError:
        version = ()
    assert version >= OLDEST or not named, f"TBG_TEST_COMPOSE={named}: not there, or older than {OLDEST}"
    return command if version >= OLDEST else None


def merge_by_compose(command: Sequence[str], *paths: Path) -> File:
    """Return what compose itself makes of the files."""
    files = [argument for path in paths for argument in ("-f", str(path))]
    result = subprocess.run(
        [*command, *files, "config", "--format", "json"],
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    content: File = json.loads(result.stdout)
    return content


def _read(path: Path, variables: Mapping[str, str] = {}) -> Any:  # noqa: ANN401 - YAML
    text = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: variables.get(found[1], found[2]), path.read_text())
    return yaml.load(text, _Loader)  # noqa: S506 - it is a safe one


def _merged(below: Any, above: Any, key: str = "") -> Any:  # noqa: ANN401 - YAML
    if isinstance(above, _Tagged):
        return above
    if isinstance(below, dict) and isinstance(above, dict):
        return {name: _merged(below.get(name), above.get(name), name) if name in above else below[name]
                for name in {**below, **above}}  # fmt: skip
    if isinstance(below, list) and isinstance(above, list) and key not in _REPLACED:
        return [*below, *(each for each in above if each not in below)]
    return above


def _normal(content: File) -> File:
    """Write what has a short form in the one that can be merged: dependencies and environments as mappings."""
    for service in content.get("services", {}).values():
        if isinstance(names := service.get("depends_on"), list):
            service["depends_on"] = {name: {"condition": "service_started"} for name in names}
        if isinstance(pairs := service.get("environment"), list):
            service["environment"] = dict(pair.split("=", 1) for pair in pairs)
    return content


def _untagged(value: Any) -> Any:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        return {
            name: _untagged(each)
            for name, each in value.items()
            if not (isinstance(each, _Tagged) and each.tag == "reset")
        }
    if isinstance(value, list):
        return [_untagged(each) for each in value]
    return _untagged(value.value) if isinstance(value, _Tagged) else value
