"""Whatever a person can write into a contract is told once, in words, with file and line; nothing else stops it."""

import json
import os
import re
import resource
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tbg.contract import Contract, ContractError, DocumentError
from tbg.contract.shapes import MISSING
from tests.unit.contract.support import document, load, operation

ROOT = Path(__file__).parents[3] / "openapi.yaml"
HEAD = "openapi: 3.1.0\ninfo: {title: T, version: '1'}\n"
DONE = "responses: {'200': {description: Done.}}"


def findings(folder: Path, text: str, name: str = "openapi.yaml") -> list[str]:
    """Return what is said of a contract, one line each."""
    path = folder / name
    path.write_text(text)
    try:
        Contract.load(path)
    except DocumentError as error:
        return list(error.findings)
    return []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # What cannot be read.
        ("", "openapi.yaml:1: it is empty"),
        ("openapi: 3.1.0\n\tinfo: x\n", "openapi.yaml:2: it is not YAML: found a tab character"),
        ("openapi: 3.1.0\ninfo: {title: T\npaths: {}\n", "openapi.yaml:3: it is not YAML"),
        (f"{HEAD}paths: {{}}\nx-a: '\x07'\n", "openapi.yaml:4: YAML does not allow the character '\\x07'"),
        (f"{HEAD}paths: {{}}\nx-a: {'9' * 5000}\n", "openapi.yaml:4: this number is too large"),
        (f"{HEAD}paths: {{}}\nx-a: 1e999\n", "openapi.yaml:4: this number is too large"),
        (f"{HEAD}paths: {{}}\nx-a: {'[' * 500}", "openapi.yaml:4: it nests deeper than 100 levels"),
        ('{"a":' * 5000, "openapi.yaml:1: it nests deeper than 100 levels"),
        ('{"openapi": "3.1.0",\n"info": {"title": "\\ud83d", "version": "1"}}', "openapi.yaml:2: it is not YAML"),
        (
            '{"openapi": "3.1.0",\n"info": {"title": "a",\n"title": "b"}}',
            "openapi.yaml:3: this key stands twice: title",
        ),
        # Versions and dialects.
        (
            "openapi: 3.1\ninfo: {title: T, version: '1'}\npaths: {}\n",
            "openapi.yaml:1: openapi: must be 3.1.x, not 3.1",
        ),
        ("info: {}\nopenapi: 3.0.3\n", "openapi.yaml:2: openapi: must be 3.1.x, not 3.0.3"),
        ("# 3.2 has more methods\nopenapi: 3.2.0\n", "openapi.yaml:2: openapi: must be 3.1.x, not 3.2.0"),
        (
            f"{HEAD}paths: {{}}\njsonSchemaDialect: https://example.com\n",
            "openapi.yaml:4: /jsonSchemaDialect: schemas can",
        ),
        (
            f"{HEAD}components:\n  schemas:\n    A:\n      $schema: http://json-schema.org/draft-07/schema#\n",
            "openapi.yaml:6: /components/schemas/A/$schema: schemas can be written in",
        ),
        # Wrong types and names.
        (f"{HEAD}paths:\n", "openapi.yaml:3: /paths: must be a mapping, not null"),
        (f"{HEAD}paths: {{}}\n404: x\n", "openapi.yaml:4: /404: no document has '404'"),
        (
            f"{HEAD}paths: {{}}\ncomponents:\n  schemas: null\n",
            "openapi.yaml:5: /components/schemas: must be a mapping",
        ),
        (f"{HEAD}paths:\n  /a:\n    get: []\n", "openapi.yaml:5: /paths/~1a/get: must be a mapping, not []"),
        (f"{HEAD}paths:\n  a: {{}}\n", "openapi.yaml:4: a: a path must begin with a slash"),
        (
            f"{HEAD}paths:\n  /a:\n    get:\n      operationid: a\n      {DONE}\n",
            "openapi.yaml:6: /paths/~1a/get/operationid: no operation has 'operationid': is 'operationId' meant?",
        ),
        (
            f"{HEAD}components:\n  schemas:\n    A: {{type: text}}\n",
            "openapi.yaml:5: /components/schemas/A/type: must be one",
        ),
        (
            f"{HEAD}components:\n  schemas:\n    A: {{items: [{{}}]}}\n",
            "openapi.yaml:5: /components/schemas/A/items: must",
        ),
        (
            f"{HEAD}components:\n  schemas:\n    A:\n      pattern: '['\n",
            "openapi.yaml:6: /components/schemas/A/pattern: ",
        ),
        (
            f"{HEAD}components:\n  schemas:\n    A: {{$ref: 17}}\n",
            "openapi.yaml:5: /components/schemas/A/$ref: must be text",
        ),
        (
            f"{HEAD}components:\n  schemas:\n    a b: {{}}\n",
            'openapi.yaml:5: /components/schemas/a b: "a b" does not match',
        ),
        (
            f"{HEAD}components:\n  securitySchemes:\n    A: {{type: apiKey, in: header}}\n",
            "openapi.yaml:5: /components/securitySchemes/A: lacks 'name'",
        ),
        # References.
        (
            f"{HEAD}components:\n  schemas:\n    A:\n      $ref: '#/components/schemas/B'\n",
            "openapi.yaml:6: $ref '#/comp",
        ),
        (f"{HEAD}components:\n  schemas:\n    A: {{$ref: '#/components/schemas/A'}}\n", "leads back to itself"),
        (f"{HEAD}components:\n  responses:\n    A: {{$ref: '#/components/responses/A'}}\n", "leads back to itself"),
        (
            f"{HEAD}paths:\n  /a: {{$ref: '#/paths/~1a'}}\n",
            "openapi.yaml:4: $ref '#/paths/~1a': it leads to no mapping",
        ),
        (
            f"{HEAD}components:\n  schemas: {{A: {{}}}}\n  responses:\n    A: {{$ref: '#/components/schemas/A'}}\n",
            "openapi.yaml:6: /components/responses/A: $ref '#/components/schemas/A': a response must stand there",
        ),
        (
            f"{HEAD}x-own:\n  A: {{type: text}}\ncomponents:\n  schemas:\n    A: {{$ref: '#/x-own/A'}}\n",
            "openapi.yaml:4: /x-own/A/type: must be one of",
        ),
        (
            f"{HEAD}components:\n  schemas:\n    A: {{$ref: ''}}\n",
            "openapi.yaml:5: /components/schemas/A: $ref '': a schema",
        ),
        # Parameters and paths.
        (
            f"{HEAD}paths:\n  /a/{{x}}:\n    get: {{operationId: a, {DONE}}}\n    put: {{operationId: b, {DONE}}}\n",
            "openapi.yaml:5: /paths/~1a~1{x}/get: the path parameter 'x' is not declared",
        ),
        (
            f"{HEAD}paths:\n  /a:\n    parameters:\n      - {{name: x, in: path, required: true, schema: {{}}}}\n",
            "openapi.yaml:6: /paths/~1a/parameters/0: the path parameter 'x' is not in the path",
        ),
        (
            f"{HEAD}paths:\n  /a:\n    parameters:\n      - &q {{name: x, in: query, schema: {{}}}}\n      - *q\n",
            "the query parameter 'x' stands twice",
        ),
        *[
            (f"{HEAD}paths:\n  '{path}': {{}}\n", f"openapi.yaml:4: {path}: no request can have this path")
            for path in ("/a?b", "/a#b", "/a b", "/a/../b", "/./a", "/%zz", "/a\\b")
        ],
        (f"{HEAD}paths:\n  /a%62: {{}}\n  /ab: {{}}\n", "openapi.yaml:5: /ab: it matches the same paths as /a%62"),
        (f"{HEAD}paths:\n  /{{a}}{{b}}: {{}}\n", "openapi.yaml:4: /{a}{b}: each brace"),
        (f"{HEAD}paths:\n  /a: {{get: {{}}}}\n", "openapi.yaml:4: GET /a: responses are missing"),
        (
            f"{HEAD}paths:\n  /a: {{get: {{operationId: a, {DONE}}}}}\n  /b:\n    get: {{operationId: a, {DONE}}}\n",
            "openapi.yaml:6: /paths/~1b/get/operationId: 'a' is the operationId of another operation, too",
        ),
    ],
)
def test_one_mistake_is_one_finding_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    (found,) = findings(tmp_path, text)

    assert re.match(r"openapi\.yaml:\d+: ", found)
    assert expected in found


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_places_are_found_in_json_too(tmp_path: Path, indent: int | str | None) -> None:
    content = {"openapi": "3.1.0", "x-\U0001f600": "\ud83d\ude00", "info": {"title": "T", "version": 1}, "paths": {}}

    found = findings(tmp_path, json.dumps(content, indent=indent), "openapi.json")

    line = 6 if indent else 1
    assert found == [f"openapi.json:{line}: /info/version: must be text, not 1"]


