"""The table of styles (OpenAPI 3.1.1, section 4.8.12.3), cell by cell, and what RFC 6570 says of its delimiters."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_path import SchemaPath

from tbg.contract.raw import split_cookies, split_query
from tbg.contract.styles import Location, Style, compile_style, style_of
from tests.unit.contract.support import Document

type Value = Any  # a text, a list or an object of text

TEXT: Document = {"type": "string"}
LIST: Document = {"type": "array", "items": {"type": "string"}}
OBJECT: Document = {
    "type": "object",
    "properties": {"R": {"type": "integer"}, "G": {"type": "integer"}, "B": {"type": "string"}},
}
SCHEMAS: dict[str, Document] = {"primitive": TEXT, "array": LIST, "object": OBJECT}
VALUES = {"primitive": "blue", "array": ["blue", "black", "brown"], "object": {"R": 100, "G": 200, "B": "150"}}


def compiled(
    schema: Document, style: str, *, explode: bool, location: Location = "query", name: str = "color"
) -> Style:
    spec = SchemaPath.from_dict({"openapi": "3.1.0", "parameter": {"schema": schema}})
    return compile_style(spec, spec / "parameter" / "schema", name, style, explode=explode, location=location)


def read(style: Style, location: Location, text: str, name: str = "color") -> object:
    """Read what stands in a query, behind ``?``; in a Cookie header; or is the text of a header or a path's segment."""
    if location == "query":
        return style.read(split_query(text))
    if location == "cookie":
        return style.read(split_cookies(text))
    return style.read({name: [text]})


