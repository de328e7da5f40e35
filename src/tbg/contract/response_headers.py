"""The headers of a response, compiled: how each is read and judged."""

from collections.abc import Callable
from typing import Any, Final

import attrs
from jsonschema_path import SchemaPath

from tbg.contract.decoding import MalformedBodyError
from tbg.contract.media import Media, compile_content
from tbg.contract.readers import InvalidParameterError
from tbg.contract.schemas import Finding, Validate, compile_schema
from tbg.contract.shapes import MISSING, Shapes, is_plain_text, written
from tbg.contract.styles import compile_style, style_of

SET_COOKIE: Final = "set-cookie"
CONTENT_LENGTH: Final = "content-length"
_IGNORED: Final = "content-type"
# The server adds these to what left the application (RFC 9110, section 6.6.1; RFC 9112, sections 6.1 and 9.3).
_OF_SERVER: Final = frozenset({"date", "server", "connection", "keep-alive", "transfer-encoding"})
_CHOICE: Final = frozenset({"const", "enum", "pattern"})  # keywords of text that takes longer to judge, and comes again
_REQUIRED: Final = (Finding("", "required", "is required"),)

HeaderCheck = Callable[[Any], tuple[Finding, ...]]
"""Judge the text of one header; of ``Set-Cookie``, the list of all."""


@attrs.frozen
class Header:
    """One documented response header, compiled.

    Attributes:
        comes_again: Whether its values are worth remembering: numbers and lists come again, ids don't.
    """

    name: str
    required: bool
    validate: HeaderCheck
    comes_again: bool


def compile_headers(spec: SchemaPath, headers: SchemaPath, known: dict[tuple[str, int], Header]) -> tuple[Header, ...]:
    """Compile a ``headers`` map; what several responses refer to is found in ``known``.

    Raises:
        ValueError: A header cannot be read.
    """
    compiled: list[Header] = []
    for name, header in headers.items():
        if str(name).lower() == _IGNORED:
            continue
        place = str(name), id(header.read_value())
        if place not in known:
            known[place] = _compile(spec, str(name), header)
        compiled.append(known[place])
    return tuple(compiled)


def _compile(spec: SchemaPath, name: str, header: SchemaPath) -> Header:
    is_required = (header / "required").read_bool(default=False) and name.lower() not in _OF_SERVER
    if "content" in header:
        return Header(name, is_required, _by_content(spec, name, header / "content"), comes_again=False)
    if "schema" not in header:
        raise ValueError(f"the header '{name}' has neither schema nor content")
    schema = header / "schema"
    validate: HeaderCheck = compile_schema(spec, schema)
    if name.lower() == SET_COOKIE:
        return Header(name, is_required, _of_cookies(spec, schema, validate), comes_again=False)
    is_text = is_plain_text(schema)
    if not is_text:
        validate = _by_style(spec, name, header, validate)
    comes_again = not is_text or not _CHOICE.isdisjoint(schema.read_value())
    return Header(name, is_required, validate, comes_again)


def _by_style(spec: SchemaPath, name: str, header: SchemaPath, validate: Validate) -> HeaderCheck:
    style, explode = style_of(header, "header")
    read = compile_style(spec, header / "schema", name, style, explode=explode, location="header").read

    def judge(raw: str) -> tuple[Finding, ...]:
        try:
            value = read({name: [raw]})
        except InvalidParameterError as invalid:
            return invalid.findings
        return _REQUIRED if value is MISSING else validate(value)

    return judge


def _by_content(spec: SchemaPath, name: str, content: SchemaPath) -> HeaderCheck:
    entries: list[Media] = list(compile_content(spec, content).values())
    if len(entries) != 1:
        raise ValueError(f"the header '{name}' must have one media type in its content (OpenAPI 3.1.1, section 4.8.21)")
    media = entries[0]
    if media.unread:
        raise ValueError(f"the header '{name}': {media.unread}")

    def judge(raw: str | list[str]) -> tuple[Finding, ...]:
        text = raw if isinstance(raw, str) else "\n".join(raw)  # of Set-Cookie, as OpenAPI 3.2 has it
        try:
            return media.validate(media.decode(text.encode(), {})) if media.validate else ()
        except MalformedBodyError:
            return (Finding("", "format", "is malformed"),)

    return judge


def _of_cookies(spec: SchemaPath, schema: SchemaPath, validate: Validate) -> HeaderCheck:
    """Judge the cookies as the schema has them: each by itself, all as a list, or by name.

    They are never joined (RFC 9110, section 5.3). OpenAPI 3.1 says nothing of them; by name is 3.2's way.
    """
    kinds = Shapes(spec.read_value()).types([written(schema)])
    if "object" in kinds:
        return lambda lines: validate({name: value for name, _, value in (line.partition("=") for line in lines)})
    if "array" in kinds:
        return validate
    return lambda lines: next(filter(None, map(validate, lines)), ())
