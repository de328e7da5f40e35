"""Where openapi-core's formats are wrong: each test fails once upstream is right, and then ours can go."""

from typing import Any

import pytest
from jsonschema_path import SchemaPath
from openapi_core.validation.schemas import oas31_schema_validators_factory

from tbg.contract.schemas import compile_schema

UUID = "5d0a1f4c-9c0f-4a53-8d3e-0c6a0f0d8a11"


def theirs_and_ours(name: str, value: Any) -> tuple[bool, bool]:  # noqa: ANN401 - a value of JSON
    spec = SchemaPath.from_dict({"schema": {"format": name}})
    schema = spec / "schema"
    try:
        theirs = bool(oas31_schema_validators_factory.create(spec, schema).validator.is_valid(value))
    except Exception:  # noqa: BLE001 - some checks raise
        theirs = False
    return theirs, compile_schema(spec, schema)(value) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time", "08:30:06Z"),  # RFC 3339, section 5.6: full-time has an offset
        ("date-time", "2016-12-31T23:59:60Z"),  # section 5.7: a leap second
        ("date-time", "0000-01-01T00:00:00Z"),  # section 5.6: date-fullyear is four digits
        ("regex", "(?<year>[0-9]{4})"),  # ECMA-262, GroupName
    ],
)
def test_openapi_core_refuses_what_has_the_format(name: str, value: object) -> None:
    assert theirs_and_ours(name, value) == (False, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time", "12:00:00"),  # RFC 3339, section 5.6: full-time has an offset
        ("date-time", "2020-01-01T00:00:00Z\n"),  # section 5.6
        ("uuid", UUID[:-1] + "১"),  # RFC 9562, section 4: HEXDIG
        ("email", "@"),  # RFC 5321, section 4.1.2
        ("idn-email", "@"),  # RFC 6531, section 3.3
        ("int32", 3e9),  # OpenAPI 3.1.1, section 4.4: 3e9 is an integer, too, and larger than 32 bits
        ("int64", 1e300),
        ("byte", "YWJj="),  # RFC 4648, section 4: no padding where none is needed
        ("regex", r"\Z"),  # ECMA-262 has no such escape
        ("duration", "soon"),  # RFC 3339, appendix A
        ("hostname", "-"),  # RFC 1123, section 2.1
        ("uri", "a"),  # RFC 3986, section 3
        ("uri-reference", "%"),  # section 4.1
        ("iri", "a"),  # RFC 3987, section 2.2
        ("iri-reference", " "),
        ("uri-template", "{"),  # RFC 6570, section 2
        ("json-pointer", "a"),  # RFC 6901, section 3
        ("relative-json-pointer", "a"),
        ("float", 1e39),  # the OpenAPI format registry: single precision
    ],
)
def test_openapi_core_takes_what_has_not_the_format(name: str, value: object) -> None:
    assert theirs_and_ours(name, value) == (True, False)
