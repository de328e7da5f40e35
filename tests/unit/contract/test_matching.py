"""Media types: spelling, parameters, and which entry of a ``content`` map is meant."""

import time
from pathlib import Path

import pytest

from tbg.contract import DocumentError
from tbg.contract.matching import canonical, distinct, finder, parse_media_type
from tests.unit.contract.support import Document, Resource, body, document, load, operation, respond, serve


@pytest.mark.parametrize(
    ("header", "parsed"),
    [
        ("application/json", ("application/json", {})),
        ("Application/JSON;", ("application/json", {})),
        (" text/plain ; Charset = UTF-8 ", ("text/plain", {"charset": "UTF-8"})),
        ('a/b; x="1;2,3=4"; y="\\"\\\\"', ("a/b", {"x": "1;2,3=4", "y": '"\\'})),
        ('a/b; x="unfinished', ("a/b", {"x": "unfinished"})),
        ("a/b; x=1; X=2", ("a/b", {"x": "1"})),
        ("a/b; x; =1;; y=", ("a/b", {"y": ""})),
        ("", ("", {})),
    ],
)
def test_a_content_type_is_read_however_untidy(header: str, parsed: tuple[str, dict[str, str]]) -> None:
    assert parse_media_type(header) == parsed


@pytest.mark.parametrize("part", [";", "a", ";a", ";a=", '"', ';a="', "\\", " ", '; a="\\'])
def test_a_long_header_takes_a_short_time(part: str) -> None:
    started = time.process_time()
    parse_media_type("a/b;" + part * (200_000 // len(part)))
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("keys", "header", "found"),
    [
        (["application/json"], "application/json; charset=utf-8", 0),
        (["application/json; charset=utf-8"], "application/json", 0),
        (["text/plain; charset=utf-8", "text/plain"], "text/plain", 1),
        (["text/plain; charset=utf-8", "text/plain"], "text/plain;charset=UTF8", 0),
        (["text/plain; charset=utf-8"], "text/plain; charset=iso-8859-1", None),
        (["a/b; version=1", "a/b; version=2"], "a/b; version=2", 1),
        (["a/b; version=1", "a/b; version=2"], 'A/B; Version="1"', 0),
        (["a/b; version=1", "a/b; version=2"], "a/b", None),
        (["a/b; version=1", "a/b; version=2"], "a/b; version=3", None),
        (["a/b; version=1", "a/b"], "a/b; version=3", 1),
        (["a/b; v=A"], "a/b; v=a", None),
        (["a/b; x=1", "a/b; x=1; y=2"], "a/b; y=2; x=1; z=3", 1),
        (["a/b; x=1", "a/*", "*/*"], "a/b", 1),
        (["*/*", "a/*"], "a/c; x=1", 1),
        (["*/*"], "c/d", 0),
        (["*/*", "a/b"], "a/b", 1),
        (['a/b; profile="x;y"'], 'a/b; profile="x;y"', 0),
        (["a/b"], "", None),
    ],
)
def test_the_most_specific_key_counts(keys: list[str], header: str, found: int | None) -> None:
    find = finder(distinct((key, position) for position, key in enumerate(keys)))

    assert find(header)[0] == found
    assert find(header)[0] == found  # as it was remembered


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("application/json", "Application/JSON"),
        ("a/b; x=1; y=2", 'a/b;Y="2";x=1'),
        ("text/plain; charset=utf-8", "text/plain; charset=UTF8"),
    ],
)
def test_two_keys_that_mean_the_same_are_found_at_boot(tmp_path: Path, one: str, other: str) -> None:
    with pytest.raises(DocumentError, match="the same media type"):
        load(tmp_path, document({"/act": {"post": operation(requestBody={"content": {one: {}, other: {}}})}}))


@pytest.mark.parametrize("key", ["json", "application", "a b/c", "/json", ""])
def test_a_key_that_is_no_media_type_is_found_at_boot(key: str) -> None:
    with pytest.raises(ValueError, match="no media type"):
        canonical(key)


def test_a_charset_that_is_not_read_is_found_at_boot(tmp_path: Path) -> None:
    latin = body({"type": "string"}, "text/plain; charset=iso-8859-1")

    with pytest.raises(DocumentError, match="only UTF-8"):
        load(tmp_path, document({"/act": {"post": operation(requestBody=latin)}}))


VERSIONS: Document = {
    'application/json; version="1"': {"schema": {"type": "integer"}},
    "application/json; version=2": {"schema": {"type": "string"}},
}


@pytest.mark.parametrize(
    ("content_type", "sent", "status"),
    [
        ("application/json; version=1", b"1", 200),
        ("application/json; version=1", b'"a"', 422),
        ('application/json;charset=utf-8;Version="2"', b'"a"', 200),
        ("application/json; version=2", b"1", 422),
        ("application/json; version=3", b"1", 415),
        ("application/json", b"1", 415),
    ],
)
def test_a_request_is_judged_by_the_version_that_it_names(
    tmp_path: Path, content_type: str, sent: bytes, status: int
) -> None:
    contract = load(tmp_path, document({"/act": {"post": operation(requestBody={"content": VERSIONS})}}))

    result = serve(contract).send("POST", headers={"Content-Type": content_type}, body=sent)

    assert result.status_code == status


@pytest.mark.parametrize(
    ("content_type", "text", "breach"),
    [
        ("application/json; version=1", "1", None),
        ("application/json; version=2", "1", "type"),
        ("application/json; version=2", '"a"', None),
        ("application/json", "1", "content"),
    ],
)
def test_a_response_is_judged_by_the_version_that_it_names(
    tmp_path: Path, content_type: str, text: str, breach: str | None
) -> None:
    responses = {"200": {"description": "Good.", "content": VERSIONS}}
    contract = load(tmp_path, document({"/act": {"get": operation(responses=responses)}}))
    tested = serve(contract, {"/act": Resource(respond(text=text, content_type=content_type))})

    tested.send()

    assert [each.keyword for each in tested.breaches] == ([breach] if breach else [])
