"""What ``format`` asserts: each by its RFC, of its own type only, whatever the text, in time linear in it."""

import time
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import falcon.asgi
import pytest

from tbg.contract.formats import FORMATS, is_asserted
from tbg.contract.formats import has_format as conforms
from tests.unit.contract.schema_engine import Engine
from tests.unit.contract.support import Resource, body, document, findings, load, operation, serve

SOME_UUID = "5d0a1f4c-9c0f-4a53-8d3e-0c6a0f0d8a11"
LABEL = "a" * 63

GOOD: dict[str, list[object]] = {
    "date": ["2020-02-29", "2000-02-29", "0000-01-01", "9999-12-31"],
    "time": ["08:30:06Z", "08:30:06.123456789+23:59", "08:30:06z", "23:59:60Z", "15:59:60-08:00", "00:59:60+01:00"],
    "date-time": [
        *("2020-01-01T00:00:00Z", "2020-01-01t00:00:00z", "2020-01-01T00:00:00.5-23:59", "0000-02-29T00:00:00-00:00"),
        # Leap seconds, in several time zones (RFC 3339, section 5.7 and appendix D).
        *("1998-12-31T23:59:60Z", "2015-06-30T23:59:60.5z", "2015-06-30T23:59:60+00:00", "2015-06-30T23:59:60-00:00"),
        *("1990-12-31T15:59:60-08:00", "2016-12-31T00:00:60-23:59", "2017-01-01T00:59:60+01:00"),
        *("2015-07-01T05:29:60+05:30", "2017-01-01T00:00:60+00:01", "2017-01-01T23:58:60+23:59"),
    ],
    "duration": ["P1Y", "P1Y2M3DT4H5M6S", "PT0S", "PT36H", "P4W", "P1DT12H", "P0D"],
    "email": [
        "a@b",
        "a.b+c@example.com",
        '"a b@c"@example.com',
        '"a <@c"@example.com',
        "a@[127.0.0.1]",
        "a@[IPv6:::1]",
        "a" * 64 + "@b.c",
    ],
    "idn-email": ["실례@실례.테스트", "a@b.c"],
    "hostname": ["a", "example.com", "A-1.b", LABEL, ".".join([LABEL] * 3 + ["a" * 61]), "xn--4gbwdl.xn--wgbh1c"],
    "idn-hostname": ["실례.테스트", "faß.de", "a.b"],
    "uri": ["http://a", "urn:isbn:1", "mailto:a@b", "http://[::1]:80/%20?a=b#c", "a:", "tel:+1-816"],
    "uri-reference": ["", "#a", "?a", "//a/b", "../a", "http://a"],
    "iri": ["http://é.c/ü?ö#ä", "urn:a"],
    "iri-reference": ["/é", "#é", ""],
    "uri-template": ["http://a/{b}{?c,d*}{e:3}", "a", ""],
    "uuid": [
        SOME_UUID,
        SOME_UUID.upper(),
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ],
    "ipv4": ["0.0.0.0", "255.255.255.255", "192.0.2.7"],  # noqa: S104 - no address to bind
    "ipv6": ["::", "::1", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1::"],
    "regex": ["^a$", r"\d+", "(?<year>[0-9]{4})", "(?=a)b", "", r"a{99999999999999999999}"],
    "json-pointer": ["", "/", "/a~0~1/0", "/é"],
    "relative-json-pointer": ["0", "1/a", "0#", "10/a~1b"],
    "byte": ["", "YQ==", "YWI=", "YWJj", "+/+/"],
    "base64url": ["", "YQ", "YQ==", "YWI", "YWI=", "YWJj", "-_-_"],
    "binary": ["", "\x00é"],
    "password": ["", "a"],
    "int8": [-128, 127, 1.0],
    "int16": [-(2**15), 2**15 - 1],
    "int32": [-(2**31), 2**31 - 1, 0, 1.0, -0.0, 2.0**30],
    "uint8": [0, 255],
    "uint16": [0, 2**16 - 1],
    "uint32": [0, 2**32 - 1],
    "uint64": [0, -0.0, 2**64 - 1, 2.0**63],
    "int64": [-(2**63), 2**63 - 1, 2**53 + 1, 2.0**62, -(2.0**63)],
    "float": [0, 0.1, 3.4e38, -3.4028234663852886e38, 10**38],
    "double": [0, 0.1, 1.7976931348623157e308, 10**308, 5e-324],
}
BAD: dict[str, list[object]] = {
    "date": [
        "2021-02-29",
        "1900-02-29",
        "2020-1-01",
        "20200101",
        "2020-W01-1",
        "2020-001",
        "",
        "+2020-01-01",
        "+220-01-01",
    ],
    "time": [
        "08:30:06",
        "24:00:00Z",
        "08:60:00Z",
        "08:30Z",
        "08:30:06+24:00",
        "08:30:06+0100",
        "22:59:60Z",
        "23:59:60",
    ],
    "date-time": [
        *(
            "2020-01-01 00:00:00Z",
            "2020-01-01T00:00:00",
            "2020-01-01T00:00:00.Z",
            "2020-01-01T00:00:00,5Z",
            "2020-01-01",
        ),
        *("2020-01-01T24:00:00Z", "2020-02-30T00:00:00Z", "2020-01-01T00:00:61Z", "2020-01-01T00:00:00+00:60"),
        # No leap second: another time, another day, the right ones in another time zone.
        *("2016-12-31T23:58:60Z", "2016-12-31T22:59:60Z", "2016-12-30T23:59:60Z", "2016-11-30T23:59:60Z"),
        *(
            "2017-01-01T23:59:60Z",
            "2016-12-31T00:59:60+01:00",
            "2017-01-01T22:59:60-01:00",
            "2015-07-01T23:59:60+00:00",
        ),
        *("2016-12-31T23:59:60+01:00", "2016-12-31T23:59:60-01:00", "2016-12-30T15:59:60-08:00"),
    ],
    "duration": ["P", "PT", "P1YT", "P1Y2W", "P1Y2D", "PT1H1S", "P1.5D", "p1y", "-P1D", "P1D2H", "1D", ""],
    "email": [
        *(
            "a",
            "@",
            "a@",
            "@b",
            "a b@c",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a@b..c",
            "a@-b",
            "a@b_c",
            "a@b@c",
            "é@b.c",
            "a@é.c",
        ),
        *(
            "A <a@b.c>",
            "A <a@b.c>\n",
            "<a@b.c>",
            " a@b.c",
            "a@b.c ",
            '"a\tb"@c.d',
            '"a\x01"@c.d',
            '"a"b@c.d',
            "a@[1.2.3]",
            "a@[::1]",
        ),
        *("a" * 65 + "@b.c", "a@" + "b" * 64),
    ],
    "idn-email": ["a", "@", "a@", "A <é@b.c>", "A <é@b.c>\n", '"é\t"@b.c'],
    "hostname": ["", "-a", "a-", "a_b", "a..b", ".a", "a.", "é", "a b", LABEL + "a", ".".join([LABEL] * 4), "xn--X"],
    "idn-hostname": ["", "-a", "a b", "〮실례.테스트", LABEL + "a"],
    "uri": [
        "",
        "a",
        "/a",
        "//a",
        "1:a",
        "http://a b",
        "http://a/%zz",
        "http://[::1",
        "http://é",
        "http://a/#b#c",
        ":a",
    ],
    "uri-reference": ["a b", "%zz", "é", "\\a", "#a#b", ":a", "1:a"],
    "iri": ["/é", "é", "http://a b", "http://2001:0db8::7334"],
    "iri-reference": ["a b", "\\é"],
    "uri-template": ["{", "}", "{a", "{a b}", "{}", "a b", "%zz"],
    "uuid": [
        *(SOME_UUID.replace("-", ""), "urn:uuid:" + SOME_UUID, "{" + SOME_UUID + "}"),
        *(SOME_UUID[:-1] + "_", SOME_UUID[:-1] + "g", SOME_UUID[:-1]),
    ],
    "ipv4": ["1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4/8", "0x7f.0.0.1", "1", " 1.2.3.4"],
    "ipv6": ["", ":", ":::", "1::2::3", "::1/64", "fe80::1%eth0", "12345::", "1:2:3:4:5:6:7:8:9", "::1.2.3", "[::1]"],
    "regex": ["(", "[a", "a{2,1}", "a**", r"\Z", "(?P<n>a)", "[z-a]"],
    "json-pointer": ["a", "#/a", "/~", "/~2"],
    "relative-json-pointer": ["", "a", "01", "-1", "+1", "0##", "/a"],
    "byte": ["Y", "YQ", "YQ=", "YWI", "Y===", "YQ==YQ==", "-_-_", "YQ= =", "é", "Y Q="],
    "base64url": ["Y", "YQ=", "Y===", "+/+/", "YQ==YQ=="],
    "int8": [-129, 128, 0.5],
    "int16": [-(2**15) - 1, 2**15],
    "uint8": [-1, 256, 0.5],
    "uint16": [-1, 2**16],
    "uint32": [-1, 2**32],
    "uint64": [-1, 2**64, 2.0**64, -1e-320],
    "int32": [2**31, -(2**31) - 1, 2.0**31, 3e9, 0.5, 10**400],
    "int64": [2**63, -(2**63) - 1, 2.0**63, 1.5, 1e300],
    "float": [3.5e38, 10**39, -1e300],
    "double": [10**309, -(10**400)],
}
TEXT_FORMATS = [name for name in FORMATS if isinstance(GOOD[name][0], str)]
FREE = {"binary", "password"}


def has_format(name: str, value: Any) -> bool:  # noqa: ANN401 - a value of JSON
    """Return the verdict on ``value``, in which the judge and the acceptor agree."""
    schema = {"format": name}

    verdict = Engine({"schema": schema}).verdict(schema, value)

    assert verdict is not None
    return verdict


def test_every_format_has_cases() -> None:
    assert FORMATS.keys() == GOOD.keys() == BAD.keys() | FREE


@pytest.mark.parametrize("name", GOOD)
def test_what_has_the_format_passes(name: str) -> None:
    assert [value for value in GOOD[name] if not has_format(name, value)] == []


@pytest.mark.parametrize("name", BAD)
def test_what_has_not_the_format_does_not(name: str) -> None:
    assert [value for value in BAD[name] if has_format(name, value)] == []


@pytest.mark.parametrize("name", sorted(set(TEXT_FORMATS) - FREE))
def test_a_newline_at_the_end_is_no_part_of_a_format(name: str) -> None:
    taken = [text for text in GOOD[name] if has_format(name, f"{text}\n")]

    # Of these it can be a part: any character stands for itself (RFC 6901, section 3; ECMA-262, PatternCharacter).
    assert not taken or name in {"json-pointer", "relative-json-pointer", "regex"}


# These have digits wherever their grammar has other characters of text.
ANY_CHARACTER = {"idn-email", "idn-hostname", "iri", "iri-reference", "uri-template", "regex", "json-pointer"}


@pytest.mark.parametrize("name", sorted(set(TEXT_FORMATS) - FREE - ANY_CHARACTER - {"relative-json-pointer"}))
def test_digits_are_those_of_ascii(name: str) -> None:
    digits = [str(text).translate({ord("0") + digit: 0x0660 + digit for digit in range(10)}) for text in GOOD[name]]

    assert not [text for text in digits if not text.isascii() and has_format(name, text)]


@pytest.mark.parametrize("name", ["date", "time", "date-time"])
def test_nothing_but_a_digit_is_a_digit(name: str) -> None:
    others = [chr(code) for code in range(1, 128) if not chr(code).isdigit()]

    for text in map(str, GOOD[name]):
        for at in (at for at, character in enumerate(text) if character.isdigit()):
            changed = [text[:at] + other + text[at + 1 :] for other in others]
            assert not [each for each in changed if conforms(each, name)]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_of_its_own_type_only(name: str) -> None:
    others = [
        *(["x", "1.5"] if name not in TEXT_FORMATS else [1, 1.5, 10**400]),
        True,
        False,
        None,
        [],
        ["x"],
        {"x": 1},
    ]

    assert [value for value in others if not has_format(name, value)] == []


@pytest.mark.parametrize("name", ["x", "decimal", "commonmark", "date-time-local"])
def test_a_format_that_nobody_knows_is_an_annotation(name: str) -> None:
    assert not is_asserted(name)
    assert has_format(name, "anything")


LONG = [
    "1",
    "a",
    "%",
    "{a}",
    "é",
    "a.",
    "(",
    "[",
    "\\",
    "a:",
    "@",
    '"',
    "xn--",
    "-",
    "~1",
    "/",
    "{",
    "\u0300",
    "(a|",
    ".",
]


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_a_long_text_costs_milliseconds(name: str) -> None:
    started = time.process_time()
    for part in LONG:
        for frame in ("{}", "http://{}", "a@{}", '"{}"@a', "P{}D", "2020-01-01T00:00:00.{}Z"):
            conforms(frame.format(part * (100_000 // len(part))), name)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("name", sorted(set(TEXT_FORMATS) - FREE))
def test_half_of_a_surrogate_pair_raises_nothing(name: str) -> None:
    assert not has_format(name, "\ud800")


@attrs.frozen
class Times:
    """A body as a responder would ask for it."""

    on: date | None = None
    at: datetime | None = None
    id: UUID | None = None


@pytest.mark.parametrize(
    ("field", "name", "text"),
    [
        (field, name, text)
        for field, name in (("on", "date"), ("at", "date-time"), ("id", "uuid"))
        for text in GOOD[name]
    ],
)
def test_what_has_the_format_has_a_value_in_python_or_is_a_422(
    tmp_path: Path, field: str, name: str, text: str
) -> None:
    async def answer(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.media = str(getattr(req.context.call.body(Times), field))

    schema = {"type": "object", "properties": {field: {"type": "string", "format": name}}}
    contract = load(tmp_path, document({"/act": {"post": operation(requestBody=body(schema))}}))

    result = serve(contract, {"/act": Resource(answer, ["post"])}).send("POST", json={field: text})

    if name != "uuid" and (text.startswith("0000") or ":60" in text):
        assert findings(result) == [("body", f"/{field}", "format")]
    else:
        assert result.status_code == 200