TABLE = [
    ("matrix", False, (";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150")),
    ("matrix", True, (";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150")),
    ("label", False, (".blue", ".blue,black,brown", ".R,100,G,200,B,150")),
    ("label", True, (".blue", ".blue.black.brown", ".R=100.G=200.B=150")),
    ("simple", False, ("blue", "blue,black,brown", "R,100,G,200,B,150")),
    ("simple", True, ("blue", "blue,black,brown", "R=100,G=200,B=150")),
    ("form", False, ("color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150")),
    ("form", True, ("color=blue", "color=blue&color=black&color=brown", "R=100&G=200&B=150")),
    ("spaceDelimited", False, (None, "color=blue%20black%20brown", "color=R%20100%20G%20200%20B%20150")),
    ("spaceDelimited", True, (None, None, None)),
    ("pipeDelimited", False, (None, "color=blue%7Cblack%7Cbrown", "color=R%7C100%7CG%7C200%7CB%7C150")),
    ("pipeDelimited", True, (None, None, None)),
    ("deepObject", False, (None, None, None)),
    ("deepObject", True, (None, None, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150")),
]
STYLES: dict[Location, set[str]] = {
    "path": {"simple", "label", "matrix"},
    "query": {"form", "spaceDelimited", "pipeDelimited", "deepObject"},
    "header": {"simple"},
    "cookie": {"form"},
}
CELLS = [
    (location, style, explode, kind, text if style in STYLES[location] else None)
    for (style, explode, texts), location in product(TABLE, STYLES)
    for kind, text in zip(VALUES, texts, strict=True)
]


@pytest.mark.parametrize(("location", "style", "explode", "kind", "text"), CELLS)
def test_each_cell_of_the_table_is_read_right_or_refused(
    location: Location, style: str, explode: bool, kind: str, text: str | None
) -> None:
    if text is None:
        with pytest.raises(ValueError, match=r"'color': (OpenAPI has no style|style '\w+' with explode: \w+ is not)"):
            compiled(SCHEMAS[kind], style, explode=explode, location=location)
    else:
        tested = compiled(SCHEMAS[kind], style, explode=explode, location=location)

        # A cookie's pairs are delimited by "; " (appendix D).
        assert read(tested, location, text.replace("&", "; ") if location == "cookie" else text) == VALUES[kind]


def test_the_table_is_complete() -> None:
    assert len(CELLS) == 168
    assert sum(cell[-1] is not None for cell in CELLS) == 41


@pytest.mark.parametrize(
    ("location", "members", "style"),
    [
        ("path", {}, ("simple", False)),
        ("query", {}, ("form", True)),
        ("header", {}, ("simple", False)),
        ("cookie", {}, ("form", True)),
        ("path", {"style": "matrix"}, ("matrix", False)),
        ("query", {"style": "pipeDelimited"}, ("pipeDelimited", False)),
        ("query", {"style": "form", "explode": False}, ("form", False)),
        ("query", {"style": "deepObject"}, ("deepObject", True)),
        ("query", {"style": "deepObject", "explode": False}, ("deepObject", False)),
    ],
)
def test_defaults_of_styles(location: Location, members: Document, style: tuple[str, bool]) -> None:
    assert style_of(SchemaPath.from_dict({"parameter": members}) / "parameter", location) == style


def _encode(text: str, also: str = "") -> str:
    """Percent-encode all but the unreserved characters (RFC 3986, section 2.3), as RFC 6570 does (section 3.2.1)."""
    safe = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") - set(also)
    return "".join(char if char in safe else "".join(f"%{byte:02X}" for byte in char.encode()) for char in text)


def _pairs(value: dict[str, str], separator: str, equals: str) -> str:
    return separator.join(f"{_encode(name)}{equals}{_encode(text)}" for name, text in value.items())


def _flat(value: Value, separator: str) -> str:
    parts = [value] if isinstance(value, str) else value
    return separator.join(
        map(_encode, parts if isinstance(parts, list) else [x for pair in parts.items() for x in pair])
    )


def expand(style: str, *, explode: bool, value: Value) -> str:  # noqa: C901, PLR0911 - one line a cell
    """Expand ``{…color}`` as RFC 6570, section 3.2 says; the last three styles as OpenAPI's table does."""
    is_object = isinstance(value, dict)
    each = value if isinstance(value, list) else [value]
    match style, explode:
        case ("simple", True) if is_object:
            return _pairs(value, ",", "=")
        case "simple", _:
            return _flat(value, ",")
        case "label", True:
            return "." + (_pairs(value, ".", "=") if is_object else ".".join(map(_encode, each)))
        case "label", False:
            return "." + _flat(value, ",")
        case ("matrix", True) if is_object:
            return ";" + ";".join(
                f"{_encode(name)}={_encode(text)}" if text else _encode(name) for name, text in value.items()
            )
        case "matrix", True:
            return "".join(f";color={_encode(text)}" if text else ";color" for text in each)
        case "matrix", False:
            return f";color={_flat(value, ',')}" if _flat(value, ",") else ";color"
        case ("form", True) if is_object:
            return _pairs(value, "&", "=")
        case "form", True:
            return "&".join(f"color={_encode(text)}" for text in each)
        case "deepObject", _:
            return "&".join(f"color%5B{_encode(name)}%5D={_encode(text)}" for name, text in value.items())
    return f"color={_flat(value, {'form': ',', 'spaceDelimited': '%20', 'pipeDelimited': '%7C'}[style])}"


# What a style cannot carry: its own delimiter, where that is not encoded or always is (appendix E).
_CANNOT = {
    ("label", True): ".",
    ("spaceDelimited", False): " ",
    ("pipeDelimited", False): "|",
    ("deepObject", True): "[]",
}
_AWKWARD = 'a0é💡%+ ,.;=&|/?#[]~"\n'
_OPEN = {"type": "object", "additionalProperties": {"type": "string"}}
_DEFINED = sorted({(location, style, explode, kind) for location, style, explode, kind, text in CELLS if text})


@pytest.mark.parametrize(("location", "style", "explode", "kind"), [cell for cell in _DEFINED if cell[0] != "header"])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_what_rfc_6570_expands_is_read_back(
    location: Location, style: str, explode: bool, kind: str, data: st.DataObject
) -> None:
    text = st.text(sorted(set(_AWKWARD) - set(_CANNOT.get((style, explode), ""))), max_size=4)
    # A cookie's name is never encoded (RFC 6265, section 4.1.1).
    named = st.text("ab" if location == "cookie" else sorted(set(_AWKWARD) - set(".[]| ")), min_size=1, max_size=2)
    texts, members = st.lists(text, min_size=1, max_size=3), st.dictionaries(named, text, min_size=1, max_size=3)
    value: Any = data.draw({"primitive": text, "array": texts, "object": members}[kind])
    tested = compiled(SCHEMAS[kind] if kind != "object" else _OPEN, style, explode=explode, location=location)

    sent = expand(style, explode=explode, value=value)

    assert read(tested, location, sent.replace("&", "; ") if location == "cookie" else sent) == value


@pytest.mark.parametrize(
    ("schema", "style", "explode", "location", "text", "value"),
    [
        (LIST, "form", False, "query", "color=a%2Cb,c", ["a,b", "c"]),
        (LIST, "form", True, "query", "color=a+b&color=a%2Bb&color=%26", ["a b", "a+b", "&"]),
        (LIST, "form", True, "query", "c%6Flor=a", ["a"]),
        (LIST, "form", True, "query", "color", [""]),
        (LIST, "form", False, "query", "color=,", ["", ""]),
        (LIST, "pipeDelimited", False, "query", "color=a|b%7cc,d", ["a", "b", "c,d"]),
        (LIST, "spaceDelimited", False, "query", "color=a+b%20c", ["a", "b", "c"]),
        (LIST, "simple", False, "path", "a%2Cb,c+d", ["a,b", "c+d"]),
        (LIST, "simple", False, "header", "a , b,\tc%2C", ["a", "b", "c%2C"]),
        (LIST, "form", False, "cookie", "color=a%2Cb,c+d", ["a,b", "c+d"]),
        (LIST, "form", True, "cookie", 'color="a=b"; color=c\\', ["a=b", "c\\"]),
        (LIST, "label", True, "path", ".a%2Eb.c", ["a.b", "c"]),
        (LIST, "matrix", True, "path", ";c%6Flor=a;color", ["a", ""]),
        (OBJECT, "matrix", True, "path", ";R=1;B", {"R": 1, "B": ""}),
        (OBJECT, "simple", True, "header", "R=1, B=x=y", {"R": 1, "B": "x=y"}),
        (TEXT, "label", True, "path", ".1.5", "1.5"),
        (TEXT, "form", True, "query", "color=a,b|c", "a,b|c"),
    ],
)
def test_text_is_split_before_it_is_decoded(  # noqa: PLR0913, PLR0917 - a table
    schema: Document, style: str, explode: bool, location: Location, text: str, value: object
) -> None:
    assert read(compiled(schema, style, explode=explode, location=location), location, text) == value