def test_everything_is_said_at_once(tmp_path: Path) -> None:
    text = f"""{HEAD}paths:
  /a:
    get: {{}}
  /b:
    get: {{operationId: b, responses: {{}}}}
  /c:
    get: {{operationId: c, security: [{{key: []}}], {DONE}}}
components:
  schemas:
    A: {{type: text}}
    B: {{$ref: nowhere.yaml}}
"""

    assert [finding.split(": ")[:2] for finding in findings(tmp_path, text)] == [
        ["openapi.yaml:5", "GET /a"],
        ["openapi.yaml:7", "/paths/~1b/get/responses"],
        ["openapi.yaml:9", "GET /c"],
        ["openapi.yaml:12", "/components/schemas/A/type"],
        ["openapi.yaml:13", "$ref 'nowhere.yaml'"],
    ]


def test_a_name_that_is_missing_is_one_finding_however_often_it_is_used(tmp_path: Path) -> None:
    text = ROOT.read_text().replace("\n    Problem:", "\n    Problems:")

    assert text != ROOT.read_text()
    (found,) = findings(tmp_path, text)
    assert "$ref '#/components/schemas/Problem': nothing is there (2 more lead there)" in found


def test_a_name_that_is_lost_is_one_finding(tmp_path: Path) -> None:
    text = ROOT.read_text().replace("\n    Readiness:", "\n    #")

    assert text != ROOT.read_text()
    (found,) = findings(tmp_path, text)
    assert "this key stands twice: " in found


