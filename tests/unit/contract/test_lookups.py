"""Places in the document are looked up as jsonschema-path does it, once each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema_path import SchemaPath

from tbg.contract import Contract
from tbg.contract.lookups import path_into

ROOT = Path(__file__).parents[3] / "openapi.yaml"


def places(path: SchemaPath, depth: int = 0) -> Iterator[SchemaPath]:
    """Walk along the references, too; far enough to see everything once."""
    yield path
    if depth < 12 and isinstance(path.read_value(), dict | list):
        for key in list(path.keys()):
            yield from places(path / key, depth + 1)


def test_every_place_is_what_the_library_finds() -> None:
    content = Contract.load(ROOT).document.content
    ours, theirs = path_into(content), SchemaPath.from_dict(content)

    seen = 0
    for place in places(theirs / "paths"):
        mine = ours
        for part in place.parts:
            mine /= part
        assert mine.read_value() is place.read_value()
        seen += 1
    assert seen > 1000


@pytest.mark.parametrize("parts", [("b",), ("a", "b"), ("c", 2), ("c", "0"), ("d", "e"), ("r", "z")])
def test_what_is_not_there_is_not_found(parts: tuple[Any, ...]) -> None:
    content: dict[str, object] = {"a": "text", "c": [1, 2], "d": None, "r": {"$ref": "#/x"}, "x": {"y": 1}}
    ours, theirs = path_into(content), SchemaPath.from_dict(content)
    for part in parts:
        ours, theirs = ours / part, theirs / part

    assert ours.exists() == theirs.exists() is False
    with pytest.raises(KeyError):
        ours.read_value()


def test_a_key_may_hold_a_hash() -> None:
    assert (path_into({"/a#b": {"c": 1}}) / "/a#b" / "c").read_value() == 1