@pytest.mark.parametrize(("depth", "width"), [(16, 9), (3, 1000)])
def test_aliases_cannot_blow_a_contract_up(tmp_path: Path, depth: int, width: int) -> None:
    names = "abcdefghijklmnop"[:depth]
    laughs = "".join(f"  {name}: &{name} [{','.join([f'*{before}'] * width)}]\n" for before, name in pairwise(names))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()

    (found,) = findings(tmp_path, f"{HEAD}x-a:\n  a: &a [{'x,' * width}]\n{laughs}")

    assert "with its aliases resolved it is too large" in found
    assert time.process_time() - start < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "utf16.yaml").write_bytes("openapi: 3.1.0\n".encode("utf-16"))

    for path, expected in [
        (tmp_path, "Is a directory"),
        (tmp_path / "no.yaml", "no.yaml: No such file or directory"),
        (tmp_path / "utf16.yaml", "utf16.yaml:1: it is not UTF-8: the byte 0xFF"),
    ]:
        with pytest.raises(DocumentError) as raised:
            Contract.load(path)
        assert expected in raised.value.findings[0]


def test_a_byte_order_mark_is_no_part_of_it(tmp_path: Path) -> None:
    assert findings(tmp_path, f"\ufeff{HEAD}paths: {{}}\n") == []
    assert findings(tmp_path, '\ufeff{"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {}}') == []


# Every word of the service's own contract, spoilt.

WORDS = re.compile(r"[^\s:,{}\[\]'\"]+|[:,{}\[\]'\"-]")
SPOILT = ["", "x", "null", "[]", "{}", "17", "true", "''", "-", "\t", "&a", "*a", "$ref", "#", "1e999", "€", "[[[["]
SPOILT += ["#/components/schemas/Error", "openapi.yaml"]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "120"))


def spoilt() -> Iterator[tuple[str, str]]:
    """Yield changed texts, evenly spread over all words and changes, each with what was changed."""
    text = ROOT.read_text()
    every = [(word, other) for word in WORDS.finditer(text) for other in SPOILT]
    step = max(1, len(every) // EXAMPLES)
    for word, other in every[::step]:
        yield text[: word.start()] + other + text[word.end() :], f"{word[0]} -> {other}"


def test_no_word_makes_it_fall_over(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    outcomes = {"loads": 0, "refused": 0}
    for text, change in spoilt():
        path.write_text(text)
        said: tuple[str, ...] = ()
        try:
            Contract.load(path)
        except ContractError as error:
            said = error.findings
        outcomes["refused" if said else "loads"] += 1
        assert all(re.match(r"openapi\.yaml:\d+: ", finding) for finding in said), change
        assert len(said) < 5, change

    assert min(outcomes.values()) > EXAMPLES / 5


def test_an_operation_without_a_name_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text(
        f"{HEAD}paths:\n  /a/{{x}}:\n    parameters: [{{name: x, in: path, required: true, schema: {{}}}}]\n"
        f"    get: {{{DONE}}}\n  /a-x: {{get: {{{DONE}}}}}\n  /b: {{get: {{operationId: get_a_x, {DONE}}}}}\n"
    )

    names = {operation.path: operation.operation_id for operation in Contract.load(path).operations.values()}

    assert names == {"/a/{x}": "get_a_x_2", "/a-x": "get_a_x_3", "/b": "get_a_x"}


@pytest.mark.parametrize(("default", "expected"), [(None, MISSING), ("x", MISSING), (7, 7)])
def test_a_default_that_breaks_its_schema_stands_in_for_nothing(
    tmp_path: Path, default: object, expected: object
) -> None:
    parameter = {"name": "n", "in": "query", "schema": {"type": "integer", "default": default}}

    contract = load(tmp_path, document({"/act": {"get": operation(parameters=[parameter])}}))

    assert contract.operations["GET", "/act"].parameters[0].default == expected


def test_what_stands_beside_a_reference_object_is_ignored(tmp_path: Path) -> None:
    get = "{responses: {'200': {$ref: '#/components/responses/A', x: 1}}}"
    text = f"{HEAD}paths: {{/a: {{get: {get}}}}}\ncomponents: {{responses: {{A: {{description: A}}}}}}\n"

    assert findings(tmp_path, text) == []
